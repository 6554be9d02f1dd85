"""Which code computes the product: plain torch anywhere, or Triton kernels on a GPU."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lowdim.papers.blast.factors import Factors
from lowdim.papers.blast.product import product

BACKENDS = ("torch", "triton")


def choose_product(backend: str, x: Tensor, factors: Factors) -> Callable[[Tensor, Factors], Tensor]:
    """The product of ``backend``; kernels that have no gradient step back where one is needed, and on a CPU."""
    wanted = backend == "triton" and x.is_cuda
    if not wanted or (torch.is_grad_enabled() and (x.requires_grad or factors.U.requires_grad)):
        return product
    from lowdim.papers.blast.triton_product import triton_product  # here: Triton comes with GPU builds only

    return triton_product
