"""The state of a folder besides its files: the path of its record, and the lock by which one record has it."""
