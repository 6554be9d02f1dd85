"""Colours of the cartoon faces, as smooth paths that never leave [0, 1]."""

from __future__ import annotations

import math

import torch
from torch import Tensor

Colour = tuple[float, float, float]

SKIN: tuple[Colour, ...] = ((0.99, 0.86, 0.77), (0.93, 0.70, 0.53), (0.72, 0.45, 0.30), (0.40, 0.24, 0.17))
HAIR: tuple[Colour, ...] = (
    (0.10, 0.08, 0.11),
    (0.22, 0.12, 0.09),
    (0.52, 0.16, 0.06),
    (0.92, 0.40, 0.08),
    (0.98, 0.87, 0.58),
)
BLUSH: Colour = (0.93, 0.42, 0.40)
LIPS: Colour = (0.78, 0.27, 0.30)
CAVITY: Colour = (0.33, 0.07, 0.11)
WHITE: Colour = (1.0, 1.0, 1.0)
TEETH: Colour = (0.99, 0.97, 0.94)
SCLERA: Colour = (0.99, 0.98, 0.96)
IRIS: Colour = (0.20, 0.38, 0.45)
INK: Colour = (0.11, 0.08, 0.11)
SHIRT: Colour = (0.20, 0.36, 0.48)
SHIRT_LIGHT: Colour = (0.30, 0.49, 0.60)
LIGHT: Colour = (1.0, 0.96, 0.88)


def plain(colour: Colour, like: Tensor) -> Tensor:
    """``colour`` as a ``(1, 3, 1, 1)`` tensor in the dtype and on the device of ``like``."""
    return like.new_tensor(colour).reshape(1, 3, 1, 1)


def mix(base: Tensor, other: Tensor | Colour, weight: float | Tensor) -> Tensor:
    """``(1 - weight) base + weight other``."""
    return base + weight * ((plain(other, base) if isinstance(other, tuple) else other) - base)


def along(path: tuple[Colour, ...], t: Tensor) -> Tensor:
    """The Bezier curve with control colours ``path`` at ``t`` (N, 1, 1, 1) in [0, 1]: (N, 3, 1, 1), in their hull."""
    degree = len(path) - 1
    weights = [math.comb(degree, i) * t**i * (1 - t) ** (degree - i) for i in range(degree + 1)]
    return sum((w * plain(colour, t) for w, colour in zip(weights, path, strict=True)), start=torch.zeros_like(t))


def pastel(hue: Tensor) -> Tensor:
    """A pastel colour (N, 3, 1, 1) for a hue (N, 1, 1, 1) in turns: cosines a third of a turn apart around 0.80."""
    return 0.80 + 0.13 * torch.cos(2 * math.pi * (hue - plain((0.0, 1 / 3, 2 / 3), hue)))
