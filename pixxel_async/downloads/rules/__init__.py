"""Pure functions that several rooms of downloads share: file names and byte ranges."""
