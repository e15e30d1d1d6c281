"""The sandbox's HTTP server: connections, keys, faults, scenarios, and its time."""
