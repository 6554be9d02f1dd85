"""How linear a denoiser is, how far two denoisers are apart, and how far samples are from a training set."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from lowdim.checks import check_finite
from lowdim.denoising.denoiser import Denoiser


def noisy(images: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    """``images + sigma n`` with fresh standard normal ``n`` from ``generator``."""
    noise = torch.randn(images.shape, generator=generator, dtype=images.dtype, device=generator.device)
    return images + sigma * noise.to(images.device)


def in_blocks(denoiser: Denoiser, x: Tensor, sigma: float, rows: int = 1024) -> Tensor:
    """``D(x, sigma)`` for many rows, some at a time: the odds of a large set of points then stay in the cache."""
    return torch.cat([denoiser(part, sigma) for part in x.split(rows)])


def root_mean_square(u: Tensor, v: Tensor) -> Tensor:
    """``|u_i - v_i| / sqrt(d)`` for each pair of images, ``(B,)``."""
    return (u - v).flatten(1).double().square().mean(1).sqrt()


@torch.no_grad()
def rmse(first: Denoiser, second: Denoiser, images: Tensor, sigma: float, generator: torch.Generator) -> float:
    """``E sqrt(|D_1(y) - D_2(y)|^2 / d)`` over ``y = x + sigma n``, ``x`` in ``images (N, *shape)``: one noise each.

    The mean of roots, not the root of the mean. Source: equation 10 of Li, Dai and Qu (2024).
    """
    y = noisy(check_finite("images", images), sigma, generator)
    return float(root_mean_square(first(y, sigma), second(y, sigma)).mean())


@torch.no_grad()
def nmse(first: Denoiser, second: Denoiser, images: Tensor, sigma: float, generator: torch.Generator) -> float:
    """``E |D_1(y) - D_2(y)| / |D_1(y)|``, as :func:`rmse`; despite its name not squared (equation 53)."""
    y = noisy(check_finite("images", images), sigma, generator)
    u, v = (denoiser(y, sigma).flatten(1).double() for denoiser in (first, second))
    return float(((u - v).norm(dim=1) / u.norm(dim=1)).mean())


@dataclass(frozen=True)
class LinearityScore:
    """Means over pairs of the absolute cosine and of ``|u - v| / |u|``: 1 and 0 for a linear map."""

    cosine: float
    nmse: float


@torch.no_grad()
def linearity_score(
    denoiser: Denoiser,
    images: Tensor,
    sigma: float,
    generator: torch.Generator,
    *,
    centre: Tensor | None = None,
    pairs: int = 100,
    alpha: float = math.sqrt(0.5),
) -> LinearityScore:
    """Compare ``u = D(c + alpha x_1 + beta x_2) - c`` with ``v = alpha (D(c + x_1) - c) + beta (D(c + x_2) - c)``.

    ``c + x_1`` and ``c + x_2`` are noisy images drawn independently from ``images (N, *shape)``, and ``alpha^2 +
    beta^2 = 1`` keeps their noise level. With ``centre=None``, ``c = 0``: the authors' score (equations 11 and 12).
    It misses (1, 0) for affine maps: their offset ``b`` leaves ``u - v = (1 - alpha - beta) b``. With ``centre`` at a
    fixed point ``c = D(c)`` (the data mean, of shape ``shape``) an affine map scores (1, 0).

    Cost: three evaluations a pair. Raises ``ValueError`` unless ``0 < alpha < 1`` and ``pairs >= 1``.
    """
    check_finite("images", images)
    if not 0 < alpha < 1 or pairs < 1:
        raise ValueError(f"alpha, pairs: {alpha!r}, {pairs!r} are not allowed; give 0 < alpha < 1 and pairs >= 1")
    c = torch.zeros_like(images[0]) if centre is None else centre.to(images)
    beta = math.sqrt(1 - alpha**2)
    index = torch.randint(len(images), (2 * pairs,), generator=generator, device=generator.device)
    first, second = noisy(images[index.to(images.device)], sigma, generator).chunk(2)
    x = torch.cat([c + alpha * (first - c) + beta * (second - c), first, second])
    u, d1, d2 = ((denoised - c).flatten(1).double() for denoised in denoiser(x, sigma).chunk(3))
    v = alpha * d1 + beta * d2
    cosine = torch.cosine_similarity(u, v, dim=1).abs()
    return LinearityScore(float(cosine.mean()), float(((u - v).norm(dim=1) / u.norm(dim=1)).mean()))


def centred_cosine(first: Tensor, second: Tensor, centre: Tensor) -> Tensor:
    """Cosines ``(B,)`` between images ``(B, *shape)`` paired by row, seen from ``centre (*shape)``."""
    return torch.cosine_similarity((first - centre).flatten(1), (second - centre).flatten(1), dim=1)


def gl_score(samples: Tensor, training: Tensor, centre: Tensor | None = None) -> float:
    """``mean_j |x_j - NN(x_j)| / |x_j|`` with the nearest training image ``NN`` in pixels (equation 14).

    ``samples (B, *shape)``, ``training (N, *shape)``. The value depends on scale and mean of the data: give that of
    held-out images beside it. ``centre`` is subtracted from all first.
    """
    c = torch.zeros_like(samples[0]) if centre is None else centre.to(samples)
    x, points = (samples - c).flatten(1), (training.to(samples) - c).flatten(1)
    nearest = torch.cdist(x, points, compute_mode="donot_use_mm_for_euclid_dist").min(1).values
    return float((nearest / x.norm(dim=1)).mean())
