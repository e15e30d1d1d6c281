"""Small archives by other makers, for machines that lack their programs; `make` says how each was made."""
