"""The product on a GPU with fused steps, in Triton. Import it only where Triton is installed.

For few tokens or few blocks: one kernel for ``z``, and one that mixes ``w_i`` on the fly while it multiplies by
``U_i``, so that ``w`` is never written. For many tokens and many blocks: one kernel that mixes each tile of ``z_j``
into all ``w_i`` as soon as it is there, so that ``z`` is never written, and a batch of products with the ``U_i``.
Sums are in float32; tensor cores do all but the mixing.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from lowdim.papers.blast.factors import Factors

FEW_TOKENS = 16
FEW_BLOCKS = 4
TILES = {"tokens": 64, "rank": 64, "inner": 32, "out": 64}
"""Tile sizes; a kernel with few tokens takes 16 of them. Powers of two of at least 16, as tensor cores want them."""


@triton.jit
def _project(  # type: ignore[no-untyped-def]
    x, V, z, tokens, q, rank, row, TOKENS: tl.constexpr, RANK: tl.constexpr, INNER: tl.constexpr
):  # fmt: skip
    """``z_j = x_j V_j``: x (N, b2 q) with rows ``row`` apart, V (b2, q, r), z (b2, N, r)."""
    j = tl.program_id(0).to(tl.int64)
    n = tl.program_id(1) * TOKENS + tl.arange(0, TOKENS).to(tl.int64)
    k = tl.program_id(2) * RANK + tl.arange(0, RANK)
    total = tl.zeros((TOKENS, RANK), dtype=tl.float32)
    for start in range(0, q, INNER):
        c = start + tl.arange(0, INNER)
        seen = (n[:, None] < tokens) & (c[None, :] < q)
        left = tl.load(x + n[:, None] * row + j * q + c[None, :], mask=seen, other=0.0)
        held = (c[:, None] < q) & (k[None, :] < rank)
        right = tl.load(V + (j * q + c[:, None]) * rank + k[None, :], mask=held, other=0.0)
        total = tl.dot(left, right, total, input_precision="ieee")
    kept = (n[:, None] < tokens) & (k[None, :] < rank)
    tl.store(z + (j * tokens + n[:, None]) * rank + k[None, :], total.to(z.dtype.element_ty), mask=kept)


@triton.jit
def _expand(  # type: ignore[no-untyped-def]
    z, s, U, y, tokens, p, rank, row,
    COLUMNS: tl.constexpr, TOKENS: tl.constexpr, RANK: tl.constexpr, OUT: tl.constexpr,
):  # fmt: skip
    """``y_i = (sum_j s_ij * z_j) U_i^T``: z (b2, N, r), s (b1, b2, r), U (b1, p, r), y (N, b1 p) with rows ``row``."""
    i = tl.program_id(0).to(tl.int64)
    n = tl.program_id(1) * TOKENS + tl.arange(0, TOKENS).to(tl.int64)
    o = tl.program_id(2) * OUT + tl.arange(0, OUT)
    total = tl.zeros((TOKENS, OUT), dtype=tl.float32)
    for start in range(0, rank, RANK):
        k = start + tl.arange(0, RANK)
        mixed = tl.zeros((TOKENS, RANK), dtype=tl.float32)
        seen = (n[:, None] < tokens) & (k[None, :] < rank)
        for j in range(COLUMNS):
            weight = tl.load(s + (i * COLUMNS + j) * rank + k, mask=k < rank, other=0.0).to(tl.float32)
            at = (j * tokens + n[:, None]) * rank + k[None, :]
            mixed += weight[None, :] * tl.load(z + at, mask=seen, other=0.0).to(tl.float32)
        held = (k[:, None] < rank) & (o[None, :] < p)
        right = tl.load(U + (i * p + o[None, :]) * rank + k[:, None], mask=held, other=0.0)
        total = tl.dot(mixed.to(right.dtype), right, total, input_precision="ieee")
    kept = (n[:, None] < tokens) & (o[None, :] < p)
    tl.store(y + n[:, None] * row + i * p + o[None, :], total.to(y.dtype.element_ty), mask=kept)


@triton.jit
def _mix(  # type: ignore[no-untyped-def]
    x, V, s, w, tokens, q, rank, row, ROWS, COLUMNS: tl.constexpr,
    ROWS_UP: tl.constexpr, TOKENS: tl.constexpr, RANK: tl.constexpr, INNER: tl.constexpr,
):  # fmt: skip
    """``w_i = sum_j s_ij * (x_j V_j)`` for all ``i`` at once: w (b1, N, r); ``ROWS_UP`` is the power of two above."""
    n = tl.program_id(0) * TOKENS + tl.arange(0, TOKENS).to(tl.int64)
    k = tl.program_id(1) * RANK + tl.arange(0, RANK)
    i = tl.arange(0, ROWS_UP).to(tl.int64)
    total = tl.zeros((ROWS_UP, TOKENS, RANK), dtype=tl.float32)
    for j in range(COLUMNS):
        part = tl.zeros((TOKENS, RANK), dtype=tl.float32)
        for start in range(0, q, INNER):
            c = start + tl.arange(0, INNER)
            seen = (n[:, None] < tokens) & (c[None, :] < q)
            left = tl.load(x + n[:, None] * row + j * q + c[None, :], mask=seen, other=0.0)
            held = (c[:, None] < q) & (k[None, :] < rank)
            right = tl.load(V + (j * q + c[:, None]) * rank + k[None, :], mask=held, other=0.0)
            part = tl.dot(left, right, part, input_precision="ieee")
        used = (i[:, None] < ROWS) & (k[None, :] < rank)
        weight = tl.load(s + (i[:, None] * COLUMNS + j) * rank + k[None, :], mask=used, other=0.0).to(tl.float32)
        total += weight[:, None, :] * part[None, :, :]
    at = (i[:, None, None] * tokens + n[None, :, None]) * rank + k[None, None, :]
    kept = (i[:, None, None] < ROWS) & (n[None, :, None] < tokens) & (k[None, None, :] < rank)
    tl.store(w + at, total.to(w.dtype.element_ty), mask=kept)


def triton_product(x: Tensor, factors: Factors) -> Tensor:
    """``W x`` for every row of ``x`` (..., n), as (..., m), by the kernels of this module; it has no gradient."""
    m, n = factors.shape
    rows = x.reshape(-1, n)
    few = rows.shape[0] <= FEW_TOKENS or max(factors.num_blocks) <= FEW_BLOCKS
    y = (expand_last if few else mix_first)(rows.contiguous(), Factors(*(f.contiguous() for f in factors)))
    return y.reshape(*x.shape[:-1], m)


def expand_last(x: Tensor, factors: Factors) -> Tensor:
    """Step 1, then steps 2 and 3 fused; ``x`` (N, n) and the factors contiguous."""
    (U, s, V), (b1, b2), tokens = factors, factors.num_blocks, x.shape[0]
    p, q, rank = U.shape[1], V.shape[1], factors.rank
    tile, tiles = token_tile(tokens), TILES
    if tokens > FEW_TOKENS:
        z = torch.bmm(x.view(tokens, b2, q).transpose(0, 1), V)
    else:
        z = x.new_empty(b2, tokens, rank)
        grid = (b2, triton.cdiv(tokens, tile), triton.cdiv(rank, tiles["rank"]))
        _project[grid](x, V, z, tokens, q, rank, x.stride(0), tile, tiles["rank"], tiles["inner"])
    y = x.new_empty(tokens, b1 * p)
    grid = (b1, triton.cdiv(tokens, tile), triton.cdiv(p, tiles["out"]))
    _expand[grid](z, s, U, y, tokens, p, rank, y.stride(0), b2, tile, tiles["rank"], tiles["out"])
    return y


def mix_first(x: Tensor, factors: Factors) -> Tensor:
    """Steps 1 and 2 fused, then step 3; ``x`` (N, n) and the factors contiguous."""
    (U, s, V), (b1, b2), tokens = factors, factors.num_blocks, x.shape[0]
    q, rank, rows_up = V.shape[1], factors.rank, triton.next_power_of_2(b1)
    # all b1 sums are held at once: smaller tiles where there are more of them
    side = 16 if rows_up > 8 else 32
    w = x.new_empty(b1, tokens, rank)
    grid = (triton.cdiv(tokens, side), triton.cdiv(rank, side))
    _mix[grid](
        x, V, s, w, tokens, q, rank, x.stride(0), b1, b2, rows_up, side, side, TILES["inner"]
    )  # fmt: skip
    return torch.bmm(w, U.mT).transpose(0, 1).reshape(tokens, -1)


def token_tile(tokens: int) -> int:
    """Tokens of a tile."""
    return 16 if tokens <= FEW_TOKENS else TILES["tokens"]
