"""Geometries: of texts and other libraries' objects, and of the files in a package."""
