"""Schedule of requests and streams over all packages of a manager."""
