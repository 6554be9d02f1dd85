"""How a distribution applies a measurement operator: a matrix, or an object with a method ``A``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from lowdim.checks import check_finite

Action = Callable[[Tensor], Tensor]
"""Maps flat events ``(B, n)`` to flat measurements ``(B, m)``."""

PROBE_TOLERANCE = 1e-4  # relative; float32 operators are linear to about 1e-6, a clipped or squared one misses by O(1)


def operator_action(operator: Any, event_shape: Sequence[int]) -> Action:
    """The action of ``operator`` on flat events. Raises ``ValueError`` for something that is no operator."""
    n = math.prod(event_shape)
    if isinstance(operator, Tensor):
        check_finite("operator", operator)
        if operator.dim() != 2 or operator.shape[1] != n:
            raise ValueError(f"operator: shape {tuple(operator.shape)} is not allowed; give a matrix (m, {n})")
        return lambda x: x @ operator.to(x).T
    if not callable(getattr(operator, "A", None)):
        raise ValueError(
            f"operator: got a {type(operator).__name__}; give a matrix (m, {n}) or an object with a method A"
        )

    def action(x: Tensor) -> Tensor:
        measured = operator.A(x.reshape(-1, *event_shape))
        return check_finite("operator: A(x)", measured).reshape(x.shape[0], -1)

    return action


def check_linear(action: Action, n: int, dtype: torch.dtype, device: torch.device) -> None:
    """Raise ``ValueError`` when random probes show that ``action`` is not linear.

    Tests ``A(0) = 0`` and ``A(p + 1000 q) = A(p) + 1000 A(q)``; the large factor uncovers clipping and saturation.
    """
    p, q = torch.randn(2, n, generator=torch.Generator().manual_seed(0), dtype=dtype).to(device)
    at_zero, at_p, at_q, at_sum = action(torch.stack([torch.zeros_like(p), p, q, p + 1000 * q]))
    size = float(at_p.norm() + 1000 * at_q.norm())
    if float(at_zero.norm()) > PROBE_TOLERANCE * float(at_p.norm()):
        raise ValueError("operator: A(0) is not 0, so A is not linear; subtract its offset from A and from y")
    if float((at_sum - at_p - 1000 * at_q).norm()) > PROBE_TOLERANCE * size:
        raise ValueError(
            "operator: A(p + 1000 q) differs from A(p) + 1000 A(q); only linear operators have this posterior"
        )


def check_measurement(y: Tensor, m: int, noise_std: float, like: Tensor) -> Tensor:
    """``y`` as ``(m,)`` in the dtype and on the device of ``like``; checks ``noise_std`` as well."""
    check_finite("y", y)
    if y.numel() != m:
        raise ValueError(
            f"y: {y.numel()} entries in shape {tuple(y.shape)}; the operator gives {m} for one measurement"
        )
    if not isinstance(noise_std, Real) or not 0 < noise_std < math.inf:
        raise ValueError(f"noise_std: {noise_std!r} is not allowed; give a finite number > 0")
    return y.reshape(m).to(like)
