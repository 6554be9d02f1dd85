"""An inverse problem as a solver sees it: checked once, asked for residuals, and for a verdict on its result."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lowdim.checks import check_finite
from lowdim.measurement.discrepancy import noise_level, observed_entries, squared_norm


class NotConverged(RuntimeError):
    """Some samples ended with residuals far above the noise."""


@dataclass(frozen=True)
class Problem:
    """A batch of measurements ``y (B, ...)`` of images of ``shape = (B, *event)`` through ``physics.A``."""

    y: Tensor
    physics: Any
    shape: tuple[int, ...]

    @property
    def dtype(self) -> torch.dtype:
        """The real type in which images are kept."""
        return self.y.real.dtype if self.y.is_complex() else self.y.dtype

    def misfit(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """``||A(x) - y||^2`` of each sample, ``(B,)``; with ``rows (b,)`` of these samples only, ``x (b, *event)``.

        The operator always sees a whole batch, because it may hold one mask or blur for each image.
        """
        if rows is None or len(rows) == self.shape[0]:
            return squared_norm(self.physics.A(x) - self.y)
        whole = x.new_zeros(self.shape).index_copy(0, rows, x)
        return squared_norm(self.physics.A(whole) - self.y)[rows]


def pose(y: Tensor, physics: Any, denoiser: Any = None, x_init: Tensor | None = None) -> Problem:
    """The problem of explaining ``y`` by images that ``denoiser`` knows, or by any.

    The shape of an image is that of ``x_init``, else ``physics.img_size``, the ``event_shape`` of an exact
    distribution, or the shape of ``physics.A_adjoint(y)``, whichever is there first.

    Raises ``ValueError`` when ``y`` holds NaN or infinity, has another shape than the operator gives, or lies on
    another device than the operator, the denoiser or ``x_init``.
    """
    if not isinstance(y, Tensor):
        raise ValueError(f"y: got a {type(y).__name__}; give a torch.Tensor")
    check_finite("y", torch.view_as_real(y) if y.is_complex() else y)
    if y.dim() < 2:
        raise ValueError(f"y: shape {tuple(y.shape)} is not allowed; give a batch (B, ...)")
    for name, other in (("physics", physics), ("denoiser", denoiser), ("x_init", x_init)):
        device = _device(other)
        if device is not None and device != y.device:
            raise ValueError(f"y: on {y.device}, but {name} is on {device}; move one of them with .to(...)")
    shape = _image_shape(y, physics, denoiser, x_init)
    problem = Problem(y, physics, shape)
    measured = _asked(physics.A, torch.zeros(shape, dtype=problem.dtype, device=y.device), y)
    if measured.shape != y.shape:
        raise ValueError(
            f"y: shape {tuple(y.shape)} is not allowed; the operator maps images {shape} to {tuple(measured.shape)}"
        )
    return problem


def residual_ratio(misfit: Tensor, problem: Problem) -> Tensor:
    """``|A(x) - y| / (sigma_y sqrt(m))`` of each sample ``(B,)``, in float64: 1 is what the noise alone leaves.

    ``misfit (B,)`` is ``|A(x) - y|^2``, ``m`` the number of entries that carry noise. Raises ``ValueError`` when the
    physics has no Gaussian noise model with a level above 0.
    """
    noise = noise_level(problem.physics, problem.shape[0]).square() * observed_entries(problem.physics, problem.y)
    return (misfit.double().cpu() / noise).sqrt()


def check_worst(worst: float | None) -> None:
    """Raise ``ValueError`` unless ``worst`` is a finite number above 0, or ``None`` for no verdict on the residuals."""
    if worst is not None and not 0 < worst < math.inf:
        raise ValueError(f"worst: {worst!r} is not allowed; give a finite number > 0, or None")


def check_converged(misfit: Tensor, problem: Problem, worst: float, advice: str) -> None:
    """Raise :class:`NotConverged`, with ``advice``, when a :func:`residual_ratio` exceeds ``worst``.

    Raises ``ValueError`` for what :func:`check_worst` refuses.
    """
    check_worst(worst)
    ratio = residual_ratio(misfit, problem)
    if bool((ratio > worst).any()):
        raise NotConverged(
            f"{int((ratio > worst).sum())} of {len(ratio)} samples end with residuals of up to "
            f"{float(ratio.max()):.3g} times the noise ({worst:g} was allowed); {advice}"
        )


def _image_shape(y: Tensor, physics: Any, denoiser: Any, x_init: Tensor | None) -> tuple[int, ...]:
    if x_init is not None:
        check_finite("x_init", x_init)
        if x_init.shape[0] != y.shape[0]:
            raise ValueError(f"x_init: {x_init.shape[0]} images for {y.shape[0]} measurements; give one for each")
        return tuple(x_init.shape)
    event = getattr(physics, "img_size", None) or getattr(denoiser, "event_shape", None)
    if event is not None:
        return (y.shape[0], *event)
    if callable(getattr(physics, "A_adjoint", None)):
        return tuple(_asked(physics.A_adjoint, y, y).shape)
    raise ValueError("x_init: neither physics nor denoiser tells the shape of an image; give a start (B, ...)")


def _asked(operator: Callable[[Tensor], Tensor], argument: Tensor, y: Tensor) -> Tensor:
    """``operator(argument)``; where it refuses shapes, an error that speaks of ``y``."""
    try:
        with torch.no_grad():
            return operator(argument)
    except RuntimeError as error:
        raise ValueError(f"y: shape {tuple(y.shape)} is not allowed; the operator refuses it: {error}") from error


def _device(thing: Any) -> torch.device | None:
    """Where a tensor, module or distribution lives; ``None`` when it does not say."""
    if isinstance(thing, torch.nn.Module):
        first = next(itertools.chain(thing.parameters(), thing.buffers()), None)
        return None if first is None else first.device
    device = getattr(thing, "device", None)
    return device if isinstance(device, torch.device) else None
