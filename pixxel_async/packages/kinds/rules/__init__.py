"""Pure functions of a package's identity: its text form, and the fingerprint of a signed link."""
