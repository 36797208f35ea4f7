"""Where a picture draws the eye."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from atelier.image import Image, resize


def saliency(pixels: npt.NDArray[np.float32], side: int = 64) -> npt.NDArray[np.float32]:
    """(H, W, 3) in [0, 1] -> (H, W) in [0, 1]: the spectral residual, what is left of the log spectrum without its smooth part.

    Hou & Zhang, "Saliency detection: a spectral residual approach", CVPR 2007, on a picture of 64 px as they advise.
    """
    height, width = pixels.shape[:2]
    small = resize(Image(pixels), (max(2, min(width, side)), max(2, min(height, round(side * height / width)))))
    grey = small.pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    spectrum = np.fft.fft2(grey)
    log = np.log(np.abs(spectrum) + 1e-9)
    smooth = sum(np.roll(log, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)) / 9
    residual = np.abs(np.fft.ifft2(np.exp(log - smooth + 1j * np.angle(spectrum)))) ** 2
    for axis, size in enumerate(residual.shape):  # a Gaussian blur of 2.5 px, as a product of spectra
        frequency = np.fft.fftfreq(size).reshape((-1, 1) if axis == 0 else (1, -1))
        residual = np.fft.ifft(np.fft.fft(residual, axis=axis) * np.exp(-2 * (np.pi * 2.5 * frequency) ** 2), axis=axis).real
    residual = np.clip(residual, 0, None)
    map_ = (residual / max(float(residual.max()), 1e-12)).astype(np.float32)
    return np.clip(resize(Image(np.repeat(map_[..., None], 3, 2)), (width, height)).pixels[..., 0], 0, 1)
