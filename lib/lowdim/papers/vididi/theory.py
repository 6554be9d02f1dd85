r"""Closed forms of the chapter: gains of differences, leaks of flicker, and the linear shortcut.

The linear model of a video (n frames): :math:`V=a\mathbf1+c\,u+\varepsilon`, appearance :math:`a\sim N(0,\sigma_a^2)`,
slope :math:`c\sim N(0,\sigma_c^2)`, centred time :math:`u_t=t-\frac{n-1}2`, noise of variance :math:`s^2`. Both clips
of a pair share :math:`a` and :math:`c`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, sqrt

import numpy as np
from scipy import linalg


def noise_gain(order: int) -> int:
    r"""The variance of the ``order``-th difference of independent noise of variance 1, :math:`\binom{2n}n`."""
    return comb(2 * order, order)


def frequency_gain(omega: np.ndarray, order: int) -> np.ndarray:
    r"""What the ``order``-th difference multiplies the amplitude at frequency :math:`\omega` (radians a frame) by,
    :math:`|2\sin(\omega/2)|^n`.
    """
    return np.abs(2 * np.sin(np.asarray(omega) / 2)) ** order


def flicker_leak(spread: float) -> float:
    r"""Root mean square of the first difference of a still pixel of value 1 whose frames are multiplied by independent
    factors uniform in :math:`1\pm\beta`: :math:`\beta\sqrt{2/3}`.
    """
    return spread * sqrt(2 / 3)


def difference_matrix(frames: int, order: int) -> np.ndarray:
    """The ``order``-th difference of ``frames`` frames as a matrix (frames - order, frames)."""
    return np.diff(np.eye(frames), n=order, axis=0)


@dataclass(frozen=True)
class Correlations:
    """Canonical correlations of two views, largest first, and what the first canonical variate of view 1 correlates
    with: the appearance and the slope (absolute values).
    """

    canonical: np.ndarray
    appearance: float
    motion: float


def shortcut(
    orders: tuple[int, int],
    sigma_a: float,
    sigma_c: float = 1.0,
    noise: float = 0.5,
    frames: int = 8,
    *,
    tilt: float = 0.0,
) -> Correlations:
    r"""Canonical correlations in the linear model for views of ``orders``, from the covariances alone.

    With :math:`D` the matrix of the difference, the covariance of views :math:`v,w` is
    :math:`D_v(\sigma_a^2\mathbf1\mathbf1^\top+\sigma_c^2uu^\top+[v=w]s^2I)D_w^\top`. Views are cut to one length as in
    :func:`lowdim.papers.vididi.differences.make_views`. ``tilt`` replaces :math:`u` by :math:`u+\text{tilt}\,\mathbf1`.
    """
    motion = _time(frames) + tilt
    signal = sigma_a**2 * np.ones((frames, frames)) + sigma_c**2 * np.outer(motion, motion)
    maps = _maps(orders, frames)
    own = [d @ (signal + noise**2 * np.eye(frames)) @ d.T for d in maps]
    cross = maps[0] @ signal @ maps[1].T
    roots = [linalg.cholesky(c, lower=True) for c in own]
    whitened = linalg.solve_triangular(roots[0], linalg.solve_triangular(roots[1], cross.T, lower=True).T, lower=True)
    left, canonical, _ = linalg.svd(whitened)
    weights = linalg.solve_triangular(roots[0].T, left[:, 0])  # its variate has variance 1
    factors = (sigma_a * maps[0] @ np.ones(frames), sigma_c * maps[0] @ motion)
    appearance, moved = (float(abs(weights @ factor)) for factor in factors)
    return Correlations(canonical, appearance, moved)


def appearance_bound(
    sigma_a: float, sigma_c: float = 1.0, noise: float = 0.5, frames: int = 8, *, tilt: float = 0.0
) -> float:
    r"""The bound :math:`\cot\theta/(\sigma_a\sqrt\kappa)` on the correlation of the first canonical variate of a clip
    with its appearance, the partner being a first difference.

    :math:`\kappa=d^\top S^{-1}d`, with :math:`d=\mathbf1` and :math:`S` the covariance of the clip (cut by one frame)
    without appearance; :math:`\theta` is the angle between :math:`d` and the motion in the metric :math:`S^{-1}`.
    """
    first = _maps((0, 1), frames)[0]
    motion, d = first @ (_time(frames) + tilt), first @ np.ones(frames)
    metric = linalg.inv(sigma_c**2 * np.outer(motion, motion) + noise**2 * np.eye(len(d)))
    kappa = d @ metric @ d
    cosine = (d @ metric @ motion) / sqrt(kappa * (motion @ metric @ motion))
    return float(abs(cosine) / sqrt(1 - cosine**2) / (sigma_a * sqrt(kappa)))


def _time(frames: int) -> np.ndarray:
    return np.arange(frames) - (frames - 1) / 2


def _maps(orders: tuple[int, int], frames: int) -> list[np.ndarray]:
    length = frames - max(orders)
    return [difference_matrix(frames, order)[:length] for order in orders]


def crossover(sigma_c: float = 1.0, frames: int = 8) -> float:
    r"""The spread of appearance beyond which it, and not the slope, is the first canonical variate of plain pairs:
    :math:`\sigma_a=\sigma_c\sqrt{(n^2-1)/12}`, where both have the same energy over a clip.
    """
    return sigma_c * sqrt((frames**2 - 1) / 12)


def canonical(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sample canonical correlations (k,) of views (n, p), (n, q), and the first canonical variate (n,) of ``first``."""
    bases = [linalg.qr(x - x.mean(0), mode="economic")[0] for x in (first, second)]
    left, values, _ = linalg.svd(bases[0].T @ bases[1])
    return values, bases[0] @ left[:, 0]
