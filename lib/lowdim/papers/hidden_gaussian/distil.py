"""The best affine approximation of any denoiser, from moments."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lowdim.checks import check_count, check_finite, check_result
from lowdim.denoising.denoiser import Denoiser
from lowdim.distributions import Distribution


@dataclass(frozen=True)
class AffineMap:
    """``x -> W x + b`` on flattened images: a denoiser at the one noise level ``sigma`` it was made for.

    ``W`` is ``(n, n)`` and ``b`` ``(n,)``, float64. ``inputs`` names the law of clean images behind it and
    ``unexplained`` is the share ``E|D(y) - W y - b|^2 / E|D(y) - E D(y)|^2`` that the fit leaves (0 for an affine
    denoiser, ``None`` where nothing was fitted). It is in-sample, measured on the pairs of the fit: about ``1 - (n + 1)
    / pairs`` times the share that the best affine map leaves in the law, and fresh pairs leave more.
    """

    W: Tensor
    b: Tensor
    sigma: float
    inputs: str
    unexplained: float | None = None

    def __call__(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """``W x + b`` for ``x`` of shape ``(B, *shape)``; ``ValueError`` at another noise level than its own."""
        if not bool((torch.as_tensor(sigma, dtype=torch.float64) == self.sigma).all()):
            raise ValueError(f"sigma: {sigma!r} is not allowed; this map was made for {self.sigma}")
        return (x.flatten(1).to(self.W) @ self.W.T + self.b).reshape(x.shape).to(x.dtype)


class Moments:
    """Sums over pairs ``(y, t)`` from which the best affine map ``y -> t`` follows.

    Kept in float64 about a fixed ``centre (n,)``, so that a large common mean costs no digits.
    """

    def __init__(self, centre: Tensor) -> None:
        self.centre = centre.double()
        n = centre.numel()
        self.count = 0
        self.square = 0.0
        self.y = self.centre.new_zeros(n)
        self.t = self.centre.new_zeros(n)
        self.yy = self.centre.new_zeros(n, n)
        self.ty = self.centre.new_zeros(n, n)

    def add(self, y: Tensor, t: Tensor) -> None:
        """Take in a batch: ``y`` and ``t`` are ``(B, n)``."""
        y, t = y.double() - self.centre, t.double() - self.centre
        self.count += y.shape[0]
        self.square += float(t.square().sum())
        self.y += y.sum(0)
        self.t += t.sum(0)
        self.yy += y.T @ y
        self.ty += t.T @ y

    def solve(self, sigma: float, inputs: str) -> AffineMap:
        """``W = Cov(t, y) Cov(y)^-1`` and ``b = E t - W E y``. Raises ``ValueError`` for fewer pairs than unknowns."""
        n = self.centre.numel()
        if self.count <= n:
            raise ValueError(f"images: {self.count} noisy images are not allowed; give more than the dimension {n}")
        y, t = self.y / self.count, self.t / self.count
        covariance = self.yy / self.count - torch.outer(y, y)
        cross = self.ty / self.count - torch.outer(t, y)
        W = torch.linalg.solve(covariance, cross.T).T
        total = self.square / self.count - float(t.square().sum())
        left = max(0.0, total - float((W * cross).sum()))
        return AffineMap(W, self.centre + t - W @ (self.centre + y), sigma, inputs, left / total if total > 0 else 0.0)


def _repeated(images: Tensor, times: int, batch: int) -> Iterator[Tensor]:
    """Batches of at most ``batch`` that go through ``images`` so many ``times``; small sets go several times in one."""
    together = max(1, min(times, batch // max(1, len(images))))
    for done in range(0, times, together):
        yield from torch.cat([images] * min(together, times - done)).split(batch)


@torch.no_grad()
def distil(
    denoiser: Denoiser,
    images: Tensor,
    sigma: float,
    generator: torch.Generator,
    *,
    noises: int = 1,
    inputs: str = "the images given",
    batch: int = 1024,
) -> AffineMap:
    """The affine map nearest to a denoiser: ``argmin E|W y + b - D(y, sigma)|^2`` over ``y = x + sigma n``.

    ``x`` runs over ``images (N, *shape)``, each with ``noises`` fresh noises, ``batch`` at a time. The result depends
    on that law of ``x``, so ``inputs`` names it: on the data of an exact denoiser the map is the Gaussian denoiser of
    the same mean and covariance; on other images it is not. Normal equations from moments in float64; no tuning.
    Cost: ``N noises`` evaluations of the denoiser and ``2 n^2`` multiplications for each.

    Source: equation 9 of Li, Dai and Qu (2024), who solve it by stochastic gradients.
    Raises ``ValueError`` for images that are not finite or too few of them, a ``sigma`` that is not finite and above 0,
    and a denoiser whose results are not finite or of another shape than its input.
    """
    check_finite("images", images)
    _check_sigma(sigma)
    check_count("noises", noises)
    check_count("batch", batch)
    moments = Moments(images.flatten(1).mean(0))
    for part in _repeated(images, noises, batch):
        noise = torch.randn(part.shape, generator=generator, dtype=part.dtype, device=generator.device)
        y = part + sigma * noise.to(part.device)
        moments.add(y.flatten(1), check_result("denoiser", denoiser(y, sigma), y).flatten(1))
    if not math.isfinite(moments.square):  # once, after all batches: a sum with one NaN is NaN
        raise ValueError(f"denoiser: it returned NaN or infinity at sigma = {sigma!r}; its results must be finite")
    return moments.solve(sigma, inputs)


def gaussian_map(law: Distribution | Tensor, sigma: float, inputs: str = "") -> AffineMap:
    """The Gaussian denoiser of a law's mean and covariance, ``W = Sigma (Sigma + sigma^2 I)^-1``, ``b = (I - W) mu``.

    ``law`` is a distribution or a set of images ``(N, *shape)``, whose covariance is taken with ``1/N``. Source:
    Theorem 1 of Li, Dai and Qu (2024). Raises ``ValueError`` unless ``sigma`` is finite and above 0.
    """
    _check_sigma(sigma)
    if isinstance(law, Tensor):
        check_finite("law", law)
        flat = law.flatten(1).double()
        mean = flat.mean(0)
        covariance = (flat - mean).T @ (flat - mean) / flat.shape[0]
    else:
        mean, covariance = law.mean().flatten().double(), law.covariance().double()
    identity = torch.eye(mean.numel(), dtype=mean.dtype, device=mean.device)
    W = torch.linalg.solve(covariance + sigma**2 * identity, covariance)  # the two commute
    return AffineMap(W, mean - W @ mean, sigma, inputs)


def _check_sigma(sigma: float) -> None:
    if not 0 < sigma < math.inf:
        raise ValueError(f"sigma: {sigma!r} is not allowed; give a finite number above 0")


def weight_error(found: AffineMap, target: AffineMap) -> float:
    """``|W - W_target|_F^2 / |W_target|_F^2``, the authors' NMSE of weights."""
    return float((found.W - target.W).square().sum() / target.W.square().sum())
