"""Pure decision about one package: what to do from its row, its part file and its final file."""
