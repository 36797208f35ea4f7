"""atelier: photos into paintings."""

__version__ = "0.1.0"
