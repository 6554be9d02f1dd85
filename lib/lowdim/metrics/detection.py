"""Detectors: thresholds with a guaranteed rate of false alarms, rates with their intervals, area under the ROC curve.

A detector has a score, larger for what it looks for, and says yes above a threshold.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from lowdim.checks import check_finite


class Rate(NamedTuple):
    """A share of yes answers and the ends of its Wilson interval."""

    value: float
    low: float
    high: float


def threshold_at(negatives: Tensor, false_positive_rate: float) -> float:
    """The threshold whose rate of false alarms is at most ``false_positive_rate`` on fresh negatives.

    Say yes where ``score > threshold``. With ``n`` scores of negatives ``(n,)`` it is the ``k``-th largest of them,
    ``k = floor(rate (n + 1))``. If a fresh negative is exchangeable with these, it passes with probability at most
    ``k / (n + 1) <= rate``, whatever the law of the scores (the conformal p-value ``(1 + #{larger}) / (n + 1)``).
    Given the negatives drawn, the rate is a Beta(k, n + 1 - k) variable.

    Raises ``ValueError`` with fewer than ``1 / rate - 1`` negatives: then no threshold is small enough.
    """
    check_finite("negatives", negatives)
    if not 0 < false_positive_rate < 1:
        raise ValueError(f"false_positive_rate: {false_positive_rate!r} is not allowed; give a number between 0 and 1")
    scores = negatives.flatten()
    # The nudge: 0.01 times 100 must not come out as a little less than 1.
    k = math.floor(false_positive_rate * (len(scores) + 1) + 1e-9)
    if k < 1:
        need = math.ceil(1 / false_positive_rate - 1 - 1e-9)
        raise ValueError(
            f"negatives: {len(scores)} scores are not enough for a false-positive rate of {false_positive_rate:g}; "
            f"give at least {need}"
        )
    return float(scores.topk(k).values[-1])


def rate_above(scores: Tensor, threshold: float, confidence: float = 0.95) -> Rate:
    """The share of ``scores`` above ``threshold``, with the Wilson interval of that ``confidence``."""
    check_finite("scores", scores)
    return wilson(int((scores > threshold).sum()), scores.numel(), confidence)


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Rate:
    """``successes / trials`` with Wilson's score interval, which is honest near 0 and 1 (as computed by SciPy)."""
    from scipy.stats import binomtest

    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"successes: {successes} of {trials} is not allowed; need 0 <= successes <= trials >= 1")
    found = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    return Rate(successes / trials, float(found.low), float(found.high))


def area_under_curve(positives: Tensor, negatives: Tensor) -> float:
    """The probability that a positive scores above a negative, ties counted half: the area under the ROC curve."""
    check_finite("positives", positives)
    check_finite("negatives", negatives)
    ordered = negatives.flatten().double().sort().values
    values = positives.flatten().double()
    below = torch.searchsorted(ordered, values, right=False) + torch.searchsorted(ordered, values, right=True)
    return float(below.double().mean() / 2 / len(ordered))
