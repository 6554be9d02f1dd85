"""Multi-coil magnetic resonance imaging at small size: smooth coil maps and Cartesian masks for deepinv's operator."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from lowdim.checks import check_count
from lowdim.compat import import_deepinv

deepinv: Any = import_deepinv()


def coil_maps(coils: int, side: int) -> Tensor:
    """Smooth complex sensitivities ``(coils, side, side)`` with ``sum_c |S_c|^2 = 1`` at every pixel.

    The coils sit evenly on a circle around the image; each sees what is near, with a phase that turns with the angle.
    Raises ``ValueError`` for fewer than one coil or a side below 2.
    """
    check_count("coils", coils)
    check_count("side", side, 2)
    line = torch.linspace(-1, 1, side, dtype=torch.float64)
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    maps = []
    for angle in (2 * math.pi * c / coils for c in range(coils)):
        down, right = rows - 1.2 * math.sin(angle), columns - 1.2 * math.cos(angle)
        size = torch.exp(-(down.square() + right.square()) / 2)
        maps.append(torch.polar(size, angle + 0.5 * torch.atan2(down, right + 2)))
    stacked = torch.stack(maps)
    return (stacked / stacked.abs().square().sum(0).sqrt()).to(torch.complex64)


def multi_coil_mri(
    side: int,
    noise_std: float,
    generator: torch.Generator,
    *,
    coils: int = 4,
    acceleration: int = 4,
    middle: float = 1 / 12,
    slices: int | None = None,
) -> Any:
    """The ``MultiCoilMRI`` of deepinv for complex images ``(B, 2, side, side)`` (real part, imaginary part).

    One column in ``acceleration`` is measured: a share ``middle`` of all, in the middle, always (at least two), the
    others at random, without replacement. Each measured column has every row. With ``slices = B`` every image has
    columns of its own. ``generator`` draws the columns, and then the noise: the physics keeps it.
    Raises ``ValueError`` unless ``noise_std > 0``, ``1 <= acceleration <= side / 4``, ``0 <= middle <= 1`` and
    ``slices >= 1``.
    """
    if not noise_std > 0:
        raise ValueError(f"noise_std: {noise_std!r} is not allowed; give a number > 0")
    if not 1 <= acceleration <= side / 4:
        raise ValueError(f"acceleration: {acceleration!r} is not allowed; give a number from 1 to {side / 4:g}")
    if not 0 <= middle <= 1 or (slices is not None and slices < 1):
        raise ValueError(f"middle, slices: {middle!r}, {slices!r} are not allowed; need 0 <= middle <= 1, slices >= 1")
    masks = [_columns(side, acceleration, middle, generator) for _ in range(slices or 1)]
    mask = masks[0] if slices is None else torch.stack(masks)[:, None]
    return deepinv.physics.MultiCoilMRI(
        mask=mask,
        coil_maps=coil_maps(coils, side),
        noise_model=deepinv.physics.GaussianNoise(noise_std, rng=generator),
    )


def _columns(side: int, acceleration: int, middle: float, generator: torch.Generator) -> Tensor:
    """One mask ``(side, side)``: 1 where measured."""
    kept = side // acceleration
    centre = min(kept, max(2, round(side * middle)))
    low = torch.arange(centre) + side // 2 - centre // 2
    others = torch.tensor([column for column in range(side) if column not in low.tolist()])
    chosen = others[torch.randperm(len(others), generator=generator)[: kept - centre]]
    mask = torch.zeros(side, side)
    mask[:, torch.cat([low, chosen])] = 1
    return mask
