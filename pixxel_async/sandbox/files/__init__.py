"""Bytes without disk or memory: rasters, archives, and stretches of them."""
