"""Pictures to learn on: random crops of a folder's, and pictures that are hard to see right."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image as PIL_Image
from torch import Tensor


class Pictures:
    """A folder of pictures held in memory as uint8, cropped at random scales."""

    def __init__(self, folder: Path, rng: np.random.Generator, limit: int = 320) -> None:
        self.rng, self.images = rng, []
        for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in {".jpg", ".jpeg", ".png"}):
            with PIL_Image.open(path) as file:
                picture = file.convert("RGB")
            if (scale := limit / min(picture.size)) < 1:
                picture = picture.resize((round(picture.width * scale), round(picture.height * scale)), PIL_Image.Resampling.LANCZOS)
            self.images.append(np.asarray(picture))

    def crops(self, count: int, size: int) -> Tensor:
        """Cut random crops at random scales, half of them mirrored: (count, 3, size, size) RGB in [0, 1]."""
        out = np.empty((count, size, size, 3), np.uint8)
        for i in range(count):
            image = self.images[self.rng.integers(len(self.images))]
            short = min(image.shape[:2])
            side = round(min(short, size * math.exp(self.rng.uniform(math.log(0.7), math.log(2.0)))))
            y, x = (int(self.rng.integers(0, n - side + 1)) for n in image.shape[:2])
            crop = PIL_Image.fromarray(image[y : y + side, x : x + side]).resize((size, size), PIL_Image.Resampling.BICUBIC)
            out[i] = np.asarray(crop)[:, :: 1 if self.rng.random() < 0.5 else -1]
        return torch.from_numpy(out).permute(0, 3, 1, 2).float() / 255


def hard_cases(photos: Tensor, paintings: Tensor, rng: np.random.Generator) -> Tensor:
    """Make blends, noise on pictures and noise alone, at random colours and frequencies. Shapes as the inputs, in [0, 1]."""
    out = []
    for photo, painting in zip(photos, paintings, strict=True):
        _, h, w = photo.shape
        coarse = int(rng.choice([1, 1, 2, 4]))
        noise = torch.from_numpy(rng.standard_normal((1, 3, -(-h // coarse), -(-w // coarse))).astype(np.float32))
        noise = F.interpolate(noise, size=(h, w), mode="bilinear")[0] if coarse > 1 else noise[0]
        match rng.integers(4):
            case 0:
                x = torch.lerp(photo, painting, float(rng.uniform(0.2, 0.8)))
            case 1:
                x = photo + noise * float(rng.uniform(0.02, 0.3))
            case 2:
                x = painting.roll((int(rng.integers(h)), int(rng.integers(w))), (1, 2)) + noise * float(rng.uniform(0.02, 0.2))
            case _:
                x = painting.mean((1, 2), keepdim=True) + noise * float(rng.uniform(0.05, 0.4))
        out.append(x.clamp(0, 1))
    return torch.stack(out)
