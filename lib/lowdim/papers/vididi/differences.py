r"""Temporal differences of clips, the series that puts them together again, and pairs of views of different order.

Clips are ``(..., C, T, H, W)``; time is the third axis from the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import torch
from torch import Tensor

from lowdim.checks import check_count, check_finite

TIME = -3


def difference(clips: Tensor, order: int = 1) -> Tensor:
    r"""The ``order``-th forward difference in time, :math:`\Delta V_t=V_{t+1}-V_t`, of clips (..., C, T, H, W):
    ``order`` frames fewer. Order 0 is the clip itself.

    Half-precision clips are refused: their spacing near 2 is about one grey level of a byte, and every difference
    doubles rounding. Raises ``ValueError`` for that, for bytes, for an order that is not a whole number of at least 0,
    and for a clip that is too short.
    """
    check_count("order", order, 0)
    if clips.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"clips: {clips.dtype} is not allowed; convert to float32 first, then take differences")
    if clips.dim() < 4:
        raise ValueError(f"clips: shape {tuple(clips.shape)} is not allowed; give (..., C, T, H, W)")
    if clips.shape[TIME] <= order:
        raise ValueError(
            f"clips: {clips.shape[TIME]} frames are too few for a derivative of order {order}; "
            f"give at least {order + 1}, or a lower order"
        )
    return torch.diff(clips, n=order, dim=TIME)


def newton(derivatives: Sequence[Tensor], ahead: int) -> Tensor:
    r"""The frame ``ahead`` steps after the first by Newton's forward series,
    :math:`\sum_k\binom hk\Delta^kV_0`, from ``derivatives`` (:math:`V_0,\Delta V_0,\Delta^2V_0,\dots`, as many as are
    known).

    Exact for ``ahead`` < ``len(derivatives)``; beyond, and for ``ahead`` < 0, an extrapolation by a polynomial of that
    degree. Raises ``ValueError`` for no derivatives.
    """
    if not len(derivatives):
        raise ValueError("derivatives: none given; give at least the frame itself")
    return torch.stack([_binomial(ahead, k) * frame for k, frame in enumerate(derivatives)]).sum(0)


def _binomial(n: int, k: int) -> int:
    return comb(n, k) if n >= 0 else (-1) ** k * comb(k - n - 1, k)


def make_views(clips: Tensor, orders: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Two views (B, C, T', H, W) of paired clips (B, 2, C, T, H, W): clip ``i`` differentiated ``orders[i]`` times,
    both cut to the length of the shorter one.

    The clips are left as they are. Raises ``ValueError`` as :func:`difference`, and for another shape.
    """
    if clips.dim() != 6 or clips.shape[1] != 2:
        raise ValueError(f"clips: shape {tuple(clips.shape)} is not allowed; give pairs of clips (B, 2, C, T, H, W)")
    first, second = (difference(clips[:, view], order) for view, order in enumerate(orders))
    length = min(first.shape[TIME], second.shape[TIME])
    return first[:, :, :length], second[:, :, :length]


def check_moving(name: str, videos: Tensor) -> Tensor:
    """``videos`` (N, C, T, H, W), bytes or floats, when something moves in each of them.

    Raises ``ValueError`` with the places of still ones: all their derivatives are zero, and a loss on zeros teaches
    nothing.
    """
    if videos.dim() != 5:
        raise ValueError(f"{name}: shape {tuple(videos.shape)} is not allowed; give (N, C, T, H, W)")
    if videos.is_floating_point():
        check_finite(name, videos)
    still = (videos == videos[:, :, :1]).flatten(1).all(1)
    if bool(still.any()):
        places = still.nonzero().flatten().tolist()
        shown = ", ".join(map(str, places[:5])) + ", ..." * (len(places) > 5)
        raise ValueError(
            f"{name}: {len(places)} of {len(videos)} videos are constant in time ({shown}); their derivatives are "
            "zero. Remove them, or take a longer window or a larger temporal stride"
        )
    return videos
