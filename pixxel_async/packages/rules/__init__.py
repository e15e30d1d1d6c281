"""Pure decision about a signed link: when it expires."""
