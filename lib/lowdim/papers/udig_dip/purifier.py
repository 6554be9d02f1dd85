"""Diffusion purification: the input update of uDiG-DIP, which knows the law of images but not the measurement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from lowdim.checks import check_finite
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.grids import log_sigmas
from lowdim.denoising.purify import Sampler, purify
from lowdim.denoising.samplers import Step, ancestral, euler, last

Kind = Literal["tweedie", "ddim", "ancestral"]
LEAST = 0.02
"""Of the level to purify at: the lowest level before 0."""


class Purifier:
    """``DP_tau(x)``: noise of level ``tau`` added to ``x``, and the way back by a denoiser.

    * ``"tweedie"``: one evaluation, ``D(x + tau n, tau)``.
    * ``"ddim"``: ``steps`` levels of the probability-flow ODE, deterministic after the noise.
    * ``"ancestral"``: ``steps`` levels with fresh noise at each.

    Without ``noise`` no noise is added first ("denoise as if noisy", DP0); ``"ancestral"`` then still draws its own.
    ``denoiser`` sees each channel as an image of its own when ``by_channel``: real and imaginary part of a complex
    image share one grey prior. ``evaluations`` counts for each image and call how often it asks the denoiser.

    The range of the images is that of the denoiser. The chapter's images have background 0 and magnitudes in [0, 1],
    and so have those of its network and of deepinv's denoisers; a denoiser of images in [-1, 1] fits as
    :func:`~lowdim.denoising.views.unit_range_view` of it.

    Raises ``ValueError`` for an unknown kind, ``steps < 1``, or ``"tweedie"`` with more than one step.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        kind: Kind = "tweedie",
        *,
        steps: int = 1,
        noise: bool = False,
        by_channel: bool = True,
    ) -> None:
        if kind not in get_args(Kind):
            raise ValueError(f"kind: {kind!r} is unknown; choose one of {', '.join(get_args(Kind))}")
        if steps < 1 or (kind == "tweedie" and steps != 1):
            raise ValueError(f"steps: {steps!r} is not allowed for {kind}; give a whole number >= 1 (tweedie: 1)")
        self.denoiser, self.kind, self.steps, self.noise = denoiser, kind, steps, noise
        self.view = channelwise(denoiser) if by_channel else denoiser

    @property
    def evaluations(self) -> int:
        """Evaluations of the denoiser for each image, the channels together counted once."""
        return self.steps

    def __call__(self, x: Tensor, tau: float, generator: torch.Generator) -> Tensor:
        """The purified ``(B, C, H, W)``, no gradients recorded. ``tau`` is in units of the denoiser's images.

        Raises ``ValueError`` for ``tau <= 0`` and images that are not finite.
        """
        check_finite("x", x)
        if not tau > 0:
            raise ValueError(f"tau: {tau!r} is not allowed; give a level > 0")
        grid = (
            log_sigmas(self.steps, LEAST * tau, tau)
            if self.steps > 1
            else torch.tensor([tau, 0.0], dtype=torch.float64)
        )
        sampler = self._sampler(generator)
        with torch.no_grad():
            if self.noise:
                return purify(self.view, x, grid, generator, sampler=sampler)
            return last(sampler(self.view, x, grid))

    def _sampler(self, generator: torch.Generator) -> Sampler:
        if self.kind != "ancestral":
            return euler

        def draw(denoiser: Denoiser, x: Tensor, sigmas: Any) -> Iterator[Step]:
            return ancestral(denoiser, x, sigmas, generator)

        return draw


def channelwise(denoiser: Denoiser) -> Denoiser:
    """``denoiser``, to which each channel of ``(B, C, H, W)`` is an image of its own: real and imaginary part of a
    complex image share one grey prior. A noise level is a number or ``(B,)``.
    """

    def view(x: Tensor, sigma: float | Tensor) -> Tensor:
        channels = x.shape[1]
        level = sigma.repeat_interleave(channels) if isinstance(sigma, Tensor) and sigma.dim() else sigma
        return denoiser(x.flatten(0, 1)[:, None], level).reshape(x.shape)

    return view


Purify = Callable[[Tensor, float, torch.Generator], Tensor]
"""What takes an image, a level and a generator to a purified image."""
