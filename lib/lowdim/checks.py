"""Checks at the public edge: each returns its argument or raises a ``ValueError`` that names the argument, what it was
and what is allowed.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence

import torch
from torch import Tensor


def check_floating(name: str, x: Tensor) -> Tensor:
    """``x`` when it is a floating-point tensor; its values are not looked at, so this costs nothing on any device."""
    if not isinstance(x, Tensor) or not x.is_floating_point():
        kind = f"{type(x).__name__} of {x.dtype}" if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"{name}: got a {kind}; give a floating-point torch.Tensor")
    return x


def check_finite(name: str, x: Tensor) -> Tensor:
    """``x`` when it is a floating-point tensor without NaN or infinity."""
    check_floating(name, x)
    if not bool(torch.isfinite(x).all()):
        bad = int((~torch.isfinite(x)).sum())
        raise ValueError(f"{name}: {bad} of {x.numel()} entries are NaN or infinite; all must be finite")
    return x


def check_batch(name: str, x: Tensor, shape: Sequence[int]) -> Tensor:
    """``x`` when it is a finite batch ``(B, *shape)``."""
    check_finite(name, x)
    if x.dim() != len(shape) + 1 or tuple(x.shape[1:]) != tuple(shape):
        want = ", ".join(["B", *map(str, shape)])
        raise ValueError(f"{name}: shape {tuple(x.shape)} is not allowed; give ({want})")
    return x


def check_count(name: str, value: int, least: int = 1, most: int | None = None) -> int:
    """``value`` as an ``int`` when it is a whole number of at least ``least`` and, where it is given, at most ``most``.

    Whole numbers of other libraries, such as NumPy's, are allowed. Booleans and floats are not, ``2.0`` neither.
    """
    try:
        count = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        count = None
    if count is None or count < least or (most is not None and count > most):
        allowed = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name}: {value!r} is not allowed; give a whole number {allowed}")
    return count


def check_result(name: str, result: Tensor, x: Tensor) -> Tensor:
    """``result`` of the function ``name`` when it has the shape of its argument ``x``; it would broadcast otherwise."""
    if not isinstance(result, Tensor) or result.shape != x.shape:
        got = f"shape {tuple(result.shape)}" if isinstance(result, Tensor) else type(result).__name__
        raise ValueError(f"{name}: it returned {got} for {tuple(x.shape)}; it has to return the shape of its input")
    return result


def check_levels(sigma: Tensor, *, allow_zero: bool = False) -> Tensor:
    """``sigma``, of any shape, when every noise level is finite and above 0 (or 0 where ``allow_zero``)."""
    low_ok = (sigma >= 0) if allow_zero else (sigma > 0)
    if not bool((low_ok & torch.isfinite(sigma)).all()):
        bound = ">= 0" if allow_zero else "> 0"
        raise ValueError(
            f"sigma: {sigma.flatten()[:4].tolist()} is not allowed; every noise level must be finite and {bound}"
        )
    return sigma


def expand_sigma(sigma: float | Tensor, x: Tensor, *, allow_zero: bool = False) -> Tensor:
    """The noise level as a tensor ``(B,)`` in the dtype and on the device of ``x``, from a number or a ``(B,)`` tensor.

    Raises ``ValueError`` when an entry is negative, NaN or infinite (or zero unless ``allow_zero``), when the shape
    does not fit, or when ``x`` is not a floating-point tensor, whose dtype would round the level.
    """
    check_floating("x", x)
    s = torch.as_tensor(sigma, dtype=x.dtype, device=x.device)
    if s.dim() > 1 or (s.dim() == 1 and s.shape[0] not in (1, x.shape[0])):
        raise ValueError(
            f"sigma: shape {tuple(s.shape)} is not allowed; give a number or a tensor of shape ({x.shape[0]},)"
        )
    return check_levels(s, allow_zero=allow_zero).expand(x.shape[0])


def like(v: Tensor, x: Tensor) -> Tensor:
    """Reshape a per-sample vector ``(B,)`` so that it broadcasts over ``x`` of shape ``(B, *shape)``."""
    return v.reshape(-1, *[1] * (x.dim() - 1))
