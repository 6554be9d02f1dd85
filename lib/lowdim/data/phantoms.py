r"""Phantoms: grey pictures made of ellipses, for tomography and magnetic resonance imaging, and smooth phases.

The law is that of deepinv's ``generate_random_phantom``: a Poisson number of ellipses (mean 50), each with

.. math::

    a=(u-\tfrac12)\,e,\quad e\sim\operatorname{Exp}(0.4),\qquad b,c\sim0.2\operatorname{Exp}(1),\qquad
    \text{centre}\sim U[-1,1]^2,\qquad \theta\sim U[0,2\pi],

summed and cut to [0, 1]. Two things differ: rims are anti-aliased, and the sum is scaled to a maximum of 1. Pictures
with a mean below 0.03 are drawn again.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

MEAN_NUMBER = 50
LEAST_MEAN = 0.03
_SPARE = 1.3  # of the phantoms asked for, drawn at once: about one in ten is too dark


def sample_phantoms(n: int, generator: torch.Generator, size: int = 64) -> Tensor:
    """``n`` phantoms ``(n, 1, size, size)`` in [0, 1], 0 outside, each with the maximum 1.

    Raises ``ValueError`` for ``n < 1`` or a size below 8.
    """
    if n < 1 or size < 8:
        raise ValueError(f"n, size: {n!r}, {size!r} are not allowed; need n >= 1 and size >= 8")
    kept: list[Tensor] = []
    while sum(map(len, kept)) < n:
        drawn = _draw(math.ceil(_SPARE * n), generator, size)
        kept.append(drawn[drawn.mean((1, 2)) >= LEAST_MEAN])
    pictures = torch.cat(kept)[:n, None]
    return pictures / pictures.amax((1, 2, 3), keepdim=True)


def smooth_phases(n: int, generator: torch.Generator, size: int = 64) -> Tensor:
    """``n`` phases ``(n, 1, size, size)`` in radians: quadratic polynomials of the position, with the mean 0 and a
    range (largest minus smallest value) uniform in [0, pi].
    """
    down, right = _positions(size)
    terms = torch.stack([down, right, down * right, down.square(), right.square()])
    weights = torch.randn(n, len(terms), generator=generator)
    phases = torch.einsum("nt,thw->nhw", weights, terms)
    span = phases.amax((1, 2)) - phases.amin((1, 2))
    wanted = math.pi * torch.rand(n, generator=generator)
    phases = phases * (wanted / span)[:, None, None]
    return (phases - phases.mean((1, 2), keepdim=True))[:, None]


def with_phase(magnitudes: Tensor, phases: Tensor) -> Tensor:
    """The complex pictures ``magnitude exp(i phase)`` as ``(n, 2, size, size)``: real part, imaginary part."""
    return torch.cat([magnitudes * phases.cos(), magnitudes * phases.sin()], 1)


def _draw(n: int, generator: torch.Generator, size: int) -> Tensor:
    """Sums of ellipses ``(n, size, size)``, cut to [0, 1]."""
    numbers = torch.poisson(torch.full((n,), float(MEAN_NUMBER)), generator=generator).long()
    total = int(numbers.sum())
    uniform = torch.rand(4, total, generator=generator)
    exponential = -torch.rand(3, total, generator=generator).clamp_min(1e-12).log()
    amplitude = (uniform[0] - 0.5) * 0.4 * exponential[0]
    long, short = (0.2 * exponential[1:]).clamp_min(1e-3)[..., None, None]
    pixels = torch.zeros(n, size, size)
    down, right = _positions(size)
    x, y = down - 2 * uniform[1, :, None, None] + 1, right - 2 * uniform[2, :, None, None] + 1
    cos, sin = (2 * math.pi * uniform[3]).cos()[:, None, None], (2 * math.pi * uniform[3]).sin()[:, None, None]
    u, v = (x * cos + y * sin) / long, (y * cos - x * sin) / short
    # (1 - q) / |grad q| is the signed distance to the rim q = 1, near it; one pixel is 2 / size wide.
    slope = 2 * ((u / long).square() + (v / short).square()).sqrt()
    coverage = ((1 - u.square() - v.square()) / slope.clamp_min(1e-6) * size / 2 + 0.5).clamp(0, 1)
    owner = torch.arange(n).repeat_interleave(numbers)
    return pixels.index_add_(0, owner, amplitude[:, None, None] * coverage).clamp(0, 1)


def _positions(size: int) -> tuple[Tensor, Tensor]:
    """Row and column positions ``(size, size)`` of the pixel centres in [-1, 1]."""
    line = (torch.arange(size) * 2 + 1) / size - 1
    down, right = torch.meshgrid(line, line, indexing="ij")
    return down, right
