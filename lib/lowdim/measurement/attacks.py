"""Attacks on pictures: what happens to an image on its way through the world, each with a strength and a seed.

An attack maps bytes to bytes: a ``uint8`` batch ``(B, 3, H, W)`` and a ``torch.Generator`` to a batch of the same
shape. Deterministic attacks ignore the generator. The operations are those of torchvision and Pillow; here they get one
signature, names and checked strengths, so that lists of attacks can be written as data::

    attacks = {"as saved": save(), "JPEG 75": jpeg(75), "phone": compose(resize(0.5), jpeg(80), brightness(0.9, 1.1))}
    attacked = attack_pictures(pictures, attacks["phone"], make_generator(0, "phone"))   # pictures in [-1, 1]
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from lowdim.checks import check_count, check_finite
from lowdim.compat import import_torchvision

Attack = Callable[[Tensor, torch.Generator], Tensor]


def to_bytes(pictures: Tensor) -> Tensor:
    """Pixels in [-1, 1] clipped and rounded to 256 levels, ``uint8``. Raises ``ValueError`` for NaN or infinity."""
    check_finite("pictures", pictures)
    return ((pictures.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def from_bytes(levels: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """256 levels as pixels in [-1, 1]."""
    return levels.to(dtype) / 127.5 - 1


def attack_pictures(pictures: Tensor, attack: Attack, generator: torch.Generator) -> Tensor:
    """``pictures (B, 3, H, W)`` in [-1, 1], saved as bytes, attacked and read back; on the device they came from.

    Raises ``ValueError`` for other shapes and for pixels that are not finite.
    """
    if pictures.dim() != 4 or pictures.shape[1] != 3:
        raise ValueError(f"pictures: shape {tuple(pictures.shape)} is not allowed; give (B, 3, H, W)")
    return from_bytes(attack(to_bytes(pictures).cpu(), generator), pictures.dtype).to(pictures.device)


def save() -> Attack:
    """No attack beyond the rounding to bytes itself, which :func:`attack_pictures` has done."""
    return lambda images, generator: images


def compose(*attacks: Attack) -> Attack:
    """One attack after the other."""

    def apply(images: Tensor, generator: torch.Generator) -> Tensor:
        for attack in attacks:
            images = attack(images, generator)
        return images

    return apply


def gaussian_noise(std: float) -> Attack:
    """Independent normal noise of standard deviation ``std`` on pixels in [0, 1], then clipping."""
    _at_least("std", std, 0)

    def apply(images: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.randn(images.shape, generator=generator)
        return (images + 255 * std * noise).round().clamp(0, 255).to(torch.uint8)

    return apply


def gaussian_blur(std: float) -> Attack:
    """Blur by a Gaussian of standard deviation ``std`` pixels, cut off at four of them."""
    _at_least("std", std, 0, strict=True)
    size = 2 * math.ceil(4 * std) + 1

    def apply(images: Tensor, generator: torch.Generator) -> Tensor:
        fits = min(size, *(2 * side - 1 for side in images.shape[-2:]))
        return _functional().gaussian_blur(images, [fits, fits], [std, std])

    return apply


def jpeg(quality: int, subsampling: int = 2) -> Attack:
    """JPEG compression by Pillow. ``subsampling`` of the colours: 0 none (4:4:4), 2 as most programs do (4:2:0)."""
    check_count("quality", quality, most=95)
    if subsampling not in (0, 1, 2):
        raise ValueError(f"subsampling: {subsampling!r} is not allowed; give 0 (4:4:4), 1 (4:2:2) or 2 (4:2:0)")

    def one(image: Any) -> Any:
        from PIL import Image

        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, subsampling=subsampling)
        return Image.open(buffer)

    return _through_pillow(one)


def median(size: int) -> Attack:
    """The median of each ``size x size`` neighbourhood and channel, by Pillow."""
    if size not in (3, 5, 7):
        raise ValueError(f"size: {size!r} is not allowed; give 3, 5 or 7")

    def one(image: Any) -> Any:
        from PIL import ImageFilter

        return image.filter(ImageFilter.MedianFilter(size))

    return _through_pillow(one)


def resize(scale: float) -> Attack:
    """Shrink the sides by ``scale`` with anti-aliasing and enlarge again, both bicubic."""
    _in_unit("scale", scale)

    def apply(images: Tensor, generator: torch.Generator) -> Tensor:
        height, width = images.shape[-2:]
        small = [max(1, round(scale * height)), max(1, round(scale * width))]
        shrunk = _functional().resize(images, small, interpolation=_bicubic(), antialias=True)
        return _functional().resize(shrunk, [height, width], interpolation=_bicubic(), antialias=True)

    return apply


def crop(keep: float) -> Attack:
    """Cut out a square at random, with sides ``keep`` of the picture's, and enlarge it to the picture's size."""
    _in_unit("keep", keep)

    def apply(images: Tensor, generator: torch.Generator) -> Tensor:
        height, width = images.shape[-2:]
        h, w = max(1, round(keep * height)), max(1, round(keep * width))
        top, left = (_below(free + 1, len(images), generator) for free in (height - h, width - w))
        cut = torch.stack([x[:, t : t + h, s : s + w] for x, t, s in zip(images, top, left, strict=True)])
        return _functional().resize(cut, [height, width], interpolation=_bicubic(), antialias=True)

    return apply


def rotation(degrees: float) -> Attack:
    """Rotation by ``degrees`` about the centre, bilinear; the corners repeat the nearest border pixel."""
    if not math.isfinite(degrees):
        raise ValueError(f"degrees: {degrees!r} is not allowed; give a finite number")

    def apply(images: Tensor, generator: torch.Generator) -> Tensor:
        pad = max(images.shape[-2:]) // 2
        wide = _functional().pad(images, [pad, pad, pad, pad], padding_mode="edge")
        turned = _functional().rotate(wide, degrees, interpolation=_bilinear())
        return turned[..., pad:-pad, pad:-pad]

    return apply


def brightness(low: float, high: float) -> Attack:
    """Every picture times its own factor, uniform between ``low`` and ``high``, then clipped."""
    _at_least("low", low, 0)
    if not low <= high < math.inf:
        raise ValueError(f"high: {high!r} is not allowed; give a finite number of at least low = {low!r}")

    def apply(images: Tensor, generator: torch.Generator) -> Tensor:
        factors = low + (high - low) * torch.rand(len(images), 1, 1, 1, generator=generator)
        return (images * factors).round().clamp(0, 255).to(torch.uint8)

    return apply


def saturation(factor: float) -> Attack:
    """Colours moved towards grey (``factor < 1``) or away from it."""
    _at_least("factor", factor, 0)
    return lambda images, generator: _functional().adjust_saturation(images, factor)


def erase(area: float) -> Attack:
    """A black square that covers the share ``area`` of the picture, anywhere in it."""
    _in_unit("area", area)

    def apply(images: Tensor, generator: torch.Generator) -> Tensor:
        height, width = images.shape[-2:]
        side = min(height, width, max(1, round(math.sqrt(area * height * width))))
        top, left = (_below(free + 1, len(images), generator) for free in (height - side, width - side))
        rows, columns = torch.arange(height), torch.arange(width)
        inside_rows = (rows >= top[:, None]) & (rows < top[:, None] + side)
        inside_columns = (columns >= left[:, None]) & (columns < left[:, None] + side)
        hidden = inside_rows[:, None, :, None] & inside_columns[:, None, None, :]
        return images.masked_fill(hidden, 0)

    return apply


def salt_and_pepper(share: float) -> Attack:
    """A random ``share`` of the pixels black or white, all channels together."""
    _in_unit("share", share)

    def apply(images: Tensor, generator: torch.Generator) -> Tensor:
        draw = torch.rand(len(images), 1, *images.shape[-2:], generator=generator)
        return images.masked_fill(draw < share / 2, 0).masked_fill(draw > 1 - share / 2, 255)

    return apply


def _functional() -> ModuleType:
    if import_torchvision() is None:
        raise ImportError("torchvision is needed here and is not installed; install it with: pip install torchvision")
    from torchvision.transforms.v2 import functional

    return functional


def _bicubic() -> Any:
    from torchvision.transforms.v2 import InterpolationMode

    return InterpolationMode.BICUBIC


def _bilinear() -> Any:
    from torchvision.transforms.v2 import InterpolationMode

    return InterpolationMode.BILINEAR


def _through_pillow(one: Callable[[Any], Any]) -> Attack:
    """An attack from a function of one Pillow image."""

    def apply(images: Tensor, generator: torch.Generator) -> Tensor:
        import numpy as np
        from PIL import Image

        done = [one(Image.fromarray(x)) for x in images.permute(0, 2, 3, 1).contiguous().numpy()]
        return torch.from_numpy(np.stack([np.asarray(x) for x in done])).permute(0, 3, 1, 2).contiguous()

    return apply


def _below(bound: int, count: int, generator: torch.Generator) -> Tensor:
    return torch.randint(bound, (count,), generator=generator)


def _in_unit(name: str, value: float) -> None:
    if not 0 < value <= 1:
        raise ValueError(f"{name}: {value!r} is not allowed; give a number above 0 and at most 1")


def _at_least(name: str, value: float, bound: float, *, strict: bool = False) -> None:
    if not (bound < value if strict else bound <= value) or not math.isfinite(value):
        raise ValueError(
            f"{name}: {value!r} is not allowed; give a finite number {'above' if strict else 'of at least'} {bound}"
        )
