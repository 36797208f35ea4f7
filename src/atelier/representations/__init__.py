"""Ways to hold a shape, compared: how much of it, and of its style, is left after so many bytes."""
