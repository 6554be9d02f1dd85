"""Losses whose minimiser is the denoiser, or the velocity of a flow."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lowdim.checks import check_finite, like


def edm_loss(
    denoiser: Callable[..., Tensor],
    x0: Tensor,
    generator: torch.Generator,
    *,
    P_mean: float | Tensor = -1.2,
    P_std: float | Tensor = 1.2,
    sigma_data: float | None = None,
    condition: Tensor | None = None,
) -> Tensor:
    """The weighted denoising loss of Karras et al. (2022), equation 2 with the weights and noise levels of table 1:

    ``E [lambda(sigma) |D(x0 + sigma n, sigma) - x0|^2 / n]``, ``ln sigma ~ N(P_mean, P_std^2)``, one level for each
    sample, ``lambda = (sigma^2 + s^2) / (sigma s)^2`` with ``s = sigma_data`` (by default the denoiser's own).

    ``x0`` is ``(B, *shape)``; returns a scalar, the mean over the batch and the n entries. ``P_mean`` and ``P_std`` are
    numbers, or ``(B,)`` where samples have laws of their own. Raises ``ValueError`` when ``sigma_data`` is neither
    given nor known to the denoiser.
    """
    check_finite("x0", x0)
    data = sigma_data if sigma_data is not None else getattr(denoiser, "sigma_data", None)
    if data is None or not data > 0:
        raise ValueError(f"sigma_data: {data!r} is not allowed; give the standard deviation of the data, above 0")
    level = (P_mean + P_std * normal((x0.shape[0],), x0, generator)).exp()
    sigma = like(level, x0)
    noisy = x0 + sigma * normal(x0.shape, x0, generator)
    denoised = denoiser(noisy, level) if condition is None else denoiser(noisy, level, condition)
    weight = (sigma**2 + data**2) / (sigma * data) ** 2
    return (weight * (denoised - x0) ** 2).mean()


def flow_matching_loss(
    velocity: Callable[[Tensor, Tensor], Tensor],
    x0: Tensor,
    x1: Tensor,
    generator: torch.Generator,
    *,
    huber: float | None = None,
) -> Tensor:
    """The loss of rectified flow, ``E |v((1 - t) x0 + t x1, t) - (x1 - x0)|^2 / n`` with ``t`` uniform in [0, 1] (Liu
    et al. 2023, equation 1).

    ``x0`` (noise) and ``x1`` (data) are pairs ``(B, *shape)``; returns a scalar, the mean over the batch and the n
    entries. With ``huber = c`` the squared error of a sample ``|r|^2 / n`` becomes the pseudo-Huber loss
    ``sqrt(|r|^2 + c^2) - c``, sample by sample. Raises ``ValueError`` for pairs or a velocity of different shapes, or
    ``c <= 0``.
    """
    check_finite("x1", x1)
    if x0.shape != x1.shape:
        raise ValueError(f"x0: shape {tuple(x0.shape)} is not allowed; give that of x1, {tuple(x1.shape)}")
    t = torch.rand((x1.shape[0],), generator=generator, dtype=x1.dtype, device=generator.device).to(x1.device)
    x_t = x0 + like(t, x1) * (x1 - x0)
    found = velocity(x_t, t)
    if found.shape != x1.shape:
        raise ValueError(f"velocity: returned the shape {tuple(found.shape)}; it must be that of x1, {tuple(x1.shape)}")
    residual = found - (x1 - x0)
    if huber is None:
        return residual.square().mean()
    if not huber > 0:
        raise ValueError(f"huber: {huber!r} is not allowed; give a number above 0, or None for the squared error")
    return ((residual.flatten(1).square().sum(1) + huber**2).sqrt() - huber).mean()


def normal(shape: tuple[int, ...], x: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal numbers from ``generator``, in the dtype and on the device of ``x``."""
    return torch.randn(shape, generator=generator, dtype=x.dtype, device=generator.device).to(x.device)
