"""Painting as it happens: a face on the one way through the house. A camera in, a page that shows it painted out."""

from atelier.live.server import Server, open_server
from atelier.live.show import Show, Wanted

__all__ = ["Server", "Show", "Wanted", "open_server"]
