r"""Distances between subspaces, and the pairing of estimated with true ones.

A subspace is a tensor ``(..., n, d)`` with orthonormal columns; leading dimensions are batches.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


def _check_bases(name: str, basis: Tensor) -> Tensor:
    if basis.dim() < 2 or basis.shape[-1] > basis.shape[-2] or not basis.is_floating_point():
        raise ValueError(
            f"{name}: shape {tuple(basis.shape)} of {basis.dtype} is not allowed; give floats (..., n, d <= n)"
        )
    return basis


def _check_pair(u: Tensor, v: Tensor) -> None:
    _check_bases("u", u)
    _check_bases("v", v)
    if u.shape[-2] != v.shape[-2]:
        raise ValueError(f"v: lives in dimension {v.shape[-2]}, u in {u.shape[-2]}; both need the same n")


def recovery_error(u: Tensor, v: Tensor) -> Tensor:
    r"""The recovery error :math:`\|UU^T-VV^T\|_F`, shape (...), of bases (..., n, d) and (..., n, e).

    Computed as :math:`\sqrt{\|(I-VV^T)U\|_F^2+\|(I-UU^T)V\|_F^2}`, which stays accurate near zero, where
    :math:`\sqrt{d+e-2\|U^TV\|_F^2}` loses half the digits. For :math:`d=e` it lies in :math:`[0,\sqrt{2d}]`.
    """
    _check_pair(u, v)
    outside_v = u - v @ (v.mT @ u)
    outside_u = v - u @ (u.mT @ v)
    return (outside_v.square().sum((-2, -1)) + outside_u.square().sum((-2, -1))).sqrt()


def principal_angles(u: Tensor, v: Tensor) -> Tensor:
    """Principal angles (..., min(d, e)) in radians, ascending, accurate for angles near zero and near a right angle."""
    _check_pair(u, v)
    if u.shape[-1] < v.shape[-1]:
        u, v = v, u
    cosines = torch.linalg.svdvals(u.mT @ v)
    sines = torch.linalg.svdvals(v - u @ (u.mT @ v)).flip(-1)
    return torch.atan2(sines, cosines)


class Match(NamedTuple):
    """``order`` (..., K): estimated block ``order[k]`` belongs to true block ``k``; ``errors`` (..., K): its recovery
    error.
    """

    order: Tensor
    errors: Tensor


def match_subspaces(estimated: Tensor, truth: Tensor) -> Match:
    r"""Pair estimated bases (..., K, n, d) with true ones (..., K, n, d) by the largest total :math:`\|\hat
    U_j^TU_k\|_F^2` (Hungarian method), because the order of blocks is arbitrary.
    """
    from scipy.optimize import linear_sum_assignment

    _check_bases("estimated", estimated)
    if estimated.shape != truth.shape or truth.dim() < 3:
        raise ValueError(
            f"estimated, truth: shapes {tuple(estimated.shape)}, {tuple(truth.shape)}; both must be (..., K, n, d)"
        )
    blocks = truth.shape[-3]
    overlap = (truth.unsqueeze(-3).mT @ estimated.unsqueeze(-4)).square().sum((-2, -1))  # (..., K true, K estimated)
    flat = overlap.reshape(-1, blocks, blocks).cpu().numpy()
    orders = [torch.as_tensor(linear_sum_assignment(table, maximize=True)[1]) for table in flat]
    order = torch.stack(orders).to(truth.device).reshape(truth.shape[:-2])
    index = order[..., None, None].expand_as(estimated)
    return Match(order, recovery_error(estimated.gather(-3, index), truth))


def block_energies(x: Tensor, bases: Tensor) -> Tensor:
    r"""Energies :math:`\|U_k^Tx_i\|^2`, shape (..., N, K), of points (..., N, n) in subspaces (..., K, n, d)."""
    _check_bases("bases", bases)
    return (x.unsqueeze(-3) @ bases).square().sum(-1).mT


def max_subspace_energy(x: Tensor, bases: Tensor) -> Tensor:
    r"""Largest share of energy in one subspace, :math:`\max_k\|U_k^Tx\|^2/\|x\|^2`, shape (..., N): 1 for clustered
    points.
    """
    return block_energies(x, bases).amax(-1) / x.square().sum(-1)


def union_energy(x: Tensor, bases: Tensor) -> Tensor:
    """Share (..., N) of the energy of ``x`` (..., N, n) inside the span of all ``bases`` (..., K, n, d)."""
    _check_bases("bases", bases)
    stacked = torch.cat(bases.unbind(-3), dim=-1)
    span = torch.linalg.qr(stacked).Q
    return (x @ span).square().sum(-1) / x.square().sum(-1)
