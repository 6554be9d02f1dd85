"""Losses whose minimiser is the denoiser."""

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
    P_mean: float = -1.2,
    P_std: float = 1.2,
    sigma_data: float | None = None,
    condition: Tensor | None = None,
) -> Tensor:
    """The weighted denoising loss of Karras et al. (2022), equation 2 with the weights and noise levels of table 1:

    ``E [lambda(sigma) |D(x0 + sigma n, sigma) - x0|^2 / n]``, ``ln sigma ~ N(P_mean, P_std^2)``, one level for each
    sample, ``lambda = (sigma^2 + s^2) / (sigma s)^2`` with ``s = sigma_data`` (by default the denoiser's own).

    ``x0`` is ``(B, *shape)``; returns a scalar, the mean over the batch and the n entries. Raises ``ValueError`` when
    ``sigma_data`` is neither given nor known to the denoiser.
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


def normal(shape: tuple[int, ...], x: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal numbers from ``generator``, in the dtype and on the device of ``x``."""
    return torch.randn(shape, generator=generator, dtype=x.dtype, device=generator.device).to(x.device)
