"""The product ``y = W x`` with a BLAST matrix: as published, and without the tensor that the published form holds.

The three steps are ``z_j = V_j^T x_j``, ``w_i = sum_j s_ij * z_j`` and ``y_i = U_i w_i``. Written as a broadcast
product and a sum, the second holds ``b1 b2 N r`` numbers, ``b`` times more than its result. Here it is a batch of ``r``
small products ``(b1 x b2) (b2 x N)``, between two batches of ordinary ones whose strides are arranged so that nothing
is copied in between; for a few tokens it is a running sum.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lowdim.papers.blast.factors import Factors

FEW = 8
"""Up to so many tokens a running sum beats a batch of ``r`` products, which would be tiny."""
CHUNK = 256
"""Tokens at a time where no gradient is needed: what lies between the steps stays in the cache."""


def product(x: Tensor, factors: Factors) -> Tensor:
    """``W x`` for every row of ``x`` (..., n), as (..., m); never holds more than ``b N r`` numbers at a time.

    The dtype is that of the factors (or of autocast). Gradients save ``z`` and ``w`` only.
    """
    m, n = factors.shape
    rows = x.reshape(-1, n)
    tokens = rows.shape[0]
    if tokens <= FEW:
        y = _few(rows, factors)
    elif torch.compiler.is_compiling() or torch.is_grad_enabled() or x.is_cuda or tokens <= CHUNK:
        y = _many(rows, factors, factors.s.permute(2, 0, 1).contiguous())
    else:
        coupling = factors.s.permute(2, 0, 1).contiguous()
        y = torch.cat([_many(part, factors, coupling) for part in rows.split(CHUNK)])
    return y.reshape(*x.shape[:-1], m)


def _few(x: Tensor, factors: Factors) -> Tensor:
    """A few tokens (N, n): two batches of matrix-vector products around a running sum."""
    U, s, V = factors
    tokens, blocks = x.shape[0], V.shape[0]
    z = torch.bmm(x.view(tokens, blocks, V.shape[1]).transpose(0, 1), V)  # (b2, N, r)
    wide = torch.float32 if z.dtype in (torch.float16, torch.bfloat16) else z.dtype
    s, parts = s.to(wide), z.to(wide)
    w = s[:, 0, None] * parts[0]
    for j in range(1, blocks):
        w = torch.addcmul(w, s[:, j, None], parts[j])  # (b1, N, r), summed in float32 where z is shorter
    return torch.bmm(w.to(z.dtype), U.mT).transpose(0, 1).reshape(tokens, factors.shape[0])


def _many(x: Tensor, factors: Factors, coupling: Tensor) -> Tensor:
    """Many tokens (N, n): three batches of products; ``coupling`` is ``s`` as a contiguous (r, b1, b2)."""
    U, _, V = factors
    tokens, blocks = x.shape[0], V.shape[0]
    z = torch.bmm(V.mT, x.view(tokens, blocks, V.shape[1]).permute(1, 2, 0))  # (b2, r, N)
    w = torch.bmm(coupling, z.transpose(0, 1))  # (r, b1, N)
    return torch.bmm(w.permute(1, 2, 0), U.mT).transpose(0, 1).reshape(tokens, factors.shape[0])


def reference_product(x: Tensor, factors: Factors) -> Tensor:
    """The product as published (Algorithm 1 and the released layer): the second step a broadcast product and a sum.

    For comparison only: it holds a tensor ``(b1, b2, N, r)``.
    """
    U, s, V = factors
    rows = x.reshape(-1, factors.shape[1])
    z = torch.bmm(rows.view(rows.shape[0], V.shape[0], V.shape[1]).transpose(0, 1), V)
    w = (z.unsqueeze(0) * s.unsqueeze(2)).sum(1)
    y = torch.bmm(w, U.mT).transpose(0, 1)
    return y.reshape(*x.shape[:-1], factors.shape[0])
