"""Is a sample a copy of a training point? The ratio of its two nearest distances tells."""

from __future__ import annotations

import torch
from torch import Tensor

THRESHOLD = 1.0 / 3.0


def nearest_ratio(samples: Tensor, training: Tensor, chunk: int = 4096) -> Tensor:
    """Distance to the nearest training point over the distance to the second nearest, shape (B,), in [0, 1].

    ``samples`` is ``(B, *shape)``, ``training`` ``(N >= 2, *shape)``; compared as flat vectors, ``chunk`` samples at a
    time. A sample at distance zero from two training points gets 0: it is a copy.
    """
    points, found = training.flatten(1), samples.flatten(1)
    if len(points) < 2 or points.shape[1] != found.shape[1]:
        raise ValueError(
            f"training: shape {tuple(training.shape)} is not allowed; give (N >= 2, *{tuple(samples.shape[1:])})"
        )
    ratios = []
    for block in found.split(chunk):
        two = (
            torch.cdist(block, points, compute_mode="donot_use_mm_for_euclid_dist").topk(2, dim=1, largest=False).values
        )
        ratios.append(torch.where(two[:, 1] > 0, two[:, 0] / two[:, 1], torch.zeros_like(two[:, 0])))
    return torch.cat(ratios)


def generalisation_score(samples: Tensor, training: Tensor, threshold: float = THRESHOLD) -> float:
    r"""GL score by the ratio test, :math:`1-\Pr[\text{nearest}/\text{second nearest}<\text{threshold}]`: 1 means no
    copies.

    Fresh true samples do not score exactly 1 either (in low dimension one may fall next to a training point by
    chance), so give their score beside it.
    """
    if not 0 < threshold < 1:
        raise ValueError(f"threshold: {threshold!r} is not allowed; give a number between 0 and 1")
    return 1.0 - float((nearest_ratio(samples, training) < threshold).double().mean())
