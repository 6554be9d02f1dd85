"""Closed forms of the chapter."""

from __future__ import annotations

import torch
from torch import Tensor


def damped_decrease(gradient: Tensor, hessian: Tensor, eta: float, delta: Tensor) -> Tensor:
    """How much a damped step lowers the loss of a group of blocks, in closed form.

    Along an eigenvector of a block's Hessian with eigenvalue ``l`` the step multiplies what is left by
    ``1 - eta l / (l + delta)``, so the loss falls by ``1/2 |g|^2 / l (1 - (1 - eta l / (l + delta))^2)``, summed over
    eigenvectors and blocks. ``gradient`` is (..., k, r), ``hessian`` (..., r, r), definite. It is never negative for
    ``eta`` up to ``2 (1 + delta / l_max)``.
    """
    values, vectors = torch.linalg.eigh(hessian)
    along = (gradient @ vectors).square().sum(-2)
    left = 1 - eta * values / (values + delta)
    return (along / values * (1 - left.square())).sum() / 2
