"""A page that paints in the browser: written as static files, and shown to this machine alone."""

from atelier.web.page import write_page
from atelier.web.preview import open_preview

__all__ = ["open_preview", "write_page"]
