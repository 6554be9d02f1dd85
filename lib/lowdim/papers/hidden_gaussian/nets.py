"""Small networks trained side by side on subsets of the digits, with looks at them on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import torch
from torch import Tensor, nn

from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.grids import edm_sigmas
from lowdim.denoising.networks import MLP, EDMDenoiser
from lowdim.denoising.samplers import heun, last
from lowdim.denoising.side_by_side import SideBySide
from lowdim.training.loop import train
from lowdim.training.losses import edm_loss

SIGMA_DATA = 0.8
START = 10.0
"""Level at which samples of these networks start; they are hardly trained above."""


@dataclass(frozen=True)
class Member:
    """One of the networks trained side by side: its training set ``(N, *shape)`` and its law of noise levels, ``ln
    sigma ~ N(P_mean, P_std^2)``.
    """

    images: Tensor
    P_mean: float = -0.4
    P_std: float = 1.3


@dataclass(frozen=True)
class Look:
    """The networks after ``step`` steps, one denoiser for each member."""

    step: int
    denoisers: list[EDMDenoiser] = field(repr=False)


def train_members(
    members: Sequence[Member],
    width: int,
    steps: int,
    looks: Sequence[int],
    generator: torch.Generator,
    *,
    depth: int = 1,
    batch: int = 64,
    rate: float = 2e-3,
) -> Iterator[Look]:
    """Train an MLP on each member's images and yield a :class:`Look` after each number of steps in ``looks`` and at
    the end.

    Adam, its rate falling linearly to 0; first weights and batches differ between members. float32 on the device of
    the images.
    """
    shape, device = tuple(members[0].images.shape[1:]), members[0].images.device
    with torch.random.fork_rng(devices=[]):  # layers draw their first weights from the global generator
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        networks = SideBySide([MLP(shape, width, depth) for _ in members])
    model = EDMDenoiser(networks, SIGMA_DATA).to(device)
    P_mean, P_std = (
        torch.tensor([getattr(member, name) for member in members], device=device).repeat_interleave(batch)
        for name in ("P_mean", "P_std")
    )

    pool = torch.cat([member.images for member in members])
    sizes = [len(member.images) for member in members]
    firsts = [0, *accumulate(sizes[:-1])]

    def loss(model: nn.Module, generator: torch.Generator) -> Tensor:
        picked = [
            first + torch.randint(size, (batch,), generator=generator)
            for first, size in zip(firsts, sizes, strict=True)
        ]
        x0 = pool[torch.cat(picked).to(device)]
        total = edm_loss(model, x0, generator, P_mean=P_mean, P_std=P_std, sigma_data=SIGMA_DATA)
        return len(members) * total  # the sum of their losses trains each as if alone

    optimizer = torch.optim.Adam(model.parameters(), lr=rate, fused=True)  # one pass over all weights
    run = train(model, loss, optimizer, steps, generator=generator, schedule=lambda step: 1 - step / (steps + 1))
    for done in run:
        if done.step in looks or done.step == steps:
            yield Look(done.step, [EDMDenoiser(networks.member(m), SIGMA_DATA) for m in range(len(members))])


def sample_from(denoiser: Denoiser, noise: Tensor, start: float = START, steps: int = 18) -> Tensor:
    """Heun samples from ``start`` times the standard normal ``noise (B, *shape)``, which several models may share."""
    return last(heun(denoiser, start * noise, edm_sigmas(steps, sigma_max=start)))


def sample_together(denoisers: Sequence[EDMDenoiser], noise: Tensor) -> list[Tensor]:
    """:func:`sample_from` each of some networks of one width, all from the same ``noise`` and in one batch."""
    networks = SideBySide([denoiser.network for denoiser in denoisers])
    repeated = torch.cat([noise] * len(denoisers))
    return list(sample_from(EDMDenoiser(networks, SIGMA_DATA), repeated).chunk(len(denoisers)))
