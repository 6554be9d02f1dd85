r"""K-subspaces: the clustering problem that Theorem 3 says the diffusion loss solves, and three ways to solve it.

Maximise :math:`\sum_i\max_k\|U_k^Tx_i\|^2` over orthonormal :math:`U_k`. Everything is batched: ``x`` is (R, N, n), R
runs at once, bases are (R, K, n, d). PCA is the case K = 1.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lowdim.checks import check_count, check_finite
from lowdim.metrics.subspaces import block_energies

RANK_TOLERANCE = 1e-10
PERFECT = 1e-12


class Clusters(NamedTuple):
    """Result of R runs: ``bases`` (R, K, n, d), ``labels`` (R, N) and the share ``captured`` (R,) of the energy, in
    [0, 1].
    """

    bases: Tensor
    labels: Tensor
    captured: Tensor


def random_bases(runs: int, blocks: int, n: int, rank: int, generator: torch.Generator, like: Tensor) -> Tensor:
    """Independent uniformly random bases (R, K, n, d), in the dtype and on the device of ``like``."""
    return torch.linalg.qr(_normal((runs, blocks, n, rank), generator, like)).Q


def top_subspace(x: Tensor, rank: int, generator: torch.Generator) -> Tensor:
    """Uncentred PCA: the top ``rank`` left singular vectors (..., n, rank) of the points x (..., N, n).

    Where the points span fewer than ``rank`` directions, all completions are optimal; a uniformly random one is taken.
    """
    if x.shape[-2] > x.shape[-1]:  # the triangular factor has the same left singular vectors, and fewer rows
        x = torch.linalg.qr(x, mode="r").R
    u, values, _ = torch.linalg.svd(x.mT, full_matrices=False)
    found = min(rank, values.shape[-1])
    start = _normal((*x.shape[:-2], x.shape[-1], rank), generator, x)
    real = values[..., :found] > RANK_TOLERANCE * values[..., :1].clamp_min(torch.finfo(x.dtype).tiny)
    start[..., :found] = torch.where(real.unsqueeze(-2), u[..., :found], start[..., :found])
    # Gram-Schmidt keeps the leading columns, and a Gaussian made orthogonal to them is uniform in what is left.
    return torch.linalg.qr(start).Q


def bases_from_labels(x: Tensor, labels: Tensor, blocks: int, rank: int, generator: torch.Generator) -> Tensor:
    """PCA (R, K, n, d) of each cluster of x (R, N, n) under ``labels`` (R, N)."""
    members = labels.unsqueeze(-2) == torch.arange(blocks, device=x.device).unsqueeze(-1)  # (R, K, N)
    return top_subspace(x.unsqueeze(-3) * members.unsqueeze(-1), rank, generator)


def assign(x: Tensor, bases: Tensor) -> Clusters:
    """Each point to the block that captures most of its energy."""
    best, labels = block_energies(x, bases).max(dim=-1)
    return Clusters(bases, labels, best.sum(-1) / x.square().sum((-2, -1)))


def k_subspaces(x: Tensor, bases: Tensor, generator: torch.Generator, iterations: int = 100) -> Clusters:
    """Lloyd's iteration from ``bases`` (R, K, n, d): assign, refit each cluster by PCA, until no label changes.

    ``captured`` never decreases. Runs that have converged are left alone.
    """
    fit = assign(x, bases)
    bases, labels, captured = (part.clone() for part in fit)
    active = torch.arange(len(x), device=x.device)
    for _ in range(iterations):
        refit = bases_from_labels(x[active], labels[active], bases.shape[-3], bases.shape[-1], generator)
        step = assign(x[active], refit)
        moved = (step.labels != labels[active]).any(-1)
        bases[active], labels[active], captured[active] = step
        active = active[moved]
        if not len(active):
            break
    return Clusters(bases, labels, captured)


def joint_k_subspaces(x: Tensor, bases: Tensor, generator: torch.Generator, iterations: int = 100) -> Clusters:
    r"""K-subspaces under the constraint of Theorem 3 that the blocks are orthogonal to each other,
    :math:`[U_1..U_K]^T[U_1..U_K]=I`.

    One step is :math:`[U_k]\leftarrow\operatorname{polar}([S_kU_k])` with :math:`S_k=\sum_ir_{ik}x_ix_i^T`, an ascent
    step for fixed responsibilities r. They are soft-max weights, annealed to hard ones, because hard ones stick in
    poor optima.
    """
    runs, blocks, n, rank = bases.shape
    if blocks * rank > n:
        raise ValueError(f"bases: {blocks} blocks of rank {rank} cannot be orthogonal to each other in dimension {n}")
    flat = torch.linalg.qr(bases.transpose(1, 2).reshape(runs, n, blocks * rank)).Q
    scale = x.square().sum(-1).mean(-1)[:, None, None]
    for step in range(iterations):
        bases = flat.reshape(runs, n, blocks, rank).transpose(1, 2)
        sharpness = 0.5 * 1.15**step
        weights = torch.softmax((block_energies(x, bases) * sharpness / scale).clamp_max(1e6), dim=-1)  # (R, N, K)
        coordinates = x.unsqueeze(-3) @ bases  # (R, K, N, d)
        pulled = (x.unsqueeze(-3) * weights.mT.unsqueeze(-1)).mT @ coordinates  # S_k U_k, (R, K, n, d)
        flat = _polar(pulled.transpose(1, 2).reshape(runs, n, blocks * rank), generator)
    return assign(x, flat.reshape(runs, n, blocks, rank).transpose(1, 2))


def best_of(x: Tensor, blocks: int, rank: int, restarts: int, generator: torch.Generator, group: int = 10) -> Clusters:
    """The best of ``restarts`` random starts of :func:`k_subspaces` for each run, ``group`` of them side by side; a
    run that has captured everything stops early. ``x`` is (R, N, n).

    Raises ``ValueError`` for counts below 1, for points of another shape or not finite, and for a run of zeros alone.
    """
    _check_runs(x)
    if not bool(x.flatten(1).any(1).all()):
        raise ValueError("x: a run of zeros alone has no subspaces; give each run a point that is not zero")
    check_count("restarts", restarts)
    check_count("group", group)
    best = assign(x, random_bases(len(x), blocks, x.shape[-1], rank, generator, x))
    active = torch.arange(len(x), device=x.device)
    for done in range(0, restarts, group):
        copies = min(group, restarts - done)
        many = x[active].repeat_interleave(copies, dim=0)
        fit = k_subspaces(many, random_bases(len(many), blocks, x.shape[-1], rank, generator, x), generator)
        winner = fit.captured.view(-1, copies).argmax(1) + copies * torch.arange(len(active), device=x.device)
        better = fit.captured[winner] > best.captured[active]
        for kept, found in zip(best, fit, strict=True):
            kept[active[better]] = found[winner[better]]
        active = active[best.captured[active] < 1 - PERFECT]
        if not len(active):
            break
    return best


def graph_labels(x: Tensor, threshold: float = 1e-9) -> Tensor:
    r"""Labels (R, N) by connected components of the graph :math:`|\cos(x_i,x_j)|>` ``threshold``, numbered by first
    member.

    Points of orthogonal subspaces are never joined, and noise-free points of one subspace almost surely are. Raises
    ``ValueError`` for points of another shape than (R, N, n) or not finite, and for points at zero, which have no
    direction.
    """
    _check_runs(x)
    zeros = int((x == 0).all(-1).sum())
    if zeros:
        raise ValueError(f"x: {zeros} of {x[..., 0].numel()} points are zero and have no direction; remove them")
    unit = x / x.norm(dim=-1, keepdim=True)
    linked = (unit @ unit.mT).abs() > threshold
    labels = torch.arange(x.shape[-2], device=x.device).expand(x.shape[:-1]).clone()
    while True:
        spread = torch.where(linked, labels.unsqueeze(-2), labels.shape[-1]).amin(-1)
        if torch.equal(spread, labels):
            break
        labels = spread
    roots = labels == torch.arange(x.shape[-2], device=x.device)
    return (roots.cumsum(-1) - 1).gather(-1, labels)


def _check_runs(x: Tensor) -> None:
    check_finite("x", x)
    if x.dim() != 3:
        raise ValueError(f"x: shape {tuple(x.shape)} is not allowed; give (R, N, n), one run of N points as x[None]")


def _polar(matrix: Tensor, generator: torch.Generator) -> Tensor:
    """The closest matrix with orthonormal columns; directions that the matrix lacks are filled at random."""
    u, values, vh = torch.linalg.svd(matrix, full_matrices=False)
    fill = _normal(tuple(u.shape), generator, u)
    real = values > RANK_TOLERANCE * values[..., :1]
    q, r = torch.linalg.qr(torch.where(real.unsqueeze(-2), u, fill))
    return (q * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)) @ vh  # QR may flip signs, which vh would not know


def _normal(shape: tuple[int, ...], generator: torch.Generator, like: Tensor) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=like.dtype, device=like.device)
