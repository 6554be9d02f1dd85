r"""Images of a soft disc with four factors, and the exact tangents of the manifold that they form.

With pixel centres :math:`u\in[-1,1]^2`, centre :math:`c`, radius :math:`r`, brightness :math:`b` and edge width
:math:`w`,

.. math::

    \text{coverage}(u)=\operatorname{sigmoid}\frac{r^2-\|u-c\|^2}{2rw},\qquad \text{pixel}(u)=2b\,\text{coverage}(u)-1 .

Near the rim the argument is the signed distance over :math:`w`, so the edge is anti-aliased, and the map from factors
to pixels is smooth everywhere, the disc's centre included. The images are a four-dimensional, curved subset of pixel
space.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lowdim.checks import check_batch, check_count

FACTORS = ("x", "y", "radius", "brightness")
RANGES = ((-0.35, 0.35), (-0.35, 0.35), (0.25, 0.5), (0.5, 1.0))


class Discs(NamedTuple):
    """``images`` (N, 1, size, size) in [-1, 1] and their ``factors`` (N, 4), in the order of :data:`FACTORS`."""

    images: Tensor
    factors: Tensor


def sample_discs(n: int, generator: torch.Generator, size: int = 16, dtype: torch.dtype = torch.float64) -> Discs:
    """``n`` discs with factors uniform in :data:`RANGES`."""
    check_count("n", n)
    low, high = torch.tensor(RANGES, dtype=dtype).T
    factors = low + (high - low) * torch.rand(n, len(FACTORS), generator=generator, dtype=dtype)
    return Discs(render_discs(factors, size), factors)


def render_discs(factors: Tensor, size: int = 16, edge: float | None = None) -> Tensor:
    """Images (B, 1, size, size) of ``factors`` (B, 4) = (x, y, radius, brightness), differentiable in the factors.

    Lengths are in half-widths of the image (the image is [-1, 1] x [-1, 1]); ``edge`` is the width of the soft rim in
    the same unit, by default half a pixel. Raises ``ValueError`` for wrong shapes, a radius that is not positive or a
    size below 2.
    """
    coverage, _, _ = _coverage(factors, size, edge)
    return (2.0 * factors[:, 3, None, None] * coverage - 1.0).unsqueeze(1)


def disc_tangents(factors: Tensor, size: int = 16, edge: float | None = None) -> Tensor:
    """Exact derivatives (B, 4, 1, size, size) of :func:`render_discs` with respect to each factor."""
    coverage, offset, width = _coverage(factors, size, edge)
    radius, brightness = factors[:, 2, None, None], factors[:, 3, None, None]
    slope = 2.0 * brightness * coverage * (1.0 - coverage)  # d pixel / d argument of the sigmoid
    squared = offset.square().sum(dim=1)
    by_centre = slope.unsqueeze(1) * offset / (radius.unsqueeze(1) * width)
    by_radius = slope * (1.0 + squared / radius.square()) / (2.0 * width)
    return torch.stack([by_centre[:, 0], by_centre[:, 1], by_radius, 2.0 * coverage], dim=1).unsqueeze(2)


def _coverage(factors: Tensor, size: int, edge: float | None) -> tuple[Tensor, Tensor, float]:
    """Coverage (B, size, size), pixel centre minus disc centre (B, 2, size, size), rim width."""
    check_batch("factors", factors, (len(FACTORS),))
    if size < 2:
        raise ValueError(f"size: {size!r} is not allowed; give at least 2 pixels")
    if not bool((factors[:, 2] > 0).all()):
        raise ValueError(f"factors: smallest radius {float(factors[:, 2].min()):.3g} is not allowed; it must be > 0")
    width = 1.0 / size if edge is None else edge
    if not width > 0:
        raise ValueError(f"edge: {edge!r} is not allowed; give a width > 0")
    line = (torch.arange(size, dtype=factors.dtype, device=factors.device) * 2 + 1) / size - 1
    vertical, horizontal = torch.meshgrid(line, line, indexing="ij")
    offset = torch.stack([horizontal, vertical]) - factors[:, :2, None, None]
    radius = factors[:, 2, None, None]
    argument = (radius.square() - offset.square().sum(dim=1)) / (2.0 * radius * width)
    return torch.sigmoid(argument), offset, width
