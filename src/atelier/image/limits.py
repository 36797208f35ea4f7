"""How much of a picture is accepted before anybody says no."""

from __future__ import annotations

from dataclasses import dataclass

from atelier.errors import ImageError


@dataclass(frozen=True)
class Limits:
    """Bounds on what is read, so that a hostile or mistaken file cannot fill the memory or the day.

    pixels: width times height, read from the file's header before anything is decoded. bytes: size of a file, or of
    what standard input delivers. url_bytes: size of a download. seconds: longest silence of a server, and a tenth of
    the longest whole download. redirects: hops followed. private_addresses: whether a redirect may lead to a loopback,
    private or otherwise local address. typed_private: whether the URL as first given may; the person at this machine
    typed it, so yes, but a service that takes URLs from strangers must say no.
    """

    pixels: int = 200_000_000
    bytes: int = 512 * 2**20
    url_bytes: int = 64 * 2**20
    seconds: float = 20.0
    redirects: int = 5
    private_addresses: bool = False
    typed_private: bool = True


def check_size(width: int, height: int, name: str, limits: Limits) -> None:
    """Refuse a width × height that is empty or over `limits.pixels`. Raises ImageError."""
    if width < 1 or height < 1:
        raise ImageError(f"{name} is damaged: its header says {width} × {height} pixels")
    if width * height > limits.pixels:
        raise ImageError(
            f"{name} is {width} × {height} = {width * height:,} pixels, over the limit of {limits.pixels:,}; "
            "make it smaller, or raise the pixel limit (`max_pixels`, or Limits.pixels)"
        )
