"""The linear denoising autoencoder: trained by gradient descent, and fed with its own output."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lowdim.checks import check_count
from lowdim.papers.model_collapse.theory import dae_map


@dataclass(frozen=True)
class AutoencoderRound:
    """One round: its number from 1, the map A (runs, d, d) and the second moment (runs, d, d) it was fitted to."""

    round: int
    map: Tensor
    moment: Tensor


def descend(
    moment: Tensor, sigma: float, width: int, generator: torch.Generator, steps: int, decay: float = 0.0
) -> Tensor:
    r"""The map :math:`W_2W_1` (d, d) after Adam on the expected loss of a two-layer linear autoencoder,

    :math:`\operatorname{tr}[(A-I)S(A-I)^\top]+\sigma^2\|A\|_F^2+\lambda(\|W_1\|_F^2+\|W_2\|_F^2)`, full batch, with
    the step size falling to zero. ``moment`` is S (d, d).
    """
    d = len(moment)
    layers = [
        (0.3 * torch.randn(shape, generator=generator, dtype=moment.dtype)).requires_grad_()
        for shape in ((d, width), (width, d))
    ]
    optimizer = torch.optim.Adam(layers, lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    identity = torch.eye(d, dtype=moment.dtype)
    for _ in range(steps):
        optimizer.zero_grad()
        a = layers[0] @ layers[1]
        loss = ((a - identity) @ moment * (a - identity)).sum() + sigma**2 * a.square().sum()
        (loss + decay * (layers[0].square().sum() + layers[1].square().sum())).backward()
        optimizer.step()
        schedule.step()
    return (layers[0] @ layers[1]).detach()


def self_consume(
    x: Tensor,
    sigma: float,
    noise: float | Tensor,
    rounds: int,
    generator: torch.Generator,
    *,
    ratio: float = 0.0,
) -> Iterator[AutoencoderRound]:
    r"""Train on generated data for ``rounds`` rounds: :math:`X_{j+1}=A_j(X_j+E_j)`, :math:`E_j\sim N(0,\hat\sigma^2)`.

    ``x`` (runs, d, n) holds the real samples of independent runs in its columns, ``noise`` is :math:`\hat\sigma`, a
    number or (runs,). A share ``ratio`` of the columns of every later round is real, chosen afresh, one by one.
    Raises ``ValueError`` for a ratio outside [0, 1] or less than one round.
    """
    if not 0 <= ratio <= 1:
        raise ValueError(f"ratio: {ratio!r} is not allowed; give a fraction of real samples in [0, 1]")
    check_count("rounds", rounds)
    real, n = x, x.shape[-1]
    scale = torch.as_tensor(noise, dtype=x.dtype).reshape(-1, 1, 1)
    kept = round(ratio * n)
    for number in range(1, rounds + 1):
        moment = x @ x.mT / n
        a = dae_map(moment, sigma)
        yield AutoencoderRound(number, a, moment)
        x = a @ (x + scale * torch.randn(x.shape, generator=generator, dtype=x.dtype))
        if kept:
            chosen = torch.randperm(n, generator=generator)
            x = torch.cat([real[..., chosen[:kept]], x[..., torch.randperm(n, generator=generator)[kept:]]], -1)
