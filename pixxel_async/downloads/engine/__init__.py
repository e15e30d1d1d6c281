"""The tasks of a running manager: take from the source, look up, ask the API, hand on to workers."""
