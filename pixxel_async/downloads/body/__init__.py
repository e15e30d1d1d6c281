"""Download of a body from a signed link to a part file: ranges, resume, retries, several connections."""
