"""The entities of the API, one file each, and their rows as JSON."""
