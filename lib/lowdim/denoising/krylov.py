"""Leading singular triplets of a matrix known by its products: block Golub-Kahan iteration that keeps every block."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Product = Callable[[Tensor], Tensor]


class Triplets(NamedTuple):
    """Rows ``U (k, m)``, values ``S (k,)``, rows ``V (k, n)``, steps taken, and the bound of :func:`angle_bound`."""

    U: Tensor
    S: Tensor
    V: Tensor
    iterations: int
    angle: float


def leading_triplets(
    apply: Product, transpose: Product, start: Tensor, k: int, *, tol: float, max_iter: int
) -> Triplets:
    """The ``k`` leading triplets of ``A (m, n)``, ``k <= min(m, n)``, until the angle bound is at most ``tol`` radians.

    ``apply`` takes rows ``(b, n)`` to those of ``A v``, ``transpose`` rows ``(b, m)`` to those of ``A^T u``, and
    ``start (b, n)`` is random. Each step appends to ``Q`` what is new in ``A V_new``, and to ``V`` what is new in
    ``A^T Q_new``. ``V`` then contains ``A^T Q``, and the SVD of the small matrix ``Q^T A V`` is that of ``Q^T A``: the
    best triplets with left vectors in a Krylov space. Subspace iteration, at the same price a step, keeps only the last
    block of that space. Its error falls by ``r = (s_{b+1} / s_k)^2`` a step; here the factor is at most about
    ``exp(-2 asinh(sqrt(1 / r - 1)))``, much smaller for ``r`` near 1 (Chebyshev polynomials).

    Blocks lose the directions that are known to rounding. When none is left the space is invariant, and since it
    started at random it has ``min(b, multiplicity)`` directions for each singular value: ``b >= k`` makes it exact.
    Source: Golub, Luk and Overton (1981); Musco and Musco (2015), algorithm 2. Extraction and bound: ours.
    """
    rounding = start.shape[1] * torch.finfo(start.dtype).eps
    V = new = _orthonormal(start)
    Q = Q_new = _orthonormal(apply(new))  # all of it, so that k triplets exist whatever the rank
    G = V[:0]
    for iteration in range(1, max_iter + 1):
        if iteration > 1:
            Q_new = _new_directions(apply(new), Q)
            Q = torch.cat([Q, Q_new])
        if not len(Q_new):
            angle = 0.0
            break
        G, known = torch.cat([G, transpose(Q_new)]), len(V)
        new = _new_directions(G[-len(Q_new) :], V)
        V = torch.cat([V, new])
        W, S, Z = torch.linalg.svd((G @ V.T).double().cpu(), full_matrices=False)
        complete = not len(new) or len(Q) == Q.shape[1]
        angle = 0.0 if complete else angle_bound(S, Z[:, known:], k, rounding)
        if complete or angle <= tol:
            break
    return Triplets(W[:, :k].T.to(Q) @ Q, S[:k].to(V), Z[:k].to(V) @ V, iteration, angle)


def angle_bound(S: Tensor, Z_new: Tensor, k: int, rounding: float) -> float:
    r"""A bound, in radians, for the angle from the span of the first ``k`` rows of ``V`` to its limit.

    ``S (q,)`` and ``V`` come from the SVD ``Q^T A = W S V^T``, with ``U = Q W``; ``Z_new (q, b)`` is the part of each
    ``V_i`` in the newest block, to which ``A`` was not yet applied. ``A^T U = V S`` holds exactly. What remains is
    ``L = A V - U S = (I - Q Q^T) A V``, and only the new block contributes to it: ``|L| <= tau |Z|`` with
    ``tau = |(I - Q Q^T) A|`` and ``Z`` the first ``k`` rows of ``Z_new``, in spectral norms.

    *Angle.* Let ``X = <v_j, V_i>`` and ``Y = <u_j, U_i>`` for the true triplets ``j > k`` of ``A``. The two equations
    give ``sigma X = Y S + <u_j, L>`` and ``sigma Y = X S``, hence ``X S^2 - sigma^2 X = -sigma <u_j, L>`` and
    ``Y S^2 - sigma^2 Y = -<u_j, L> S``. With ``gap = S_k^2 - sigma_{k+1}^2 > 0``, as in the theorem of Davis and Kahan,

    .. math:: |X| \le \sigma_{k+1} \tau |Z| / \mathrm{gap}, \qquad |Y| \le \tau |S Z| / \mathrm{gap}.

    ``|X|`` is the sine of the angle asked for.

    *tau.* Split ``A`` into its ``k`` leading triplets and the rest: ``tau^2 <= (sigma_1 |Y|)^2 + sigma_{k+1}^2``.
    Insert the bound of ``|Y|`` and solve: ``tau <= sigma_{k+1} / sqrt(1 - c^2)`` where
    ``c = sigma_1 |S Z| / gap < 1``. Always ``tau <= sigma_1``. ``S_1`` stands for ``sigma_1``.

    *The gap.* ``S_{k+1}`` is too small for ``sigma_{k+1}`` until it has converged. ``A A^T U_i - S_i^2 U_i = S_i L_i``,
    so some ``sigma^2`` is at most ``S_i tau |Z_i|`` away from ``S_i^2``. For ``i = k + 1``, with ``tau = sigma_{k+1}``,
    ``sigma_{k+1} <= S_{k+1} (z / 2 + sqrt(1 + z^2 / 4))``, ``z = |Z_{k+1}|``. This is what is used. It takes that
    value for number ``k + 1``: a random start has a part along every triplet, yet no product can exclude one that was
    missed.

    Values equal to ``rounding`` (relative) count as one: the limit of a part of their span is any part of it, and the
    gap is taken below the last of them. Directions whose value is zero to ``rounding`` are left out. Returns a right
    angle where nothing can be said.
    """
    s = S.tolist()
    k = min(k, sum(value > rounding * s[0] for value in s))
    if k == 0:
        return 0.0
    after = next((i for i in range(k, len(s)) if s[i] < s[k - 1] * (1 - rounding)), None)
    if after is None:
        return math.pi / 2
    z = float(Z_new[after].norm())
    sigma = s[after] * (z / 2 + math.sqrt(1 + z**2 / 4))
    gap = s[k - 1] ** 2 - sigma**2
    if gap <= 0:
        return math.pi / 2
    Z = Z_new[:k]
    c = s[0] / gap * float(torch.linalg.matrix_norm(S[:k, None] * Z, ord=2))
    tau = min(sigma / math.sqrt(1 - c**2), s[0]) if c < 1 else s[0]
    return math.asin(min(1.0, sigma * tau * float(torch.linalg.matrix_norm(Z, ord=2)) / gap))


def _orthonormal(rows: Tensor) -> Tensor:
    return torch.linalg.qr(rows.T).Q.T


def _new_directions(rows: Tensor, basis: Tensor) -> Tensor:
    """Orthonormal rows that span ``rows`` together with ``basis``; what rounding leaves of known ones is dropped.

    Projecting twice is enough for what stays; a last pass serves directions that were scaled up by much.
    """
    floor = rows.shape[1] ** 0.5 * torch.finfo(rows.dtype).eps * torch.linalg.matrix_norm(rows)
    for _ in range(2):
        rows = rows - rows @ basis.T @ basis
    _, size, directions = torch.linalg.svd(rows, full_matrices=False)
    directions = directions[size > floor]
    return _orthonormal(directions - directions @ basis.T @ basis)
