r"""Closed forms: the bounds of the theorems, printed and sharp, one step there and back, and the Gaussian world.

Steps are the paper's, in variance-preserving points with signal power ``alpha`` (the book's ``alpha_bar``): DDIM from
``alpha`` to the cleaner ``alpha_next`` is ``x' = A x + B f(x)``, and inversion back is ``x = x' / A + B' f'(x')`` with
``B' = -B / A``; ``f`` is the posterior mean as a function of the variance-preserving point.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from lowdim.denoising.conversions import sigma_to_alpha_bar


class StepCoefficients(NamedTuple):
    """``A``, ``B`` and ``|B'| = B / A`` of one step."""

    A: float
    B: float
    B_inverse: float


def step_coefficients(alpha: float, alpha_next: float) -> StepCoefficients:
    """``A = sqrt((1 - alpha') / (1 - alpha))``, ``B = sqrt(alpha') - A sqrt(alpha)``, for ``alpha < alpha' < 1``."""
    if not 0 < alpha < alpha_next < 1:
        raise ValueError(f"alpha, alpha_next: {alpha!r}, {alpha_next!r}: need 0 < alpha < alpha_next < 1")
    A = math.sqrt((1 - alpha_next) / (1 - alpha))
    B = math.sqrt(alpha_next) - A * math.sqrt(alpha)
    return StepCoefficients(A, B, B / A)


def printed_g(x: float, y: float) -> float:
    """The paper's ``g(x, y)``; ``g(alpha, alpha') = -B`` and ``g(alpha', alpha) = |B'|``."""
    return (math.sqrt(1 - y) * math.sqrt(x) - math.sqrt(1 - x) * math.sqrt(y)) / math.sqrt(1 - x)


def printed_h(rank: int, dimension: int) -> float:
    r"""Theorem 1 as printed: ``h^2 = r / d + sqrt(18 pi^3 log(2 r) / (d - 2))``, from Lévy's lemma."""
    _check_rank(rank, dimension)
    return math.sqrt(rank / dimension + math.sqrt(18 * math.pi**3 * math.log(2 * rank) / (dimension - 2)))


def sharp_h(rank: int, dimension: int) -> float:
    r"""The sharp bound: ``h^2 = (r + 2 sqrt(r x) + 2 x) / (d - 2 sqrt(d x))`` with ``x = log(2 r)``.

    ``|J u| <= L h`` with probability at least ``1 - 1 / r`` for ``u`` uniform on the sphere and ``J`` of rank ``r`` and
    norm ``L``; infinite where the denominator is not positive.
    """
    _check_rank(rank, dimension)
    x = math.log(2 * rank)
    bottom = dimension - 2 * math.sqrt(dimension * x)
    return math.sqrt((rank + 2 * math.sqrt(rank * x) + 2 * x) / bottom) if bottom > 0 else math.inf


def projector_quantile(rank: int, dimension: int, probability: float) -> float:
    """The quantile of ``|P u|`` for a projector of rank ``r``: ``|P u|^2`` is ``Beta(r / 2, (d - r) / 2)``."""
    from scipy.stats import beta

    _check_rank(rank, dimension)
    return math.sqrt(float(beta.ppf(probability, rank / 2, (dimension - rank) / 2)))


def two_step_bracket(steps: StepCoefficients, lipschitz: float) -> float:
    """Theorem 2's bracket ``B + |B'| (1 + L B)``: times ``lambda L h`` it bounds what the mark adds to the error."""
    return steps.B + steps.B_inverse * (1 + lipschitz * steps.B)


def flow_gain(variance: Tensor, sigma: float) -> Tensor:
    """``G = sqrt(s / (s + sigma^2))``: what the exact flow from level ``sigma`` to 0 multiplies a perturbation by, in
    a direction of variance ``s`` of a Gaussian.
    """
    return (variance / (variance + sigma**2)).sqrt()


def euler_gain(variance: Tensor, sigmas: Tensor) -> Tensor:
    """The same for the DDIM steps of a grid that ends at any level: ``prod (1 - (1 - s'/s) s^2 / (v + s^2))``."""
    gain = torch.ones_like(variance)
    for here, there in pairwise(sigmas.tolist()):
        gain = gain * (1 + (there - here) * here / (variance + here**2))
    return gain


def inversion_gain(variance: Tensor, sigmas: Tensor) -> Tensor:
    """The gain of DDIM inversion up the same grid, with the network told the next level at the present
    variance-preserving point.
    """
    gain = torch.ones_like(variance)
    for here, there in pairwise(sigmas.flip(0).tolist()):
        ratio = math.sqrt(sigma_to_alpha_bar(here) / sigma_to_alpha_bar(there))
        gain = gain * (1 + (there - here) * there * ratio / (variance + there**2))
    return gain


def distortion(variance: Tensor, key_power: Tensor, sigma: float, gain: Tensor | None = None) -> Tensor:
    """Expected squared change of the picture at coefficients of ``variance``, when those of a state at level ``sigma``
    are replaced by a key of power ``|W|^2 (1 + sigma^2)``: ``G^2 (|W|^2 (1 + sigma^2) + s + sigma^2)``.

    ``gain`` takes the place of the exact flow's ``G``, for a sampler of few steps (:func:`euler_gain`).
    """
    G = flow_gain(variance, sigma) if gain is None else gain
    return G.square() * (key_power * (1 + sigma**2) + variance + sigma**2)


def size_law(psnr: float, pixels: int, noise_std: float, pixel_range: float = 2.0) -> float:
    """The best z-score of any mark of this PSNR in a picture of ``pixels`` numbers after white noise, for a detector
    that knows the unmarked picture: ``RMSE sqrt(pixels) / noise_std``.
    """
    return pixel_range * 10 ** (-psnr / 20) * math.sqrt(pixels) / noise_std


def _check_rank(rank: int, dimension: int) -> None:
    if not 1 <= rank < dimension or dimension < 3:
        raise ValueError(f"rank, dimension: {rank!r}, {dimension!r} are not allowed; need 1 <= rank < dimension >= 3")
