"""Complete programs, each run by a test."""
