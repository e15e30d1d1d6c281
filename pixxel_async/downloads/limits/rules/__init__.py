"""How many connections a storage host is given, and how bodies and clients share them."""
