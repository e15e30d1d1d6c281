"""HTTP calls: build the request, send it, retry or stop, decode the response."""
