"""From a signed link to a proved part file: range requests, resume, retries, several connections."""
