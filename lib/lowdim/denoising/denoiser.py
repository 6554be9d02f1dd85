"""The contract of the book: a denoiser, and how a conditional model becomes one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Denoiser(Protocol):
    """``D(x, sigma)``, an estimate of the posterior mean ``E[x0 | x0 + sigma n = x]`` with ``n`` standard normal.

    ``x`` is a batch ``(B, *shape)``; ``sigma > 0`` is a number or a tensor ``(B,)`` in the units of ``x``. The result
    has the shape, dtype and device of ``x``. Exact distributions, trained networks and adapters of foreign models all
    satisfy it. At ``sigma = 0`` the answer is ``x`` itself, so callers need not ask.
    """

    def __call__(self, x: Tensor, sigma: float | Tensor, /) -> Tensor:
        """Denoise the batch ``x`` at noise level ``sigma``."""


class ConditionalDenoiser(Protocol):
    """``D(x, sigma, condition)``: a denoiser told a label, a caption, ...; ``condition=None`` means told nothing."""

    def __call__(self, x: Tensor, sigma: float | Tensor, condition: Any, /) -> Tensor:
        """Denoise the batch ``x`` at noise level ``sigma`` knowing ``condition``."""


@dataclass(frozen=True)
class Bound:
    """A conditional model closed over its condition and guidance; made by :func:`bind`."""

    model: ConditionalDenoiser
    condition: Any
    guidance: float
    null: Any

    def __call__(self, x: Tensor, sigma: float | Tensor, /) -> Tensor:
        """Return ``D_null + w (D_cond - D_null)``; one evaluation of the model when ``w`` is 0 or 1, else two."""
        if self.guidance == 1:
            return self.model(x, sigma, self.condition)
        unguided = self.model(x, sigma, self.null)
        if self.guidance == 0:
            return unguided
        return unguided + self.guidance * (self.model(x, sigma, self.condition) - unguided)


def bind(model: ConditionalDenoiser, condition: Any = None, guidance: float = 1.0, *, null: Any = None) -> Bound:
    """Close ``model(x, sigma, condition)`` over its condition: the result is a :class:`Denoiser`.

    Classifier-free guidance (Ho and Salimans 2022) with scale ``w = guidance``::

        D = D_null + w (D_cond - D_null)

    where ``D_null`` is the model told ``null`` (``None``: nothing; or a negative prompt). ``w = 1`` is the plain
    conditional model, ``w = 0`` the unconditional one. Denoisers and noise predictions are affine images of each other
    at a fixed ``(x, sigma)``, so this is the usual formula for noise predictions.

    Raises ``ValueError`` when ``guidance`` is not finite, or is not 1 while ``condition`` is ``None``.
    """
    if not math.isfinite(guidance):
        raise ValueError(f"guidance: {guidance!r} is not allowed; give a finite number")
    if condition is None and guidance != 1:
        raise ValueError(f"guidance: {guidance!r} has nothing to guide towards; give a condition, or leave it at 1")
    return Bound(model, condition, float(guidance), null)
