"""One sweep over the three groups of factors: what the loss looks like in each, and the step that is taken there.

With the other two groups fixed, the loss ``1/2 sum_ij |A_ij - U_i diag(s_ij) V_j^T|^2`` is a set of separate convex
quadratics, one for each ``U_i``, each ``V_j`` and each ``s_ij``. :func:`side` and :func:`couplings` give their linear
terms and Hessians for a stack of matrices at once; :class:`Rule` says what to do with them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

GROUP = 2**24
"""Numbers that an intermediate may hold; more blocks than fit are taken in turn."""


@dataclass(frozen=True)
class Rule:
    """How a block moves.

    ``preconditioned``: ``x - eta (H + delta I)^-1 g`` with the block's Hessian ``H``, gradient ``g`` and
    ``delta = delta0 sqrt(loss)``; ``eta = 1`` with ``delta0 = 0`` minimises the block exactly (alternating least
    squares). Otherwise plain gradient descent with ``eta`` over the largest eigenvalue of ``H``. ``eta`` is for the
    loss with its half: the released code, whose loss has none, starts at ``eta = 2``. Over the run it goes linearly
    from ``eta`` to ``eta_end``. Where the updates of ``V`` and ``s`` in the last sweep did not halve the loss
    that the update of ``U`` had left, ``eta`` is multiplied by ``relax``: past the minimum of each block, which pays
    where the blocks work against each other.
    """

    preconditioned: bool = True
    eta: float = 1.0
    eta_end: float | None = None
    relax: float = 1.0
    delta0: float = 0.1
    momentum: bool = False

    def __post_init__(self) -> None:
        for name, value in (
            ("eta", self.eta),
            ("delta0", self.delta0),
            ("eta_end", self.eta_end or 0.0),
            ("relax", self.relax),
        ):
            if not 0 <= value < math.inf:
                raise ValueError(f"{name}: {value!r} is not allowed; give a finite number of at least 0")

    def step_size(self, step: int, steps: int) -> float:
        """``eta`` of sweep ``step`` (from 0) of ``steps``."""
        end = self.eta if self.eta_end is None else self.eta_end
        return self.eta + (end - self.eta) * step / max(1, steps)

    def move(self, value: Tensor, gradient: Tensor, hessian: Tensor, eta: Tensor | float, loss: Tensor) -> Tensor:
        """New rows ``value`` (L, ..., k, r) of blocks with Hessian (L, ..., r, r), with steps ``eta``, one or (L,);
        ``loss`` (L,) sets the damping.
        """
        if isinstance(eta, Tensor):
            eta = eta.reshape(-1, *[1] * (value.dim() - 1))
        if not self.preconditioned:
            top = torch.linalg.eigvalsh(hessian)[..., -1].clamp_min(torch.finfo(hessian.dtype).tiny)
            return value - eta * gradient / top[..., None, None]
        delta = self.delta0 * loss.clamp_min(0).sqrt()
        return value - eta * solve(hessian, gradient, delta.reshape(-1, *[1] * (hessian.dim() - 3)))


def solve(hessian: Tensor, gradient: Tensor, delta: Tensor) -> Tensor:
    """``gradient (H + delta I)^-1`` for rows (..., k, r) and symmetric positive semidefinite ``H`` (..., r, r).

    By Cholesky; a floor on the damping, a few roundings of the mean diagonal, keeps it definite, and where it still
    is not, the floor of those matrices is raised.
    """
    scale = hessian.diagonal(dim1=-2, dim2=-1).mean(-1)
    floor = 8 * hessian.shape[-1] * torch.finfo(hessian.dtype).eps * scale + torch.finfo(hessian.dtype).tiny
    damping = torch.maximum(delta.expand_as(floor), floor)
    for _ in range(8):
        shifted = hessian.clone()
        shifted.diagonal(dim1=-2, dim2=-1).add_(damping[..., None])
        root, info = torch.linalg.cholesky_ex(shifted)
        if not bool(info.any()):
            half = torch.linalg.solve_triangular(root, gradient.mT, upper=False)
            return torch.linalg.solve_triangular(root.mT, half, upper=True).mT
        damping = torch.where(info > 0, 100 * damping, damping)
    raise RuntimeError("a block's Hessian is not positive definite: check that the matrix is finite and not huge")


def groups(blocks: int, numbers: int) -> Iterator[slice]:
    """Slices of ``blocks`` blocks that need ``numbers`` numbers each."""
    each = max(1, GROUP // max(1, numbers))
    return (slice(start, start + each) for start in range(0, blocks, each))


def side(rows: Tensor, s: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Linear term and Hessian of the left factors, ``A_i Vbar_i`` (L, b1, p, r) and ``Vbar_i^T Vbar_i`` (L, b1, r, r).

    ``rows`` (L, b1, p, n) are the matrix's rows of blocks, ``Vbar_i`` stacks ``V_j diag(s_ij)`` over ``j``. The
    Hessian comes from the Gram matrices of the ``V_j``: ``sum_j (V_j^T V_j) * (s_ij s_ij^T)``. For the right factors
    pass the transposed matrix, ``s`` with its first two block axes exchanged, and ``U``.
    """
    grams = other.mT @ other
    linear, hessian = [], []
    numbers = other.numel() + s.shape[-2] * s.shape[-1] ** 2 * s.shape[0]
    for part in groups(s.shape[1], numbers):
        c = s[:, part]
        stacked = (other[:, None] * c[..., None, :]).flatten(2, 3)
        linear.append(rows[:, part] @ stacked)
        hessian.append(((c[..., None] * grams[:, None]) * c[..., None, :]).sum(2))
    return torch.cat(linear, 1), torch.cat(hessian, 1)


def couplings(rows: Tensor, U: Tensor, V: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Linear term ``diag(U_i^T A_ij V_j)`` (L, b1, b2, r) and Gram matrices ``U_i^T U_i``, ``V_j^T V_j`` of the
    couplings; the Hessian of ``s_ij`` is the entrywise product of the two.
    """
    blocks, size = V.shape[1:3]
    linear, right = [], V.permute(0, 3, 1, 2)[:, None]  # (L, 1, r, b2, q)
    for part in groups(U.shape[1], V.numel()):
        seen = (U[:, part].mT @ rows[:, part]).unflatten(-1, (blocks, size))  # (L, g, r, b2, q)
        linear.append((seen * right).sum(-1).transpose(2, 3))
    return torch.cat(linear, 1), U.mT @ U, V.mT @ V
