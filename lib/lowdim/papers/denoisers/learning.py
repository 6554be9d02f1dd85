"""Experiment on learning: a small network trained on noisy samples approaches the exact denoiser."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.jacobian import full_jacobian
from lowdim.denoising.networks import MLP, EDMDenoiser
from lowdim.distributions import MoLRG
from lowdim.papers.denoisers.identities import paired_errors
from lowdim.papers.denoisers.models import add_noise, two_lines
from lowdim.papers.denoisers.pictures import HALF_WIDTH, density, lattice
from lowdim.papers.denoisers.settings import PROFILES
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator
from lowdim.training.ema import EMA
from lowdim.training.loop import train, warm_up_then_cosine
from lowdim.training.losses import edm_loss

SIGMA_DATA = math.sqrt(0.5)
LEVELS = (0.1, 0.2, 0.4, 0.8, 1.6)
PICTURE_SIGMA = 0.4
BATCH, P_MEAN, P_STD = 512, -0.8, 1.1


def learning(profile: str, seed: int, device: str) -> Record:
    """Train on samples of the two lines and compare with their exact denoiser on the way (claims D6b and D14)."""
    settings = PROFILES[profile]
    check_device(device)
    lines = two_lines(device)
    generator = make_generator(seed, "denoisers", "learning", device=device)
    losses, snapshots = trained_networks(lines, settings.training_steps, seed, generator)
    rows = [
        [paired_errors(lines, network, level, settings.evaluation_samples, generator) for level in LEVELS]
        for network in snapshots.values()
    ]
    best, error, distance = torch.tensor(rows, dtype=torch.float64).movedim(2, 0)
    floor = float(denoising_loss(lines, lines.sample(settings.evaluation_samples, generator), generator))
    learned = snapshots[settings.training_steps]
    starts = lattice(15, device, 0.93 * HALF_WIDTH)
    record = Record(
        claims={
            "00-D6b": float((error - best).sum() / distance.sum()),
            "00-D14": float((distance / best)[-1].max()),
        },
        arrays={
            "losses": losses, "floor": floor, "levels": LEVELS, "snapshots": list(snapshots),
            "best": best, "error": error, "distance": distance,
            "starts": starts, "density": density(lines, PICTURE_SIGMA, 140, device),
            "exact": lines(starts, PICTURE_SIGMA) - starts, "learned": learned(starts, PICTURE_SIGMA) - starts,
        },
    )  # fmt: skip
    x = add_noise(lines.sample(200, generator), PICTURE_SIGMA, generator)
    record.number("jacobian-asymmetry", asymmetry(learned, x, PICTURE_SIGMA), tolerance=0.02)
    return record


def trained_networks(
    lines: MoLRG, steps: int, seed: int, generator: torch.Generator
) -> tuple[list[float], dict[int, EDMDenoiser]]:
    """The loss of each step, and the averaged network after a 64th, a 16th, a quarter and all of the steps, each on
    fresh samples.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(make_generator(seed, "denoisers", "learning", "weights").initial_seed())
        model = EDMDenoiser(MLP(2, width=64, depth=3), SIGMA_DATA).to(lines.device)

    def loss_step(model: nn.Module, generator: torch.Generator) -> Tensor:
        return denoising_loss(model, lines.sample(BATCH, generator).float(), generator)

    average = EMA(model, decay=0.995)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    schedule = warm_up_then_cosine(steps, min(100, steps // 10))
    losses, snapshots = [], {}
    for step in train(model, loss_step, optimizer, steps, generator=generator, ema=average, schedule=schedule):
        losses.append(step.loss)
        if step.step in {max(1, steps // share) for share in (64, 16, 4, 1)}:
            snapshots[step.step] = copy.deepcopy(average.module)
    return losses, snapshots


def denoising_loss(denoiser: Denoiser, x0: Tensor, generator: torch.Generator) -> Tensor:
    """The weighted loss that the network minimises; of the exact denoiser it gives the floor."""
    return edm_loss(denoiser, x0, generator, P_mean=P_MEAN, P_std=P_STD, sigma_data=SIGMA_DATA)


def asymmetry(denoiser: Denoiser, x: Tensor, sigma: float) -> float:
    """``||J - J^T|| / ||J||`` over a batch; zero for the exact denoiser of any distribution."""
    jacobian = full_jacobian(denoiser, x, sigma)
    return float((jacobian - jacobian.mT).norm() / jacobian.norm())
