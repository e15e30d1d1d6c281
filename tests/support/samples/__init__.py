"""Small archives by other programs, for machines without them; `make` says how each was made."""
