"""What every exact data model offers: samples, the noised density and score, the denoiser with its Jacobian, and the
exact posterior of a linear measurement.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lowdim.checks import check_batch, check_count, check_finite, expand_sigma
from lowdim.distributions.numerics import in_chunks, principal_axes

if TYPE_CHECKING:
    from lowdim.distributions.gaussian import Gaussian


class Distribution(ABC):
    """A law of ``x0`` on tensors of shape ``event_shape``, seen through Gaussian noise: ``x = x0 + sigma * n``.

    A distribution *is* a denoiser: ``distribution(x, sigma)`` is the posterior mean ``E[x0 | x]``.

    Shapes. ``x`` is ``(B, *event_shape)``; ``sigma`` is a number or ``(B,)``, positive, in the units of ``x``.
    Inside, events are flattened to ``n`` numbers, and matrices (Jacobian, covariance) act on these.
    Precision. The work is done in ``self.dtype``; results come back in the dtype of ``x``.
    Errors. Every method raises ``ValueError`` for a wrong shape, for NaN or infinity, and for ``sigma <= 0``.
    """

    def __init__(self, event_shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> None:
        if dtype not in (torch.float32, torch.float64):
            raise ValueError(f"dtype: {dtype} is not allowed; choose torch.float32 or torch.float64")
        self.event_shape = torch.Size(event_shape)
        self.dtype = dtype
        self.device = device

    @property
    def n(self) -> int:
        """The number of entries of one event."""
        return self.event_shape.numel()

    def __call__(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """The same as :meth:`denoise`."""
        return self.denoise(x, sigma)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """``n`` independent draws ``(n, *event_shape)``, drawn on the generator's device and moved to ours."""
        return self._sample(*check_draws(n, generator)).reshape(n, *self.event_shape)

    def log_prob(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """``log p_sigma(x)``, the log density ``(B,)`` of ``x0 + sigma * n`` at ``x``."""
        flat, s = self._flatten(x, sigma)
        return in_chunks(self._log_prob, self._width, flat, s).to(x.dtype)

    def denoise(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """``E[x0 | x0 + sigma * n = x]``, ``(B, *event_shape)``."""
        flat, s = self._flatten(x, sigma)
        return in_chunks(self._denoise, self._width, flat, s).reshape(x.shape).to(x.dtype)

    def score(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """``grad_x log p_sigma(x) = (E[x0 | x] - x) / sigma^2`` (Tweedie's formula), ``(B, *event_shape)``."""
        flat, s = self._flatten(x, sigma)
        residual = in_chunks(self._denoise, self._width, flat, s) - flat
        return (residual / s[:, None].square()).reshape(x.shape).to(x.dtype)

    def denoiser_product(self, x: Tensor, sigma: float | Tensor, v: Tensor) -> Tensor:
        """``J v`` for the Jacobian ``J = dD/dx = Cov[x0 | x] / sigma^2`` of the denoiser, without forming ``J``.

        ``v`` is one direction a sample, ``(B, *event_shape)``, or ``m`` of them, ``(B, m, *event_shape)``; the result
        has the shape of ``v``. As ``J`` is symmetric this is both the forward and the reverse product.
        """
        flat, s = self._flatten(x, sigma)
        check_finite("v", v)
        batch = (x.shape[0],) if v.dim() == x.dim() else tuple(v.shape[:2])
        if batch[0] != x.shape[0] or tuple(v.shape) != (*batch, *self.event_shape):
            shape = ", ".join(map(str, self.event_shape))
            raise ValueError(
                f"v: shape {tuple(v.shape)} is not allowed; give ({x.shape[0]}, {shape}) or ({x.shape[0]}, m, {shape})"
            )
        directions = v.reshape(x.shape[0], -1, self.n).to(self.dtype)
        width = directions.shape[1] * self._width
        return in_chunks(self._denoiser_product, width, flat, s, directions).reshape(v.shape).to(v.dtype)

    def denoiser_jacobian(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """The Jacobian ``(B, n, n)`` of the denoiser, exact. Meant for small ``n``; see :meth:`denoiser_product`."""
        flat, s = self._flatten(x, sigma)
        identity = torch.eye(self.n, dtype=self.dtype, device=self.device).expand(x.shape[0], -1, -1)
        return in_chunks(self._denoiser_product, self.n * self._width, flat, s, identity).to(x.dtype)

    def mean(self) -> Tensor:
        """``E[x0]``, of shape ``event_shape``."""
        return self._mean().reshape(self.event_shape)

    def covariance(self) -> Tensor:
        """``Cov[x0]``, ``(n, n)``. Meant for small ``n``."""
        factor = self._covariance_factor()
        return factor @ factor.T

    def gaussian(self, rank: int | None = None) -> Gaussian:
        """The Gaussian with the same mean and covariance; its denoiser is the best affine denoiser of this law.

        ``rank`` keeps only the leading principal directions.
        """
        from lowdim.distributions.gaussian import Gaussian  # a Gaussian is a Distribution itself

        basis, eigenvalues = principal_axes(self._covariance_factor(), rank)
        return Gaussian(self.mean(), basis, eigenvalues)

    @abstractmethod
    def posterior(self, y: Tensor, operator: Any, noise_std: float) -> Distribution:
        """The exact law of ``x0`` given one measurement ``y = A x0 + noise_std * n``.

        ``operator`` is a matrix ``(m, n)`` acting on the flattened event, or an object whose method ``A`` maps a batch
        ``(B, *event_shape)`` in the dtype of this law to ``(B, ...)``, as a deepinv physics does. ``y`` has the ``m``
        entries of one measurement, in any shape; ``noise_std > 0``.
        """

    @abstractmethod
    def to(self, dtype: torch.dtype | None = None, device: str | torch.device | None = None) -> Distribution:
        """The same law with its tensors in ``dtype`` and on ``device``."""

    def _flatten(self, x: Tensor, sigma: float | Tensor) -> tuple[Tensor, Tensor]:
        check_batch("x", x, self.event_shape)
        if x.device != self.device:
            raise ValueError(
                f"x: on {x.device}, but the distribution is on {self.device}; move one with .to(device=...)"
            )
        flat = x.reshape(x.shape[0], self.n).to(self.dtype)
        return flat, expand_sigma(sigma, flat)

    @property
    @abstractmethod
    def _width(self) -> int:
        """Numbers that one row of a batch needs in temporary arrays; decides the size of chunks."""

    @abstractmethod
    def _sample(self, n: int, generator: torch.Generator) -> Tensor: ...

    @abstractmethod
    def _log_prob(self, x: Tensor, sigma: Tensor) -> Tensor: ...

    @abstractmethod
    def _denoise(self, x: Tensor, sigma: Tensor) -> Tensor: ...

    @abstractmethod
    def _denoiser_product(self, x: Tensor, sigma: Tensor, v: Tensor) -> Tensor: ...

    @abstractmethod
    def _mean(self) -> Tensor: ...

    @abstractmethod
    def _covariance_factor(self) -> Tensor:
        """A matrix ``F (n, q)`` with ``Cov[x0] = F F^T``."""


def check_draws(n: int, generator: torch.Generator) -> tuple[int, torch.Generator]:
    """The number of draws and the generator, when ``n`` is a whole number of at least 0."""
    check_count("n", n, 0)
    if not isinstance(generator, torch.Generator):
        raise ValueError(f"generator: got a {type(generator).__name__}; give a torch.Generator")
    return n, generator


def check_weights(weights: Tensor | Sequence[float] | None, count: int, like: Tensor) -> Tensor:
    """Log weights ``(count,)`` that sum to one in probability, from positive weights; ``None`` means equal ones."""
    if weights is None:
        return torch.full((count,), 1.0 / count, dtype=torch.float64).log().to(like)
    w = check_finite("weights", torch.as_tensor(weights, dtype=torch.float64))
    if tuple(w.shape) != (count,):
        raise ValueError(f"weights: shape {tuple(w.shape)} is not allowed; give ({count},)")
    if not bool((w > 0).all()) or abs(float(w.sum()) - 1.0) > 1e-6:
        raise ValueError(
            f"weights: smallest {float(w.min()):g}, sum {float(w.sum()):g} is not allowed; all must be > 0 and sum to 1"
        )
    return (w / w.sum()).log().to(like)
