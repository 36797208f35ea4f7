"""Pages that show a result in a browser: one HTML file each, with everything in it, which needs no network and no server."""

from atelier.viewer.page import MODULES, VERSION, data_url, module_text, page

__all__ = ["MODULES", "VERSION", "data_url", "module_text", "page"]
