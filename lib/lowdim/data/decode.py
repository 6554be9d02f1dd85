"""From encoded pictures to tensors: checked, cropped, resized with anti-aliasing, scaled to [-1, 1]."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor


def decode_images(
    files: Iterable[tuple[str, bytes]], count: int, shape: tuple[int, int], size: int, crop: int | None = None
) -> np.ndarray:
    """``count`` named files as bytes ``(count, 3, size, size)``, read one after the other.

    Each must decode to ``shape`` = (height, width). The central square of side ``crop`` (by default the largest one)
    is resized by Pillow's Lanczos filter, whose support grows with the factor, so that nothing is aliased; at
    ``size == crop`` pixels are left alone. About half a millisecond an image.

    Raises ``ValueError`` for a size or crop out of range, and naming the file that cannot be decoded or has another
    shape.
    """
    crop = check_size(shape, size, crop)
    pixels = np.empty((count, 3, size, size), dtype=np.uint8)
    for i, (name, content) in enumerate(files):
        pixels[i] = _square(_decode(name, content, shape), size, crop).transpose(2, 0, 1)
    return pixels


def resize_images(pixels: np.ndarray, size: int) -> np.ndarray:
    """Square colour images of bytes (N, 3, H, H) resized in the same way."""
    from PIL import Image

    side = pixels.shape[-1]
    check_size((side, side), size, None)
    if size == side:
        return pixels
    resized = [_square(Image.fromarray(each.transpose(1, 2, 0)), size, side).transpose(2, 0, 1) for each in pixels]
    return np.stack(resized)


def check_size(shape: tuple[int, int], size: int, crop: int | None) -> int:
    """The side of the square to cut out of images of ``shape``; ``ValueError`` for one, or a size, out of range."""
    largest = min(shape)
    side = largest if crop is None else crop
    if not 1 <= side <= largest:
        raise ValueError(f"crop: {crop!r} is not allowed; the images are {shape[1]} x {shape[0]}, give 1 to {largest}")
    if not 1 <= size <= side:
        raise ValueError(f"size: {size!r} is not allowed; give 1 to {side}, images are never enlarged")
    return side


def to_unit(pixels: np.ndarray, dtype: torch.dtype) -> Tensor:
    """Bytes 0 to 255 as a tensor in [-1, 1]. Raises ``ValueError`` for a dtype that is not floating."""
    if not dtype.is_floating_point:
        raise ValueError(f"dtype: {dtype} is not allowed; give a floating-point dtype")
    return torch.from_numpy(pixels).to(dtype).div_(127.5).sub_(1.0)


def _decode(name: str, content: bytes, shape: tuple[int, int]) -> Any:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            if (image.height, image.width) != shape:
                raise ValueError(f"it is {image.width} x {image.height}, not {shape[1]} x {shape[0]}")
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:  # Pillow raises all three for damaged files
        raise ValueError(f"{name}: cannot be used: {error}") from error


def _square(image: Any, size: int, crop: int) -> np.ndarray:
    from PIL import Image

    left, top = (image.width - crop) // 2, (image.height - crop) // 2
    square = image.crop((left, top, left + crop, top + crop))
    return np.asarray(square if size == crop else square.resize((size, size), Image.Resampling.LANCZOS))
