"""Pure functions over ids and links: spelling and fingerprint."""
