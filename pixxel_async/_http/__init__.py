"""One call: build the request, attempt, decide, read."""
