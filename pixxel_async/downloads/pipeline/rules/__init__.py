"""Pure recovery decision for one package by its row, part file and final file."""
