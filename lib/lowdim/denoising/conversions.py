r"""Every change of coordinates of the book, one named function each.

The book's own coordinates are variance exploding (VE): ``x = x0 + sigma n`` with ``n`` standard normal, and the
quantity of interest is the denoised estimate ``D = E[x0 | x]``. Papers also use

* variance-preserving (VP) points ``x_t = sqrt(alpha_bar) (x0 + sigma n)``, ``sigma^2 = (1 - alpha_bar) / alpha_bar``;
* flow points ``x_t = t x0 + (1 - t) n`` with noise at ``t = 0`` and data at ``t = 1``, ``sigma = (1 - t) / t``;
* pixels in ``[0, 1]`` instead of ``[-1, 1]``, which halves every noise level.

Levels (``sigma``, ``alpha_bar``, ``t``) are numbers or tensors and keep their kind. Where a level meets a batch
``(B, *shape)`` it is a number or a tensor ``(B,)``. A level outside its range raises a ``ValueError``.

Going to ``alpha_bar`` or ``t`` and back loses digits at small noise, where both are close to 1: the relative error of
``sigma`` is about ``eps / sigma^2`` through ``alpha_bar`` and ``eps / sigma`` through ``t``. Keep ``sigma`` as the
clock.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor

from lowdim.checks import expand_sigma, like

Level = TypeVar("Level", float, Tensor, "float | Tensor")


def _check_fraction(name: str, value: float | Tensor, *, zero: bool = False, one: bool = True) -> None:
    """Refuse a level outside the unit interval; ``zero`` and ``one`` say whether its ends are allowed."""
    v = torch.as_tensor(value)
    inside = ((v >= 0) if zero else (v > 0)) & ((v <= 1) if one else (v < 1))
    if not bool(inside.all()):
        interval = f"{'[' if zero else '('}0, 1{']' if one else ')'}"
        raise ValueError(f"{name}: {v.flatten()[:4].tolist()} is not allowed; every entry must lie in {interval}")


def _check_sigma(value: float | Tensor) -> None:
    v = torch.as_tensor(value)
    if not bool(((v >= 0) & torch.isfinite(v)).all()):
        raise ValueError(f"sigma: {v.flatten()[:4].tolist()} is not allowed; every entry must be finite and >= 0")


def _over_batch(name: str, value: float | Tensor, x: Tensor, *, zero: bool = False, one: bool = True) -> Tensor:
    """A level in the unit interval shaped to broadcast over the batch ``x``."""
    _check_fraction(name, value, zero=zero, one=one)
    v = torch.as_tensor(value, dtype=x.dtype, device=x.device)
    if v.dim() > 1 or (v.dim() == 1 and v.shape[0] not in (1, x.shape[0])):
        raise ValueError(f"{name}: shape {tuple(v.shape)} is not allowed; give a number or a shape ({x.shape[0]},)")
    return like(v.expand(x.shape[0]), x)


def _sigma_over_batch(sigma: float | Tensor, x: Tensor) -> Tensor:
    return like(expand_sigma(sigma, x), x)


# Levels


def alpha_bar_to_sigma(alpha_bar: Level) -> Level:
    """``sigma = sqrt((1 - alpha_bar) / alpha_bar)`` for ``alpha_bar`` in (0, 1]."""
    _check_fraction("alpha_bar", alpha_bar)
    return ((1 - alpha_bar) / alpha_bar) ** 0.5


def sigma_to_alpha_bar(sigma: Level) -> Level:
    """``alpha_bar = 1 / (1 + sigma^2)`` for finite ``sigma >= 0``."""
    _check_sigma(sigma)
    return 1 / (1 + sigma**2)


def flow_time_to_sigma(t: Level) -> Level:
    """``sigma = (1 - t) / t`` for ``t`` in (0, 1]; ``t = 0`` would be infinite noise."""
    _check_fraction("t", t)
    return (1 - t) / t


def sigma_to_flow_time(sigma: Level) -> Level:
    """``t = 1 / (1 + sigma)`` for finite ``sigma >= 0``."""
    _check_sigma(sigma)
    return 1 / (1 + sigma)


def sigma_to_unit_range(sigma: Level) -> Level:
    """The noise level for pixels in [0, 1], from the one for pixels in [-1, 1]: ``sigma / 2``."""
    return sigma / 2


def sigma_from_unit_range(sigma: Level) -> Level:
    """The noise level for pixels in [-1, 1], from the one for pixels in [0, 1]: ``2 sigma``."""
    return 2 * sigma


def linear_beta_alpha_bars(train_steps: int = 1000, beta_start: float = 1e-4, beta_end: float = 0.02) -> Tensor:
    """``alpha_bar_t = prod_{s <= t} (1 - beta_s)`` with ``beta`` linear from ``beta_start`` to ``beta_end``.

    Returns ``(train_steps,)`` in float64, descending. The defaults are those of DDPM (Ho et al. 2020, section 4).
    """
    if train_steps < 1 or not 0 < beta_start <= beta_end < 1:
        raise ValueError(
            f"train_steps, beta_start, beta_end: {train_steps}, {beta_start}, {beta_end} are not allowed; "
            "need train_steps >= 1 and 0 < beta_start <= beta_end < 1"
        )
    return torch.cumprod(1 - torch.linspace(beta_start, beta_end, train_steps, dtype=torch.float64), dim=0)


# Points


def ve_to_vp(x: Tensor, alpha_bar: float | Tensor) -> Tensor:
    """``x_t = sqrt(alpha_bar) x``."""
    return _over_batch("alpha_bar", alpha_bar, x).sqrt() * x


def vp_to_ve(x_t: Tensor, alpha_bar: float | Tensor) -> Tensor:
    """``x = x_t / sqrt(alpha_bar)``."""
    return x_t / _over_batch("alpha_bar", alpha_bar, x_t).sqrt()


def ve_to_flow(x: Tensor, t: float | Tensor) -> Tensor:
    """``x_t = t x``."""
    return _over_batch("t", t, x) * x


def flow_to_ve(x_t: Tensor, t: float | Tensor) -> Tensor:
    """``x = x_t / t``."""
    return x_t / _over_batch("t", t, x_t)


def to_unit_range(x: Tensor) -> Tensor:
    """Pixels from [-1, 1] to [0, 1]: ``(x + 1) / 2``."""
    return (x + 1) / 2


def from_unit_range(x: Tensor) -> Tensor:
    """Pixels from [0, 1] to [-1, 1]: ``2 x - 1``."""
    return 2 * x - 1


# What a network may predict, from and to the denoised estimate D (all of shape (B, *shape))


def denoiser_to_score(denoised: Tensor, x: Tensor, sigma: float | Tensor) -> Tensor:
    """Tweedie's formula: ``grad log p_sigma(x) = (D - x) / sigma^2`` at the VE point ``x``."""
    return (denoised - x) / _sigma_over_batch(sigma, x) ** 2


def score_to_denoiser(score: Tensor, x: Tensor, sigma: float | Tensor) -> Tensor:
    """``D = x + sigma^2 score`` at the VE point ``x``."""
    return x + _sigma_over_batch(sigma, x) ** 2 * score


def denoiser_to_noise(denoised: Tensor, x: Tensor, sigma: float | Tensor) -> Tensor:
    """``E[n | x] = (x - D) / sigma`` at the VE point ``x``; also the slope ``dx/dsigma`` of the flow ODE."""
    return (x - denoised) / _sigma_over_batch(sigma, x)


def noise_to_denoiser(noise: Tensor, x: Tensor, sigma: float | Tensor) -> Tensor:
    """``D = x - sigma E[n | x]`` at the VE point ``x``."""
    return x - _sigma_over_batch(sigma, x) * noise


def score_to_vp_score(score: Tensor, alpha_bar: float | Tensor) -> Tensor:
    """``grad log p_t(x_t) = score / sqrt(alpha_bar)``: the change of variables ``x_t = sqrt(alpha_bar) x``."""
    return score / _over_batch("alpha_bar", alpha_bar, score).sqrt()


def vp_score_to_score(vp_score: Tensor, alpha_bar: float | Tensor) -> Tensor:
    """``score = sqrt(alpha_bar) grad log p_t(x_t)``."""
    return _over_batch("alpha_bar", alpha_bar, vp_score).sqrt() * vp_score


def denoiser_to_v(denoised: Tensor, x_t: Tensor, alpha_bar: float | Tensor) -> Tensor:
    """The VP ``v`` prediction ``E[sqrt(alpha_bar) n - sqrt(1 - alpha_bar) x0 | x_t]`` (Salimans and Ho 2022).

    In terms of ``D`` at the VP point ``x_t``: ``v = (sqrt(alpha_bar) x_t - D) / sqrt(1 - alpha_bar)``, ``alpha_bar <
    1``.
    """
    ab = _over_batch("alpha_bar", alpha_bar, x_t, one=False)
    return (ab.sqrt() * x_t - denoised) / (1 - ab).sqrt()


def v_to_denoiser(v: Tensor, x_t: Tensor, alpha_bar: float | Tensor) -> Tensor:
    """``D = sqrt(alpha_bar) x_t - sqrt(1 - alpha_bar) v`` at the VP point ``x_t``."""
    ab = _over_batch("alpha_bar", alpha_bar, x_t)
    return ab.sqrt() * x_t - (1 - ab).sqrt() * v


def denoiser_to_velocity(denoised: Tensor, x_t: Tensor, t: float | Tensor) -> Tensor:
    """The flow velocity ``E[x0 - n | x_t] = (D - x_t) / (1 - t)`` at the flow point ``x_t``, ``0 <= t < 1``."""
    return (denoised - x_t) / (1 - _over_batch("t", t, x_t, zero=True, one=False))


def velocity_to_denoiser(velocity: Tensor, x_t: Tensor, t: float | Tensor) -> Tensor:
    """``D = x_t + (1 - t) velocity`` at the flow point ``x_t``, ``0 <= t <= 1``."""
    return x_t + (1 - _over_batch("t", t, x_t, zero=True)) * velocity
