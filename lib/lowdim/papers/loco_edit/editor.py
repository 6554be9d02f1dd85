"""The whole edit of an image: up to the noise level, one step, and down again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lowdim.checks import check_count, check_finite
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.grids import check_sigmas
from lowdim.denoising.pipelines import PictureMap, Pipeline
from lowdim.denoising.samplers import euler, invert, last
from lowdim.papers.loco_edit.directions import LocalDirections, local_directions, told_direction


def _unchanged(x: Tensor) -> Tensor:
    return x


@dataclass(frozen=True)
class Editor:
    """A denoiser and the grid of noise levels between the edit and the image.

    ``sigmas`` descends from the level of the edit, where directions are found and the step is made, to 0. For a latent
    model ``f`` is its denoiser followed by the decoder, and ``encode`` and ``decode`` are the autoencoder;
    :meth:`for_pipeline` fills them in. In pixels they are left out.
    """

    denoiser: Denoiser
    sigmas: Tensor
    f: PictureMap | None = None
    encode: Callable[[Tensor], Tensor] = _unchanged
    decode: Callable[[Tensor], Tensor] = _unchanged

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigmas", check_sigmas(self.sigmas))

    @classmethod
    def for_pipeline(cls, model: Pipeline, steps: int, start: int, **prompt: Any) -> Editor:
        """The editor of a diffusers pipeline at level ``start`` of its grid of ``steps`` steps.

        ``prompt`` goes to :meth:`lowdim.denoising.pipelines.Pipeline.denoiser`. Raises ``ValueError`` when ``start``
        leaves no step to make.
        """
        grid = model.sigmas(steps)
        check_count("start", start, 0, len(grid) - 2)
        denoiser = model.denoiser(**prompt)
        return cls(denoiser, grid[start:], model.pictures(denoiser), model.encode, model.decode)

    @property
    def sigma(self) -> float:
        """The noise level of the edit."""
        return float(self.sigmas[0])

    def invert(self, images: Tensor, *, label: str = "next", corrections: int = 1) -> Tensor:
        """The noisy points ``(B, *shape)`` that sample back to ``images``; options of
        :func:`lowdim.denoising.samplers.invert`. The authors' code has ``label="current"``, no corrections and many
        steps.
        """
        return last(invert(self.denoiser, self.encode(images), self.sigmas, label, corrections))

    def sample(self, x: Tensor) -> Tensor:
        """The images ``(B, 3, H, W)`` of the noisy points ``x``, by DDIM without noise."""
        with torch.no_grad():
            return self.decode(last(euler(self.denoiser, x, self.sigmas)))

    def directions(self, x: Tensor, mask: Tensor, generator: torch.Generator, **options: Any) -> LocalDirections:
        """:func:`local_directions` at the point ``x (1, *shape)``."""
        return local_directions(self.f or self.denoiser, x, self.sigma, mask, generator, **options)

    def told(self, told: Denoiser, x: Tensor, mask: Tensor) -> Tensor:
        """:func:`told_direction` towards ``told``, another denoiser of the same points."""
        f_told = told if self.f is None else (lambda z, sigma: self.decode(told(z, sigma)))
        return told_direction(self.f or self.denoiser, f_told, x, self.sigma, mask)

    def predict(self, x: Tensor, v: Tensor, strengths: Sequence[float]) -> Tensor:
        """``f(x + s v)`` for every strength s, ``(S, B, 3, H, W)``: the edit in one evaluation, before sampling."""
        moved = _moved(x, v, strengths)
        with torch.no_grad():
            pictures = (self.f or self.denoiser)(moved.flatten(0, 1), self.sigma)
        return pictures.reshape(*moved.shape[:2], *pictures.shape[1:])

    def edit(self, x: Tensor, v: Tensor, strengths: Sequence[float]) -> Tensor:
        """The edited images ``(S, B, 3, H, W)``: each of the points ``x (B, *shape)`` moved by every strength times
        ``v`` and sampled. Applied to points of other images than the one where ``v`` was found, it is the paper's
        transfer. ``v`` is ``(*shape)`` or ``(1, *shape)``, or ``(B, *shape)`` for a direction of each point's own.
        """
        moved = _moved(x, v, strengths)
        pictures = self.sample(moved.flatten(0, 1))
        return pictures.reshape(*moved.shape[:2], *pictures.shape[1:])


def _moved(x: Tensor, v: Tensor, strengths: Sequence[float]) -> Tensor:
    check_finite("x", x)
    check_finite("v", v)
    if tuple(v.shape) not in (tuple(x.shape[1:]), (1, *x.shape[1:]), tuple(x.shape)):
        raise ValueError(f"v: shape {tuple(v.shape)} is not allowed for points {tuple(x.shape)}; give one direction")
    s = check_finite("strengths", torch.as_tensor(strengths, dtype=x.dtype, device=x.device))
    if s.dim() != 1 or not len(s):
        raise ValueError(f"strengths: shape {tuple(s.shape)} is not allowed; give a list of numbers")
    return x + s.reshape(-1, *[1] * x.dim()) * v
