r"""LOCO Edit: directions of the noisy point that change one region of the predicted clean image, and nothing else.

Everything here takes a *posterior mean map* ``f(x, sigma)``: a denoiser, or a denoiser of latents followed by a decoder
(:meth:`lowdim.denoising.pipelines.Pipeline.pictures`). ``J`` is its Jacobian at the point ``x``, ``M`` keeps the pixels
of a mask and ``I - M`` the others. Directions have unit length in ``x``, in the book's units ``x = x0 + sigma n``. The
paper moves ``x_t = x / sqrt(1 + sigma^2)``: the directions are the same, its strengths are ours divided by ``sqrt(1 +
sigma^2)`` and its singular values are ours times that.

Source: Chen, Zhang, Guo, Lu, Wang and Qu (2024), algorithms 1 to 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lowdim.checks import check_count, check_finite
from lowdim.denoising.denoiser import ConditionalDenoiser, Denoiser
from lowdim.denoising.jacobian import TopSVD, top_k_svd
from lowdim.denoising.linearised import Linearised, PointProducts
from lowdim.denoising.pipelines import PictureMap

_NOTHING_LEFT = 1e-4


@dataclass(frozen=True)
class LocalDirections:
    """Directions that edit the inside of a mask; made by :func:`local_directions`.

    ``vectors (rank, *shape)`` are the right singular vectors of ``M J`` after the projection, each of unit length, not
    orthogonal to one another in general. ``gains (rank,)`` are ``|M J v|``, the change inside the mask for a unit step.
    ``kept (rank,)`` is the length that the projection left of each. ``inside`` and ``outside`` are the two
    decompositions (``outside`` is ``None`` without projection), ``evaluations`` the passes through the network.
    """

    vectors: Tensor
    gains: Tensor
    kept: Tensor
    inside: TopSVD
    outside: TopSVD | None
    evaluations: int

    def strength(self, index: int, change: float) -> float:
        """The length of the step along direction ``index`` that changes the inside of the mask by the norm ``change``,
        to first order; see :func:`pixel_change`.
        """
        return change / float(self.gains[index])


def local_directions(
    f: PictureMap,
    x: Tensor,
    sigma: float,
    mask: Tensor,
    generator: torch.Generator,
    *,
    rank: int = 3,
    outside_rank: int = 5,
    tol: float = 0.05,
    max_iter: int = 12,
) -> LocalDirections:
    """The ``rank`` directions that change the inside of ``mask`` most, made blind for the outside (algorithm 1).

    The leading right singular vectors of ``M J`` at one point ``x (1, *shape)``, minus their parts along the
    ``outside_rank`` leading ones of ``(I - M) J``, normalised. ``outside_rank=0`` leaves the projection out. ``mask``
    broadcasts to a picture ``f(x)``: true (or 1) inside. ``tol`` and ``max_iter`` go to
    :func:`~lowdim.denoising.jacobian.top_k_svd`.

    What is left outside obeys ``|(I - M) J v| <= s``, the singular value number ``outside_rank + 1`` of ``(I - M) J``.

    Raises ``ValueError`` for a rank out of range, a mask that is empty, neither true nor false or of another shape
    than the picture, a point that is not finite or not one, and where the projection leaves nothing of a direction.
    """
    check_count("rank", rank, 1, x[0].numel())
    check_count("outside_rank", outside_rank, 0, x[0].numel())
    inside = top_k_svd(f, x, sigma, rank, generator, mask=mask, tol=tol, max_iter=max_iter)
    outside, vectors, kept = None, inside.V, torch.ones(rank, dtype=x.dtype, device=x.device)
    beyond = mask == 0
    if outside_rank and bool(beyond.any()):
        outside = top_k_svd(f, x, sigma, outside_rank, generator, mask=beyond, tol=tol, max_iter=max_iter)
        vectors, kept = project_out(inside.V, outside.V)
    gains = region_gains(f, x, sigma, vectors, mask)
    used = inside.evaluations + (outside.evaluations if outside else 0) + rank
    return LocalDirections(vectors, gains, kept, inside, outside, used)


def project_out(vectors: Tensor, basis: Tensor) -> tuple[Tensor, Tensor]:
    """``(I - B B^T) v`` for each of ``vectors (m, *shape)``, normalised, and the length ``(m,)`` that was left.

    ``basis (r, *shape)`` is orthonormal when flattened, as the ``V`` of a decomposition is. Raises ``ValueError`` for
    shapes that do not fit, a basis that is not orthonormal, and when less than 1e-4 of a vector is left.
    """
    check_finite("vectors", vectors)
    check_finite("basis", basis)
    if vectors.dim() != basis.dim() or vectors.shape[1:] != basis.shape[1:]:
        raise ValueError(
            f"basis: shape {tuple(basis.shape)} is not allowed with vectors of shape {tuple(vectors.shape)}; "
            "give (r, *shape) and (m, *shape)"
        )
    v, B = vectors.flatten(1), basis.flatten(1)
    off = float((B @ B.T - torch.eye(len(B), dtype=B.dtype, device=B.device)).abs().max())
    if off > 1e-3:
        raise ValueError(f"basis: not orthonormal, its Gram matrix is off by {off:.2g}; give an orthonormal one")
    v = v / v.norm(dim=1, keepdim=True)
    for _ in range(2):  # the second pass removes what rounding left of the first
        v = v - v @ B.T @ B
    kept = v.norm(dim=1)
    if float(kept.min()) < _NOTHING_LEFT:
        raise ValueError(
            f"vectors: direction {int(kept.argmin())} lies in the span of the basis, nothing is left to edit with; "
            "project out fewer directions"
        )
    return (v / kept[:, None]).reshape(vectors.shape), kept


def region_gains(f: PictureMap, x: Tensor, sigma: float, vectors: Tensor, mask: Tensor) -> Tensor:
    """``|M J v| (m,)`` for each of ``vectors (m, *shape)`` at the point ``x (1, *shape)``."""
    products = PointProducts(f, x, sigma, len(vectors))
    moved = products.apply(vectors.flatten(1)).reshape(len(vectors), *products.out_shape)
    return (moved * mask).flatten(1).norm(dim=1)


def pixel_change(mask: Tensor, rms: float, channels: int = 3) -> float:
    """The norm of a change whose root mean square over the pixels of a mask ``(H, W)`` and their channels is ``rms``:
    ``rms sqrt(channels |mask|)``. Edits of regions of different sizes are comparable at equal ``rms``.

    A mask ``(channels, H, W)``, with a region of its own in each channel, has ``|mask|`` entries: ``rms sqrt(|mask|)``.
    Raises ``ValueError`` for another shape, and unless ``rms > 0``.
    """
    if not rms > 0:
        raise ValueError(f"rms: {rms!r} is not allowed; give a number > 0")
    if mask.dim() < 2 or mask.shape[:-3].numel() != 1 or (mask.dim() > 2 and mask.shape[-3] not in (1, channels)):
        raise ValueError(f"mask: shape {tuple(mask.shape)} is not allowed; give (H, W) or ({channels}, H, W)")
    repeats = channels if mask.dim() == 2 or mask.shape[-3] == 1 else 1
    return rms * float(repeats * (mask != 0).sum()) ** 0.5


def combine(directions: LocalDirections, *others: LocalDirections, indices: tuple[int, ...], change: float) -> Tensor:
    """One step ``(1, *shape)`` that makes several edits at once: the sum of steps, each of the given ``change``.

    ``indices`` picks a direction of each set. To first order the edits add up.
    """
    everything = (directions, *others)
    if len(indices) != len(everything):
        raise ValueError(f"indices: {len(indices)} indices for {len(everything)} sets of directions; give one for each")
    steps = [d.strength(i, change) * d.vectors[i] for d, i in zip(everything, indices, strict=True)]
    return torch.stack(steps).sum(0, keepdim=True)


@dataclass(frozen=True)
class Towards:
    """A denoiser drawn towards a condition: ``D(x) + m (D(x | condition) - D(x | null))`` with the scale ``m``.

    With ``D`` guided by the original prompt this is the ``f^e`` of T-LOCO, as the authors' code has it (their equations
    11 and 12 lack a minus sign). Such formulas are the same for noise predictions and denoisers.
    """

    denoiser: Denoiser
    model: ConditionalDenoiser
    condition: Any
    null: Any
    scale: float

    def __call__(self, x: Tensor, sigma: float | Tensor, /) -> Tensor:
        """Denoise; two evaluations beyond those of ``denoiser``."""
        pull = self.model(x, sigma, self.condition) - self.model(x, sigma, self.null)
        return self.denoiser(x, sigma) + self.scale * pull


def told_direction(f: PictureMap, f_told: PictureMap, x: Tensor, sigma: float, mask: Tensor) -> Tensor:
    """The direction ``(1, *shape)`` in which the picture moves towards what ``f_told`` was told (algorithm 4).

    ``d = M (f_told(x) - f(x))`` is the wanted change at one point ``x (1, *shape)`` and ``v = J_told^T d``, normalised:
    the steepest ascent of ``<d, M f_told(x)>`` with ``d`` held fixed. Raises ``ValueError`` when the two maps agree
    inside the mask, and for a point that is not finite or not one.
    """
    check_finite("x", x)
    if x.shape[0] != 1:
        raise ValueError(f"x: shape {tuple(x.shape)} is not allowed; give one point (1, *shape)")
    level = torch.as_tensor([sigma], dtype=x.dtype, device=x.device)
    with torch.no_grad():
        wanted = (f_told(x, sigma) - f(x, sigma)) * mask
    if not float(wanted.norm()) > 0:
        raise ValueError("f_told: it agrees with f inside the mask, so it asks for no change; give another condition")
    v = Linearised(f_told, x, level, same_shape=False).transpose(wanted)
    return v / v.norm()
