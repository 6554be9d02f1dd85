"""Products with the Jacobian of a denoiser, ``J = dD(x, sigma)/dx``, and its leading singular vectors.

Every function takes any denoiser that treats the samples of a batch independently and is differentiable by autograd:
exact distributions, networks, and views of either. Many directions at one point go through the network as one batch of
copies of that point. Mapping over directions with ``torch.func.vmap`` would share the forward pass, but it stops at any
check of values inside a denoiser and at operators without a batching rule; a batch of copies always works, and
:func:`top_k_svd` pays its forward pass only once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lowdim.checks import check_count, check_finite, expand_sigma
from lowdim.denoising.krylov import leading_triplets
from lowdim.denoising.linearised import Linearised, PointProducts, forward_mode

if TYPE_CHECKING:
    from lowdim.denoising.denoiser import Denoiser


def jvp(denoiser: Denoiser, x: Tensor, sigma: float | Tensor, v: Tensor) -> Tensor:
    """``J v`` at each sample of ``x`` ``(B, *shape)``; ``v`` is ``(B, *shape)``, or ``(B, m, *shape)``, m directions.

    Forward mode, and where an operator has none (attention, group normalisation on some strides) two reverse passes.
    """
    points, levels, directions = _pair_up(x, sigma, v, "v")
    try:
        product = forward_mode(denoiser, points, levels, directions)
    except RuntimeError:  # of an operator; an error of the denoiser itself shows again in the next line
        product = Linearised(denoiser, points, levels).by_double_vjp(directions)
    return product.reshape(v.shape)


def vjp(denoiser: Denoiser, x: Tensor, sigma: float | Tensor, u: Tensor) -> Tensor:
    """``J^T u`` at each sample of ``x`` ``(B, *shape)``; ``u`` is ``(B, *shape)`` or ``(B, m, *shape)``."""
    points, levels, directions = _pair_up(x, sigma, u, "u")
    return Linearised(denoiser, points, levels).transpose(directions).reshape(u.shape)


def full_jacobian(denoiser: Denoiser, x: Tensor, sigma: float | Tensor, chunk: int = 64) -> Tensor:
    """The matrices ``J`` as ``(B, n, n)`` for ``x`` of shape ``(B, *shape)`` with n numbers in each sample.

    Row i is ``J^T e_i``, so the cost is n reverse passes a sample, ``chunk`` of them in one call: for small n.
    """
    check_finite("x", x)
    check_count("chunk", chunk)
    batch, n = x.shape[0], x[0].numel()
    copies = min(chunk, n)
    levels = expand_sigma(sigma, x).repeat_interleave(copies)
    linear = Linearised(denoiser, x.repeat_interleave(copies, 0), levels)
    identity = torch.eye(n, dtype=x.dtype, device=x.device)
    blocks = []
    for rows in identity.split(copies):
        used = rows.shape[0]
        padded = torch.cat([rows, rows.new_zeros(copies - used, n)])
        block = linear.transpose(padded.repeat(batch, 1).reshape(-1, *x.shape[1:]))
        blocks.append(block.reshape(batch, copies, n)[:, :used])
    return torch.cat(blocks, 1)


@dataclass(frozen=True)
class TopSVD:
    """Leading singular triplets of ``J`` (or ``M J`` under a mask): ``J ~ sum_i S_i U_i V_i^T``.

    ``V`` is ``(k, *shape)`` and ``U`` the same in the shape of the values, both with orthonormal rows when flattened;
    ``S`` is ``(k,)``, descending. The entry of largest size in each ``V_i`` is positive. ``angle`` (radians) bounds how
    far the span of ``V`` still is from its limit (:func:`~lowdim.denoising.krylov.angle_bound`), directions whose
    singular value is zero to rounding left out; ``converged`` says whether it fell to the tolerance. ``evaluations``
    counts the passes of single samples through the network: one for each product with ``J`` or ``J^T``.
    """

    U: Tensor
    S: Tensor
    V: Tensor
    iterations: int
    evaluations: int
    angle: float
    converged: bool


def top_k_svd(
    denoiser: Denoiser,
    x: Tensor,
    sigma: float | Tensor,
    k: int,
    generator: torch.Generator,
    *,
    mask: Tensor | None = None,
    tol: float = 1e-3,
    max_iter: int = 50,
    oversample: int = 2,
    chunk: int = 32,
) -> TopSVD:
    """The ``k`` leading singular triplets of the Jacobian at one point ``x`` of shape ``(1, *shape)``.

    Block Golub-Kahan iteration with ``k + oversample`` directions in a block: each step is one batch of products with
    ``J`` and one with ``J^T``, and the triplets are the best in the span of all steps
    (:func:`~lowdim.denoising.krylov.leading_triplets`). It stops when the bound of the angle between the span of ``V``
    and its limit is at most ``tol`` radians, or after ``max_iter`` steps with ``converged=False``. Two directions more
    than asked for settle whether value ``k`` is apart from the next; more of them cost passes and save no steps on
    networks.

    ``denoiser`` may also be a map to another shape, such as a denoiser of latents followed by a decoder. ``mask``
    (broadcastable to the shape of the values, true or 1 where kept) restricts the rows: the result is for ``M J``,
    with ``U`` zero outside the mask (LOCO Edit, section 3). ``chunk`` bounds the directions in one call of the network.
    Raises ``ValueError`` for a ``k`` above the size of the point or of a value, and other arguments out of range.
    """
    shape = _check_point(x, k, max_iter, oversample, chunk, tol)
    size = min(k + oversample, x.numel())
    products = PointProducts(denoiser, x, sigma, _even_chunk(size, chunk))
    if k > products.out_shape.numel():
        raise ValueError(
            f"k: {k!r} is not allowed; a value has {products.out_shape.numel()} numbers, give at most these"
        )
    rows = _row_mask(mask, products.out_shape, x.device)
    start = torch.randn(size, x.numel(), generator=generator, dtype=x.dtype, device=generator.device).to(x.device)
    U, S, V, iterations, angle = leading_triplets(
        lambda v: products.apply(v) * rows, lambda u: products.transpose(u * rows), start, k, tol=tol, max_iter=max_iter
    )
    U, V = _fix_signs(U, V)
    U, V = U.reshape(k, *products.out_shape), V.reshape(k, *shape)
    return TopSVD(U, S, V, iterations, products.evaluations, angle, angle <= tol)


def numerical_rank(singular_values: Tensor, eta: float = 0.99) -> Tensor:
    """The smallest ``r`` with ``sqrt(sum_{i<=r} s_i^2) > eta sqrt(sum_i s_i^2)``, for each spectrum ``(..., n)``.

    The energy rule by which the papers count the rank of a denoiser's Jacobian, with ``eta = 0.99``. Zeros have rank 0.
    """
    check_finite("singular_values", singular_values)
    if bool((singular_values < 0).any()) or singular_values.dim() == 0:
        raise ValueError("singular_values: give a tensor (..., n) of numbers that are not negative")
    if not 0 < eta < 1:
        raise ValueError(f"eta: {eta!r} is not allowed; give a number between 0 and 1, both excluded")
    energy = singular_values.double().sort(dim=-1, descending=True).values.square().cumsum(-1)
    total = energy[..., -1:]
    return ((energy <= eta**2 * total).sum(-1) + 1) * (total[..., 0] > 0)


def _pair_up(x: Tensor, sigma: float | Tensor, v: Tensor, name: str) -> tuple[Tensor, Tensor, Tensor]:
    """Points, noise levels and directions as one contiguous batch; a point is repeated for each of its directions."""
    check_finite("x", x)
    check_finite(name, v)
    levels = expand_sigma(sigma, x)
    if v.shape == x.shape:
        return x.contiguous(), levels, v.contiguous()
    if v.dim() != x.dim() + 1 or v.shape[0] != x.shape[0] or v.shape[2:] != x.shape[1:]:
        batch, rest = x.shape[0], ", ".join(map(str, x.shape[1:]))
        raise ValueError(
            f"{name}: shape {tuple(v.shape)} is not allowed; give ({batch}, {rest}) or ({batch}, m, {rest})"
        )
    m = v.shape[1]
    return x.repeat_interleave(m, 0), levels.repeat_interleave(m), v.reshape(-1, *x.shape[1:]).contiguous()


def _check_point(x: Tensor, k: int, max_iter: int, oversample: int, chunk: int, tol: float) -> torch.Size:
    check_finite("x", x)
    if x.dim() < 2 or x.shape[0] != 1 or x.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"x: {x.dtype} of shape {tuple(x.shape)} is not allowed; give one point (1, *shape), float32 or float64"
        )
    check_count("max_iter", max_iter)
    check_count("oversample", oversample)
    check_count("chunk", chunk)
    check_count("k", k, most=x.numel())
    if not tol > 0:
        raise ValueError(f"tol: {tol!r} is not allowed; give an angle in radians above 0")
    return x.shape[1:]


def _row_mask(mask: Tensor | None, shape: torch.Size, device: torch.device) -> Tensor:
    """The mask as a row ``(1, n)`` of zeros and ones."""
    if mask is None:
        return torch.ones(1, shape.numel(), dtype=torch.bool, device=device)
    if not bool(((mask == 0) | (mask == 1)).all()) or not bool(mask.any()):
        raise ValueError("mask: give true and false (or 1 and 0), true in at least one place")
    try:
        return mask.to(device).bool().expand(shape).reshape(1, -1)
    except RuntimeError:
        raise ValueError(f"mask: shape {tuple(mask.shape)} does not broadcast to {tuple(shape)}") from None


def _even_chunk(size: int, chunk: int) -> int:
    calls = -(-size // chunk)
    return -(-size // calls)


def _fix_signs(U: Tensor, V: Tensor) -> tuple[Tensor, Tensor]:
    sign = V.gather(1, V.abs().argmax(1, keepdim=True)).sign()
    return U * sign, V * sign
