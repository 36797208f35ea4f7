"""atelier for Krita 5 and 6."""

from krita import Krita

from .plugin import Atelier

Krita.instance().addExtension(Atelier(Krita.instance()))
