"""Where results go, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atelier.request.options import REQUIRED, option

PROFILES = ("srgb", "keep")
"""Colour profiles that a picture can be written in: sRGB, or the photo's own."""
VECTORS = (".svg", ".pdf", ".json")
"""What a drawing can be written as besides pixels."""
WAY: dict[str, Any] = {"group": "result", "advanced": True}


@dataclass(frozen=True)
class Outputs:
    """Where things go: `picture` is the result, `also` more files of the same drawing; the others are written on the way or beside it."""

    picture: str = option(REQUIRED, "File to write: .png .jpg .webp .tiff .avif .heic, or - for standard output", group="result")
    also: tuple[str, ...] = option((), "More files of the same drawing, in other formats", group="result")
    every: int = option(0, "Write the picture so far every N iterations or shapes, as OUT-00050.png and so on (0: never)", low=0, **WAY)
    animation: str | None = option(None, "Also write the way there as .gif, .webp, .png", **WAY)
    log: str | None = option(None, "Write losses to this file as JSON lines; `atelier plot` draws them", **WAY)
    checkpoint: str | None = option(None, "File to save the state in and to resume from exactly; deleted when the run is complete", **WAY)
    quality: int = option(92, "Quality of JPEG, WebP, AVIF, HEIC and JPEG XL", low=1, high=100, group="result")
    depth: int | None = option(None, "Bits a channel, 8 or 16 (default: as the photo has)", unit="bit", group="result")
    format: str | None = option(None, "Format of what goes to standard output, as jpeg (default: png)", group="result")
    codec: str | None = option(None, "Codec of a film: h264, hevc, vp9, av1, prores (default: by the suffix)", group="result")
    sound: bool = option(True, "Copy a film's sound and subtitles", group="result")
    turntable: str | None = option(None, "Of a mesh: also write it turning, as .gif .webp .mp4 or a strip of pictures, .png", **WAY)
    html: str | None = option(None, "Of a mesh or a panorama: also write a page to turn it, or look around in it, by hand", **WAY)
    overwrite: bool = option(True, "Replace files that exist", group="result")
    profile: str = option("srgb", "Colour profile of the result: sRGB, or keep the photo's own", choices=PROFILES, group="result")

    @property
    def named(self) -> list[tuple[str, str]]:
        """Every file there will be, but for the pictures on the way, with the option that names it."""
        beside = tuple((name, getattr(self, name)) for name in ("animation", "log", "checkpoint", "turntable", "html"))
        return [("picture", name) for name in (self.picture, *self.also)] + [(option, name) for option, name in beside if name]

    @property
    def resuming(self) -> bool:
        return self.checkpoint is not None and Path(self.checkpoint).exists()

    def on_the_way(self, step: int) -> Path:
        """The picture after so many steps, beside the result and like it; PNG where that is none of pixels."""
        target = Path(self.picture)
        suffix = ".png" if target.suffix.lower() in VECTORS else target.suffix or f".{(self.format or 'png').lower().lstrip('.')}"
        return target.with_name(f"{target.stem}-{step:05d}{suffix}")

    @property
    def pixels_as(self) -> str | None:
        """The format of pictures on the way, where their suffix does not say it."""
        return None if Path(self.picture).suffix.lower() in VECTORS else self.format
