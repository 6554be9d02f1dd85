"""Denoisers in the coordinates of others, and models of others as denoisers.

Each view is a wrapper with the signature of its field. The maths is in :mod:`lowdim.denoising.conversions`; a view only
moves the point to the book's coordinates, asks the denoiser, and converts the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lowdim.checks import expand_sigma, like
from lowdim.denoising import conversions as to
from lowdim.denoising.denoiser import Denoiser

# A model f(x_t, level), the level a number or a tensor (B,).
LevelModel = Callable[[Tensor, "float | Tensor"], Tensor]


@dataclass(frozen=True)
class VPView:
    """A denoiser at variance-preserving points ``x_t = sqrt(alpha_bar) (x0 + sigma n)``.

    All methods take ``x_t (B, *shape)`` and ``alpha_bar`` in (0, 1), a number or ``(B,)``.
    """

    denoiser: Denoiser

    def x0(self, x_t: Tensor, alpha_bar: float | Tensor) -> Tensor:
        """``E[x0 | x_t] = D(x_t / sqrt(alpha_bar), sigma)``."""
        return self.denoiser(to.vp_to_ve(x_t, alpha_bar), to.alpha_bar_to_sigma(alpha_bar))

    def noise(self, x_t: Tensor, alpha_bar: float | Tensor) -> Tensor:
        """``E[n | x_t] = (x_t - sqrt(alpha_bar) x0) / sqrt(1 - alpha_bar)``, the same noise as at ``x``."""
        x, sigma = to.vp_to_ve(x_t, alpha_bar), to.alpha_bar_to_sigma(alpha_bar)
        return to.denoiser_to_noise(self.denoiser(x, sigma), x, sigma)

    def v(self, x_t: Tensor, alpha_bar: float | Tensor) -> Tensor:
        """``E[sqrt(alpha_bar) n - sqrt(1 - alpha_bar) x0 | x_t]``."""
        return to.denoiser_to_v(self.x0(x_t, alpha_bar), x_t, alpha_bar)

    def score(self, x_t: Tensor, alpha_bar: float | Tensor) -> Tensor:
        """``grad log p_t(x_t) = (sqrt(alpha_bar) x0 - x_t) / (1 - alpha_bar)``."""
        x, sigma = to.vp_to_ve(x_t, alpha_bar), to.alpha_bar_to_sigma(alpha_bar)
        return to.score_to_vp_score(to.denoiser_to_score(self.denoiser(x, sigma), x, sigma), alpha_bar)


@dataclass(frozen=True)
class FlowView:
    """A denoiser at flow points ``x_t = t x0 + (1 - t) n``: noise at ``t = 0``, data at ``t = 1``.

    ``x_t`` is ``(B, *shape)``, ``t`` a number or ``(B,)`` in (0, 1). At ``t = 0``, infinite noise, the estimate of the
    data is their ``mean (*shape)``; without it ``t = 0`` is refused.
    """

    denoiser: Denoiser
    mean: Tensor | None = None

    def x0(self, x_t: Tensor, t: float | Tensor) -> Tensor:
        """``E[x0 | x_t] = D(x_t / t, (1 - t) / t)``, or the mean of the data at ``t = 0``."""
        if self.mean is None:
            return self.denoiser(to.flow_to_ve(x_t, t), to.flow_time_to_sigma(t))
        time = torch.as_tensor(t, dtype=x_t.dtype, device=x_t.device)
        start = time == 0
        # Some level must be asked for at t = 0 as well; its answer is then replaced.
        safe = torch.where(start, torch.full_like(time, 0.5), time)
        denoised = self.denoiser(to.flow_to_ve(x_t, safe), to.flow_time_to_sigma(safe))
        return torch.where(like(start.expand(x_t.shape[0]), x_t), self.mean.to(x_t), denoised)

    def velocity(self, x_t: Tensor, t: float | Tensor) -> Tensor:
        """``E[x0 - n | x_t] = (E[x0 | x_t] - x_t) / (1 - t)``, the slope ``dx_t/dt`` of the flow."""
        return to.denoiser_to_velocity(self.x0(x_t, t), x_t, t)


@dataclass(frozen=True)
class UnitRangeView:
    """A denoiser for pixels in [0, 1], called as deepinv calls its denoisers: ``denoiser(x01, sigma01)``.

    ``sigma01``, in those units, is half the book's level: a number, ``(B,)`` or ``(B, 1, 1, 1)``.
    """

    denoiser: Denoiser

    def __call__(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """``(D(2 x - 1, 2 sigma) + 1) / 2``."""
        level = sigma.flatten() if isinstance(sigma, Tensor) and sigma.dim() > 1 else sigma
        return to.to_unit_range(self.denoiser(to.from_unit_range(x), to.sigma_from_unit_range(level)))


def vp_view(denoiser: Denoiser) -> VPView:
    """The denoiser as ``x0``, ``noise``, ``v`` and ``score`` at VP points ``(x_t, alpha_bar)``."""
    return VPView(denoiser)


def flow_view(denoiser: Denoiser, mean: Tensor | None = None) -> FlowView:
    """The denoiser as ``x0`` and ``velocity`` at flow points ``(x_t, t)``; the data's ``mean`` allows t = 0."""
    return FlowView(denoiser, mean)


def unit_range_view(denoiser: Denoiser) -> UnitRangeView:
    """The denoiser for pixels in [0, 1], as deepinv calls it."""
    return UnitRangeView(denoiser)


def denoiser_from_vp_noise(noise: LevelModel) -> Denoiser:
    """A denoiser from a noise prediction ``noise(x_t, alpha_bar)`` at VP points; inverse of ``vp_view(D).noise``."""

    def denoise(x: Tensor, sigma: float | Tensor) -> Tensor:
        alpha_bar = to.sigma_to_alpha_bar(expand_sigma(sigma, x))
        return to.noise_to_denoiser(noise(to.ve_to_vp(x, alpha_bar), alpha_bar), x, sigma)

    return denoise


def denoiser_from_velocity(velocity: LevelModel) -> Denoiser:
    """A denoiser from a flow velocity ``velocity(x_t, t)`` (noise at t = 0); inverse of ``flow_view(D).velocity``."""

    def denoise(x: Tensor, sigma: float | Tensor) -> Tensor:
        t = to.sigma_to_flow_time(expand_sigma(sigma, x))
        x_t = to.ve_to_flow(x, t)
        return to.velocity_to_denoiser(velocity(x_t, t), x_t, t)

    return denoise


def denoiser_from_unit_range(denoiser: LevelModel) -> Denoiser:
    """A denoiser from one for pixels in [0, 1], such as deepinv's ``denoiser(x01, sigma01)``; inverse of the view."""

    def denoise(x: Tensor, sigma: float | Tensor) -> Tensor:
        return to.from_unit_range(denoiser(to.to_unit_range(x), to.sigma_to_unit_range(sigma)))

    return denoise
