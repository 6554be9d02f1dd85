"""How well a few independent values know their mean."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike


def half_width(values: ArrayLike, confidence: float = 0.95) -> float:
    r"""Half the width of the t-interval of the mean of independent ``values (n,)``, in their unit.

    .. math:: t_{(1+c)/2,\,n-1}\; s / \sqrt n, \qquad s^2 = \sum_i (x_i - \bar x)^2 / (n - 1)

    with ``c`` the ``confidence``. A single value says nothing of its spread: the answer is nan. Raises ``ValueError``
    for an empty sample, a value that is not finite, or a confidence outside (0, 1).
    """
    from scipy import stats

    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or found.size == 0 or not np.isfinite(found).all():
        raise ValueError(f"values: shape {found.shape} is not allowed, or a value is not finite; give n finite numbers")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: {confidence!r} is not allowed; give a number between 0 and 1")
    n = found.size
    if n == 1:
        return math.nan
    return float(stats.t.ppf((1 + confidence) / 2, n - 1) * found.std(ddof=1) / math.sqrt(n))
