"""Serve HTTP: connections, keys, injected faults, scenarios, and the sandbox's time."""
