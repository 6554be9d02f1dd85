"""Samplers: generators that walk a grid of noise levels and yield the state at every level.

All of them integrate the probability-flow ODE in sigma (Karras et al. 2022, eq. 1 with ``sigma(t) = t``)

    dx/dsigma = (x - D(x, sigma)) / sigma,

whose solutions carry the law of ``x0 + sigma n`` from each noise level to the next; :func:`ancestral` adds fresh noise.
The state is kept in float64; the denoiser sees it in the dtype the caller gave. No gradients are recorded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from lowdim.checks import check_count, check_finite, check_result
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.grids import check_sigmas
from lowdim.distributions.numerics import wide_dtype


@dataclass(frozen=True)
class Step:
    """The state of a sampler at one level of its grid.

    ``x`` is the point ``(B, *shape)`` at noise level ``sigma`` and ``denoised`` the sampler's estimate of ``x0`` there:
    ``D(x, sigma)``, or ``x`` itself at ``sigma = 0``. Both have the dtype of the sampler's input.
    """

    index: int
    sigma: float
    x: Tensor
    denoised: Tensor


# D in float64 clothes: takes and returns the working dtype, and answers x at sigma = 0 without being asked.
_Model = Callable[[Tensor, float], Tensor]
# (model, x, sigma, sigma_next) -> (denoised, x_next)
_Rule = Callable[[_Model, Tensor, float, float], tuple[Tensor, Tensor]]


def _model(denoiser: Denoiser, dtype: torch.dtype) -> _Model:
    @torch.no_grad()
    def model(x: Tensor, sigma: float) -> Tensor:
        if sigma == 0:
            return x
        return check_result("denoiser", denoiser(x.to(dtype), sigma), x).to(x.dtype)

    return model


def _walk(model: _Model, x: Tensor, levels: list[float], rule: _Rule, dtype: torch.dtype) -> Iterator[Step]:
    x = x.detach().to(wide_dtype(x.device))
    for index, (sigma, sigma_next) in enumerate(pairwise(levels)):
        denoised, x_next = rule(model, x, sigma, sigma_next)
        yield Step(index, sigma, x.to(dtype), denoised.to(dtype))
        x = x_next
    if not bool(torch.isfinite(x).all()):  # once, at the end: in every step it would cost a pass
        bad = int((~torch.isfinite(x)).sum())
        raise ValueError(
            f"denoiser: {bad} of {x.numel()} entries of the point it led to, at level {levels[-1]:.4g}, are NaN or "
            "infinite; give one whose answers are finite on the whole grid"
        )
    yield Step(len(levels) - 1, levels[-1], x.to(dtype), model(x, levels[-1]).to(dtype))


def _sample(denoiser: Denoiser, x: Tensor, sigmas: Tensor | Sequence[float], rule: _Rule) -> Iterator[Step]:
    check_finite("x", x)
    return _walk(_model(denoiser, x.dtype), x, check_sigmas(sigmas).tolist(), rule, x.dtype)


def _euler_rule(model: _Model, x: Tensor, sigma: float, sigma_next: float) -> tuple[Tensor, Tensor]:
    denoised = model(x, sigma)
    d_cur = (x - denoised) / sigma
    return denoised, x + (sigma_next - sigma) * d_cur


def _heun_rule(model: _Model, x: Tensor, sigma: float, sigma_next: float) -> tuple[Tensor, Tensor]:
    # Euler step.
    denoised = model(x, sigma)
    d_cur = (x - denoised) / sigma
    x_next = x + (sigma_next - sigma) * d_cur
    # Apply the 2nd order correction, except at the end, where the slope is 0/0.
    if sigma_next > 0:
        d_prime = (x_next - model(x_next, sigma_next)) / sigma_next
        x_next = x + (sigma_next - sigma) * (d_cur + d_prime) / 2
    return denoised, x_next


def euler(denoiser: Denoiser, x: Tensor, sigmas: Tensor | Sequence[float]) -> Iterator[Step]:
    """Euler's method in sigma from ``x (B, *shape)`` at level ``sigmas[0]``: deterministic DDIM. First order.

    One step keeps the two estimates that the denoiser gives, ``D`` of the data and ``(x - D) / sigma`` of the noise,
    and mixes them again at the next level: ``x_next = D + sigma_next (x - D) / sigma``. Multiplied by
    ``sqrt(alpha_bar_next)`` this is DDIM's step (Song et al. 2021, eq. 12, without noise). Multiplied by the flow time
    ``t_next`` it is Euler's method in ``t`` for the flow velocity. The three differ only in the grid.

    Yields one :class:`Step` a level, the first with ``x`` itself. Costs one evaluation for every level above 0.
    Raises ``ValueError`` for a grid that is not descending (see :func:`lowdim.denoising.grids.check_sigmas`) and for
    ``x`` that is not finite; on the way for a denoiser that changes the shape, at the last level where its answers led
    to NaN or infinity. So do all samplers here.
    """
    return _sample(denoiser, x, sigmas, _euler_rule)


def heun(denoiser: Denoiser, x: Tensor, sigmas: Tensor | Sequence[float]) -> Iterator[Step]:
    """Heun's method in sigma: the deterministic sampler of EDM (Karras et al. 2022, Algorithm 1). Second order.

    As :func:`euler`, then each step is repeated with the mean of the slopes at both ends; a step to 0 is not. Costs
    ``2 N - 1`` evaluations for ``N`` steps that end at 0, and ``2 N + 1`` (the last for the record) otherwise.
    """
    return _sample(denoiser, x, sigmas, _heun_rule)


def ancestral(
    denoiser: Denoiser, x: Tensor, sigmas: Tensor | Sequence[float], generator: torch.Generator, eta: float = 1.0
) -> Iterator[Step]:
    """Ancestral sampling: an Euler step to below the next level, then fresh noise up to it.

    From ``s`` to ``s' < s``, with ``sigma_up = eta s' sqrt(s^2 - s'^2) / s`` and ``sigma_down^2 = s'^2 - sigma_up^2``::

        x' = D + sigma_down (x - D) / s + sigma_up n

    This is DDIM's step with its ``eta`` (Song et al. 2021, eqs. 12 and 16) divided by ``sqrt(alpha_bar')``: ``eta = 0``
    is :func:`euler`, ``eta = 1`` is DDPM. The noise is drawn in the dtype of ``x`` on the generator's device. Costs
    one evaluation for every level above 0. Raises ``ValueError`` unless ``0 <= eta <= 1``.
    """
    if not 0 <= eta <= 1:
        raise ValueError(f"eta: {eta!r} is not allowed; give a number from 0 to 1")
    dtype = x.dtype

    def rule(model: _Model, x: Tensor, sigma: float, sigma_next: float) -> tuple[Tensor, Tensor]:
        sigma_up = eta * sigma_next * math.sqrt(sigma**2 - sigma_next**2) / sigma
        sigma_down = math.sqrt(sigma_next**2 - sigma_up**2)
        denoised, x_next = _euler_rule(model, x, sigma, sigma_down)
        if sigma_up > 0:
            x_next = x_next + initial_noise(x.shape, sigma_up, generator, dtype=dtype).to(x_next)
        return denoised, x_next

    return _sample(denoiser, x, sigmas, rule)


def _current_label(model: _Model, x: Tensor, sigma: float, sigma_next: float) -> tuple[Tensor, Tensor]:
    # At a data point the slope -sigma * score tends to 0 with sigma: nothing moves out of level 0.
    return (x, x) if sigma == 0 else _euler_rule(model, x, sigma, sigma_next)


def _next_label(model: _Model, x: Tensor, sigma: float, sigma_next: float) -> tuple[Tensor, Tensor]:
    # The VP point stays, its label changes: in VE coordinates the point grows by sqrt(alpha_bar / alpha_bar_next).
    y = x * math.sqrt((1 + sigma_next**2) / (1 + sigma**2))
    denoised = model(y, sigma_next)
    return denoised, x + (sigma_next - sigma) * (y - denoised) / sigma_next


_LABELS: dict[str, _Rule] = {"current": _current_label, "next": _next_label}


def invert(
    denoiser: Denoiser, x0: Tensor, sigmas: Tensor | Sequence[float], label: str = "current", corrections: int = 0
) -> Iterator[Step]:
    """DDIM inversion: from data ``x0 (B, *shape)`` up the grid, to the noise that :func:`euler` brings back.

    ``sigmas`` is the descending grid of the sampler; the walk starts at its last level and ends at its first. A grid
    that ends above 0 takes ``x0`` for a point at that level, as codes without a level 0 do.

    A step from ``s`` up to ``s'`` is ``x' = x + (s' - s) noise``. The exact inverse of the sampler's step needs the
    noise estimated at ``x'``, which is not known yet. There are two ways to guess it, both of first order:

    * ``label="current"``: the noise at the point and level we are at, ``(x - D(x, s)) / s``: explicit Euler. A step out
      of ``s = 0`` does not move ``x``. (The released code of LOCO Edit, whose grid ends above 0.)
    * ``label="next"``: the VP point we are at, ``sqrt(alpha_bar(s)) x``, shown to the network with the label of the
      next level. (``DDIMInverseScheduler`` of diffusers; Shallow Diffuse.)

    ``corrections`` then repeats the estimate that many times at the ``x'`` just found, a fixed-point iteration for the
    exact inverse. It contracts where the Jacobian of the denoiser has its eigenvalues in [0, 1].

    Yields one :class:`Step` a level; with ``"next"`` its ``denoised`` is the network's estimate under that label. Costs
    one evaluation a step and correction (none for a ``"current"`` step out of 0), and one at the end for the record.
    Raises ``ValueError`` for an unknown label, negative ``corrections`` or a bad grid.
    """
    if label not in _LABELS:
        raise ValueError(f"label: {label!r} is unknown; choose one of {', '.join(_LABELS)}")
    check_count("corrections", corrections, 0)
    first_guess = _LABELS[label]

    def rule(model: _Model, x: Tensor, sigma: float, sigma_next: float) -> tuple[Tensor, Tensor]:
        denoised, x_next = first_guess(model, x, sigma, sigma_next)
        for _ in range(corrections):
            noise = (x_next - model(x_next, sigma_next)) / sigma_next
            x_next = x + (sigma_next - sigma) * noise
        return denoised, x_next

    check_finite("x0", x0)
    levels = check_sigmas(sigmas).flip(0).tolist()
    return _walk(_model(denoiser, x0.dtype), x0, levels, rule, x0.dtype)


def last(steps: Iterable[Step]) -> Tensor:
    """Run a sampler to its end and return the final point ``x``."""
    step = None
    for step in steps:  # noqa: B007  -- only the last one counts
        pass
    if step is None:
        raise ValueError("steps: nothing to run; give a fresh sampler, generators run only once")
    return step.x


def initial_noise(
    shape: Sequence[int], sigma: float, generator: torch.Generator, *, dtype: torch.dtype = torch.float32
) -> Tensor:
    """``sigma n`` with ``n`` standard normal of shape ``(B, *shape)``, on the generator's device.

    The start of a sampler at ``sigma = sigmas[0]``. The exact start is ``x0 + sigma n``; leaving out ``x0`` is harmless
    when ``sigma`` is far above the scale of the data. Raises ``ValueError`` unless ``sigma`` is finite and > 0.
    """
    if not 0 < sigma < math.inf:
        raise ValueError(f"sigma: {sigma!r} is not allowed; give a finite number > 0")
    return sigma * torch.randn(tuple(shape), generator=generator, dtype=dtype, device=generator.device)
