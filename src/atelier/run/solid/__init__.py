"""Meshes through the one way: opened, laid flat, painted from all sides, written, and shown turning."""
