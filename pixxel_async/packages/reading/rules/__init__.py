"""Pure decision about reading: the headers that are forwarded."""
