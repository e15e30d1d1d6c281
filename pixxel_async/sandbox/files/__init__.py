"""Files of any size as virtual bytes: rasters, archives, pictures."""
