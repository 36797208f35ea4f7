"""Three dimensions as values: models, cameras, rasters, textures. Knows no files, no engines, no torch."""
