"""Train a denoiser of pictures in one call, for experiments that need a network of their own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from lowdim.training.ema import EMA
from lowdim.training.loop import train, warm_up_then_cosine
from lowdim.training.losses import edm_loss

# draw(batch, generator) -> images (batch, C, size, size)
Draw = Callable[[int, torch.Generator], Tensor]


def train_on_pictures(
    denoiser: nn.Module, draw: Draw, steps: int, batch: int, generator: torch.Generator, *, learning_rate: float = 1e-3
) -> nn.Module:
    """Train ``denoiser`` in place by the EDM loss for ``steps`` steps on pictures from ``draw``; returns the moving
    average of its weights, in evaluation mode with its parameters frozen. In bfloat16 on a GPU.
    """
    where = next(denoiser.parameters()).device
    ema = EMA(denoiser, 0.999)

    def loss(model: nn.Module, generator: torch.Generator) -> Tensor:
        with torch.autocast(where.type, torch.bfloat16, enabled=where.type == "cuda"):
            return edm_loss(model, draw(batch, generator).to(where), generator)

    optimiser = torch.optim.Adam(denoiser.parameters(), lr=learning_rate)
    schedule = warm_up_then_cosine(steps, min(300, max(1, steps // 4)))
    for _ in train(denoiser, loss, optimiser, steps, generator=generator, ema=ema, schedule=schedule, clip=1.0):
        pass
    return ema.module.eval().requires_grad_(False)
