"""A picture as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from atelier.errors import ImageError

Pixels = NDArray[np.float32]

# Floats this far outside [0, 1] are rounding of somebody's arithmetic; further out they are another scale.
_SLACK = 1e-3


@dataclass(frozen=True, eq=False)
class Image:
    """A picture: sRGB pixels, perhaps transparency, and what its file said beside them.

    pixels: float32 (H, W, 3), sRGB-encoded, in [0, 1], straight (not premultiplied by alpha).
    alpha: float32 (H, W) in [0, 1], 1 is opaque; None where the picture has none.
    depth: bits a channel the file had, and is written with where the format can: 8 or 16.
    text: words carried inside the file, key to value; atelier's own key is "atelier" and its value JSON.
    notes: words for the user met at decoding ("animated GIF: the first of 12 frames").
    exif: metadata of the photo worth carrying (see `atelier.image.metadata`), beginning with b"Exif\\0\\0"; or None.

    The arrays are held read-only and C-contiguous; torch users copy (`torch.tensor(image.pixels)`).
    Raises ImageError where a shape, type or range is not as stated.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    depth: int = 8
    text: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    exif: bytes | None = None
    profile: bytes | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or 0 in self.pixels.shape:
            raise ImageError(f"pixels must be (H, W, 3) and not empty, got {self.pixels.shape}; see Image.from_array")
        object.__setattr__(self, "pixels", _checked(self.pixels, "pixels"))
        if self.alpha is not None:
            if self.alpha.shape != self.pixels.shape[:2]:
                raise ImageError(f"alpha must be {self.pixels.shape[:2]} like the pixels, got {self.alpha.shape}")
            object.__setattr__(self, "alpha", _checked(self.alpha, "alpha"))
        if self.depth not in (8, 16):
            raise ImageError(f"depth must be 8 or 16, got {self.depth}")
        object.__setattr__(self, "text", dict(self.text))

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        height, width, _ = self.pixels.shape
        return width, height

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels, as arrays count."""
        width, height = self.size
        return height, width

    @classmethod
    def from_array(cls, array: NDArray[Any], **fields: Any) -> Image:
        """Make an Image from grey (H, W), (H, W, 1), grey and alpha (H, W, 2), RGB (H, W, 3) or RGBA (H, W, 4).

        array: uint8 in [0, 255], uint16 in [0, 65535], bool, or floats in [0, 1] (a hair outside is clipped).
        fields: the other fields of Image; depth is 16 for uint16 unless given. Raises ImageError.
        """
        array = np.asarray(array)
        if array.ndim == 2:
            array = array[:, :, None]
        if array.ndim != 3 or array.shape[2] not in (1, 2, 3, 4):
            raise ImageError(f"an image's array must be (H, W) or (H, W, 1 to 4), got {array.shape}")
        if array.dtype == np.uint16:
            fields.setdefault("depth", 16)
        samples = _unit(array)
        channels = samples.shape[2]
        if channels in (2, 4):
            fields.setdefault("alpha", samples[:, :, -1])
            samples = samples[:, :, :-1]
        if channels in (1, 2):
            samples = np.repeat(samples, 3, axis=2)
        return cls(samples, **fields)

    def to_array(self, depth: int = 8) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Give (H, W, 3), or (H, W, 4) where there is alpha: uint8 for depth 8, uint16 for depth 16, rounded to nearest."""
        samples = self.pixels if self.alpha is None else np.concatenate([self.pixels, self.alpha[:, :, None]], axis=2)
        if depth == 8:
            return (samples * np.float32(255) + np.float32(0.5)).astype(np.uint8)
        if depth == 16:
            return (samples * np.float32(65535) + np.float32(0.5)).astype(np.uint16)
        raise ImageError(f"depth must be 8 or 16, got {depth}")

    def with_pixels(self, pixels: NDArray[Any]) -> Image:
        """Give the same picture (alpha, text, exif) painted differently.

        pixels: floats (H, W, 3), clipped to [0, 1]. Raises ImageError for NaN, and where there is alpha and the size is
        another: `resize` the image first.
        """
        return replace(self, pixels=np.clip(pixels, 0.0, 1.0))

    def flat(self, background: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Image:
        """Lay the picture over a background colour (sRGB in [0, 1]; white unless told)."""
        if self.alpha is None:
            return self
        alpha = self.alpha[:, :, None]
        over = self.pixels * alpha + np.array(background, np.float32) * (1 - alpha)
        return replace(self, pixels=np.clip(over, 0.0, 1.0), alpha=None)


def _checked(array: NDArray[Any], what: Literal["pixels", "alpha"]) -> Pixels:
    if array.dtype.kind != "f":
        raise ImageError(f"{what} must be floats in [0, 1], got {array.dtype}; see Image.from_array")
    array = np.ascontiguousarray(array, dtype=np.float32)
    low, high = float(array.min()), float(array.max())
    if not (low >= 0.0 and high <= 1.0):  # NaN fails both
        raise ImageError(f"{what} must be in [0, 1], got {low:g} to {high:g}")
    held = array.view()
    held.flags.writeable = False
    return held


def _unit(array: NDArray[Any]) -> Pixels:
    if array.dtype == np.bool_:
        return array.astype(np.float32)
    if array.dtype in (np.uint8, np.uint16):
        return array.astype(np.float32) / np.float32(np.iinfo(array.dtype).max)
    if array.dtype.kind != "f":
        raise ImageError(f"an image's array must be uint8, uint16, bool or floats, got {array.dtype}")
    if array.size and not (array.min() >= -_SLACK and array.max() <= 1 + _SLACK):
        raise ImageError(f"an image's floats must be in [0, 1], got {array.min():g} to {array.max():g}; divide by 255?")
    return cast(Pixels, np.clip(array, 0.0, 1.0).astype(np.float32))
