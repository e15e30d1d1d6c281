"""The sandbox's state: its world, seed data, packages and their contents."""
