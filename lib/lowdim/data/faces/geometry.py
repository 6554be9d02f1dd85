"""Shapes as signed distances (negative inside), in half-widths of the picture, and their anti-aliased coverage."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

EDGE = 0.22  # scale of the sigmoid edge in pixels: coverage goes from 9 % to 91 % within one pixel


class Frame(NamedTuple):
    """Coordinates of the pixel centres in units of the standard figure, and the width of a pixel in them.

    ``x`` (N, 1, 1, S) runs to the right, ``y`` (N, 1, S, 1) downwards; the picture is [-1, 1] x [-1, 1] for a figure
    that is neither shifted nor scaled. ``pixel`` is (N, 1, 1, 1).
    """

    x: Tensor
    y: Tensor
    pixel: Tensor

    def cover(self, distance: Tensor) -> Tensor:
        """Soft coverage of the region ``distance < 0``: a sigmoid that falls from 1 to 0 over about a pixel."""
        return torch.sigmoid(distance * (-1 / EDGE / self.pixel))


def make_frame(shift_x: Tensor, shift_y: Tensor, scale: Tensor, size: int) -> Frame:
    """The frame of figures shifted and scaled by (N, 1, 1, 1) tensors, on ``size`` x ``size`` pixels."""
    centres = (2 * torch.arange(size, dtype=scale.dtype, device=scale.device) + 1) / size - 1
    return Frame((centres - shift_x) / scale, (centres[:, None] - shift_y) / scale, 2 / size / scale)


def ellipse(x: Tensor, y: Tensor, rx: float | Tensor, ry: float | Tensor) -> Tensor:
    """Distance to an ellipse at the origin, exact to first order at its edge: ``(k^2 - 1) / |grad k^2|``.

    Here ``k = |(x/rx, y/ry)|``. Towards the centre it falls far below the true distance, where coverage is full anyway:
    so the picture has no crease along the axis of a thin ellipse.
    """
    u, v = (x / rx).square(), (y / ry).square()
    return (u + v - 1) * 0.5 * (u / rx**2 + v / ry**2 + 1e-4).rsqrt()


def disc(x: Tensor, y: Tensor, radius: float) -> Tensor:
    """Distance to a disc at the origin, differentiable at its centre."""
    return (x.square() + y.square() + 1e-8).sqrt() - radius


def box(x: Tensor, y: Tensor, half_width: float | Tensor, half_height: float | Tensor, radius: float) -> Tensor:
    """Distance to a box at the origin with corners rounded by ``radius``, smooth across its diagonals."""
    a = _positive(x.abs() - (half_width - radius))
    b = _positive(y.abs() - (half_height - radius))
    return disc(a, b, radius)


def union(a: Tensor, b: Tensor, radius: float) -> Tensor:
    """Distance to the union of two shapes, with the crease rounded over ``radius``."""
    return 0.5 * (a + b - ((a - b).square() + radius**2).sqrt())


def intersection(a: Tensor, b: Tensor, radius: float) -> Tensor:
    """Distance to the intersection of two shapes, with the crease rounded over ``radius``."""
    return -union(-a, -b, radius)


def _positive(z: Tensor) -> Tensor:
    """max(z, 0), rounded off over 0.02."""
    return 0.5 * (z + (z.square() + 4e-4).sqrt())
