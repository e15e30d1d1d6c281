"""The bytes of one package without a folder: passed through, single members, or saved to one file."""
