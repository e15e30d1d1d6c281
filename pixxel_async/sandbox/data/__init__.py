"""What a sandbox holds: its world, what it is seeded with, the packages and their contents."""
