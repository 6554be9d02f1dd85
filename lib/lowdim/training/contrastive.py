"""The symmetric contrastive loss of two encoders, and its gradient in closed form."""

from __future__ import annotations

import torch
from torch import Tensor


def check_logits(name: str, logits: Tensor) -> Tensor:
    """``logits`` when they are floats of shape (..., n, n) with n >= 2: row i and column i belong together."""
    if (
        not logits.is_floating_point()
        or logits.dim() < 2
        or logits.shape[-1] != logits.shape[-2]
        or logits.shape[-1] < 2
    ):
        found = f"shape {tuple(logits.shape)} of {logits.dtype}"
        raise ValueError(f"{name}: {found} is not allowed; give floats (..., n, n) with n >= 2 pairs")
    return logits


def contrastive_loss(logits: Tensor) -> Tensor:
    r"""The loss (...) of CLIP for logits :math:`M` (..., n, n), row i and column i being a pair:

    :math:`\ell(M)=\frac1{2n}\sum_i\big[\ell_{CE}(M_{:,i},e_i)+\ell_{CE}(M_{i,:},e_i)\big]`,
    :math:`\ell_{CE}(m,e_i)=\log\sum_je^{m_j}-m_i`.

    Raises ``ValueError`` for logits that are not square or of fewer than two pairs. Source: Radford et al. (2021);
    Yaras et al. (2025), equation 1.
    """
    check_logits("logits", logits)
    # log_softmax is one fused kernel each way; a logsumexp keeps and passes over three matrices of this size.
    both = (m.log_softmax(-1).diagonal(dim1=-2, dim2=-1) for m in (logits, logits.mT))
    return -0.5 * sum(both, torch.zeros((), dtype=logits.dtype, device=logits.device)).mean(-1)


def contrastive_gradient(logits: Tensor) -> Tensor:
    r"""The gradient :math:`\nabla\ell(M)=\frac1{2n}(P^r+P^c)-\frac1nI` (..., n, n), with the row and column softmax
    :math:`P^r,P^c` of the logits.
    """
    check_logits("logits", logits)
    n = logits.shape[-1]
    one = torch.eye(n, dtype=logits.dtype, device=logits.device)
    return (logits.softmax(-1) + logits.softmax(-2)) / (2 * n) - one / n
