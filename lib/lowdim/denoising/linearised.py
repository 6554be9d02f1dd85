"""The linear map ``J = dD(x, sigma)/dx`` of a denoiser at given points, as products in either mode.

Any map that treats the samples of a batch independently will do, also one whose values have another shape than its
points, such as a denoiser of latents followed by a decoder.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from lowdim.checks import expand_sigma

if TYPE_CHECKING:
    from lowdim.denoising.denoiser import Denoiser


def forward_mode(denoiser: Denoiser, x: Tensor, sigma: Tensor, v: Tensor) -> Tensor:
    """``J v`` at a batch of points in forward mode. Raises ``RuntimeError`` where an operator has none."""
    # The plain form of attention has a forward mode, its fused forms have none. The first use of forward mode makes
    # torch load a module of its own that calls a deprecated function of its own.
    with warnings.catch_warnings(), torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        warnings.filterwarnings("ignore", message="`torch.jit.script", category=DeprecationWarning)
        return torch.func.jvp(lambda z: denoiser(z, sigma), (x,), (v,))[1]


class Linearised:
    """The linear map ``J`` at a batch of points, from one forward pass whose graph is kept for all later products.

    Values of another shape than the points are taken for a mistake unless ``same_shape`` is false.
    """

    def __init__(self, denoiser: Denoiser, x: Tensor, sigma: Tensor, *, same_shape: bool = True) -> None:
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
            self.x = x.detach().clone(memory_format=torch.contiguous_format).requires_grad_()
            self.y = denoiser(self.x, sigma)
        kept = None if same_shape else 1
        if self.y.shape[:kept] != self.x.shape[:kept] or not self.y.requires_grad:
            raise ValueError(
                f"denoiser: it returned shape {tuple(self.y.shape)}, requires_grad {self.y.requires_grad}, for x of "
                f"shape {tuple(self.x.shape)}; it must keep the {'shape' if same_shape else 'batch'} and be "
                "differentiable (not under torch.no_grad())"
            )
        self._dual: tuple[Tensor, Tensor] | None = None

    def transpose(self, u: Tensor) -> Tensor:
        """``J^T u``."""
        return torch.autograd.grad(self.y, self.x, u.contiguous(), retain_graph=True)[0]

    def by_double_vjp(self, v: Tensor) -> Tensor:
        """``J v``: the map ``u -> J^T u`` is linear in ``u``, and its own transpose is ``J``."""
        if self._dual is None:
            u = torch.zeros_like(self.y, requires_grad=True)
            with torch.enable_grad():
                self._dual = torch.autograd.grad(self.y, self.x, u, create_graph=True)[0], u
        product, u = self._dual
        return torch.autograd.grad(product, u, v.contiguous(), retain_graph=True)[0]


class PointProducts:
    """Products of ``J`` and ``J^T`` at one point with rows ``(m, n)``, ``copies`` of them in each call of the network.

    ``out_shape`` is the shape of one value of the denoiser: ``J`` is ``out_shape.numel() x n``.

    ``J v`` comes from two reverse passes over the kept graph, about twice as fast as forward mode, which would pay the
    forward pass again in each call; forward mode serves denoisers that cannot be differentiated twice.
    """

    def __init__(self, denoiser: Denoiser, x: Tensor, sigma: float | Tensor, copies: int) -> None:
        self.denoiser, self.copies = denoiser, copies
        self.points = x.repeat_interleave(copies, 0)
        self.levels = expand_sigma(sigma, x).repeat(copies)
        self.linear = Linearised(denoiser, self.points, self.levels, same_shape=False)
        self.out_shape = self.linear.y.shape[1:]
        self.twice_differentiable = True
        self.evaluations = 0

    def apply(self, rows: Tensor) -> Tensor:
        """``J v`` for each row v."""
        return self._in_chunks(self._apply_batch, rows, self.points.shape)

    def transpose(self, rows: Tensor) -> Tensor:
        """``J^T u`` for each row u."""
        return self._in_chunks(self.linear.transpose, rows, self.linear.y.shape)

    def _apply_batch(self, batch: Tensor) -> Tensor:
        if self.twice_differentiable:
            try:
                return self.linear.by_double_vjp(batch)
            except RuntimeError:
                self.twice_differentiable = False
        return forward_mode(self.denoiser, self.points, self.levels, batch)

    def _in_chunks(self, product: Callable[[Tensor], Tensor], rows: Tensor, shape: torch.Size) -> Tensor:
        results = []
        for part in rows.split(self.copies):
            used = part.shape[0]
            padded = torch.cat([part, part.new_zeros(self.copies - used, part.shape[1])])
            results.append(product(padded.reshape(shape)).flatten(1)[:used])
            self.evaluations += self.copies
        return torch.cat(results)
