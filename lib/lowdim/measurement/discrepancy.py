"""How well an image explains a measurement: squared residuals, and what the noise alone would leave."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lowdim.compat import import_deepinv
from lowdim.measurement.matrices import MatrixPhysics

deepinv: Any = import_deepinv()


def squared_norm(residual: Tensor) -> Tensor:
    """``sum |r|^2`` of each sample ``(B,)``, real whether ``residual (B, ...)`` is real or complex."""
    flat = residual.flatten(1)
    return torch.view_as_real(flat).square().sum((1, 2)) if flat.is_complex() else flat.square().sum(1)


def noise_level(physics: Any, batch: int) -> Tensor:
    """The standard deviation ``(B,)`` of the Gaussian noise of a deepinv physics, float64 on the CPU.

    Raises ``ValueError`` when the physics has no Gaussian noise model, or one with a level that is not above 0.
    """
    model = getattr(physics, "noise_model", None)
    if not isinstance(model, deepinv.physics.GaussianNoise):
        kind = type(model).__name__
        raise ValueError(f"physics: noise model {kind} is not allowed here; give GaussianNoise(sigma) with sigma > 0")
    levels = model.sigma.detach().double().cpu().flatten()
    if levels.numel() not in (1, batch) or not bool(((levels > 0) & torch.isfinite(levels)).all()):
        raise ValueError(
            f"physics: noise level {levels[:4].tolist()} is not allowed; give one number > 0, or one for each of "
            f"{batch} measurements"
        )
    return levels.expand(batch)


def check_noise(physics: Any, batch: int) -> None:
    """Raise ``ValueError`` for a Gaussian noise model that :func:`noise_level` refuses; other physics pass."""
    if isinstance(getattr(physics, "noise_model", None), deepinv.physics.GaussianNoise):
        noise_level(physics, batch)


def observed_entries(physics: Any, y: Tensor) -> Tensor:
    """How many numbers of each measurement carry noise, ``(B,)``; a complex number counts once.

    deepinv's inpainting and MRI operators return zeros without noise where nothing was measured; these do not count,
    nor do rows of zeros of a :class:`MatrixPhysics`.
    """
    if isinstance(physics, MatrixPhysics):
        return physics.observed(len(y)).cpu().sum(1)
    masked = (deepinv.physics.Inpainting, deepinv.physics.MRI, deepinv.physics.MultiCoilMRI)
    if not isinstance(physics, masked):
        return torch.full((y.shape[0],), y[0].numel())
    mask = physics.mask.cpu()
    mask = mask[:, :, None] if mask.dim() == y.dim() - 1 else mask
    return (mask != 0).expand(y.shape).flatten(1).sum(1)
