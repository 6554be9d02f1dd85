"""Experiments on free-form networks: from memorising to generalising as the samples of each cluster grow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lowdim.denoising.ensemble import Ensemble
from lowdim.denoising.grids import edm_sigmas
from lowdim.denoising.networks import MLP, EDMDenoiser
from lowdim.denoising.samplers import heun, last
from lowdim.distributions import MoLRG
from lowdim.metrics.memorisation import generalisation_score
from lowdim.metrics.subspaces import max_subspace_energy
from lowdim.papers.subspace_clustering.pictures import rank_ratios
from lowdim.papers.subspace_clustering.settings import PROFILES, Settings
from lowdim.papers.subspace_clustering.synthetic import crossing
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator
from lowdim.training.loop import train, warm_up_then_cosine
from lowdim.training.losses import edm_loss

GENERATED = 500
ERROR_SIGMAS = (0.1, 0.25, 0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Trained:
    """An ensemble after training: the denoiser of all members, its Ensemble, the data model and each member's
    training set.
    """

    denoiser: EDMDenoiser
    ensemble: Ensemble
    model: MoLRG
    training: list[Tensor]


def train_ensemble(
    n: int, rank: int, ratios: tuple[float, ...], settings: Settings, generator: torch.Generator
) -> Trained:
    """One MLP for each of ``ratios`` (samples of a cluster over rank d, K = 2), all trained side by side with EDM's
    loss.
    """
    device = generator.device
    model = MoLRG.random(n, (rank, rank), generator, dtype=torch.float32)
    training = [model.sample(round(2 * ratio * rank), generator) for ratio in ratios]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator, device=device)))
        ensemble = Ensemble([MLP(n, settings.net_width, settings.net_depth) for _ in ratios])
    denoiser = EDMDenoiser(ensemble, (rank / n) ** 0.5).to(device)

    def step(network: torch.nn.Module, generator: torch.Generator) -> Tensor:
        rows = [torch.randint(len(x), (settings.net_batch,), generator=generator, device=device) for x in training]
        batch = torch.cat([x[row] for x, row in zip(training, rows, strict=True)])
        return len(ratios) * edm_loss(network, batch, generator)

    steps = settings.net_steps
    optimizer = torch.optim.Adam(denoiser.parameters(), lr=1e-3)
    for _ in train(denoiser, step, optimizer, steps, generator=generator, schedule=warm_up_then_cosine(steps, 100)):
        pass
    return Trained(denoiser.eval(), ensemble, model, training)


def generate(trained: Trained, generator: torch.Generator) -> Tensor:
    """Samples (M, 500, n) of every member by 18 steps of EDM's Heun sampler."""
    sigmas = edm_sigmas(18)
    shape = (trained.ensemble.count * GENERATED, trained.model.n)
    start = float(sigmas[0]) * torch.randn(shape, generator=generator, device=generator.device)
    with torch.no_grad():
        return trained.ensemble.split(last(heun(trained.denoiser, start, sigmas)))


def measure(trained: Trained, generator: torch.Generator) -> dict[str, Tensor]:
    """For every member: GL score of its samples and of fresh true ones, their energy in the best cluster, and the
    relative RMSE to Lemma 1 at :data:`ERROR_SIGMAS` on fresh points.
    """
    samples, fresh = generate(trained, generator), trained.model.sample(GENERATED, generator)
    bases = torch.stack(trained.model.bases)
    count = trained.ensemble.count
    rows = []
    for sigma in ERROR_SIGMAS:
        x = fresh + sigma * torch.randn(fresh.shape, generator=generator, device=fresh.device)
        exact = trained.model.denoise(x, sigma)
        with torch.no_grad():
            found = trained.ensemble.split(trained.denoiser(x.repeat(count, 1), sigma))
        rows.append(((found - exact).square().sum((1, 2)) / exact.square().sum()).sqrt())
    return {
        "gl": torch.tensor([generalisation_score(s, x) for s, x in zip(samples, trained.training, strict=True)]),
        "gl_fresh": torch.tensor([generalisation_score(fresh, x) for x in trained.training]),
        "energy": max_subspace_energy(samples, bases).mean(-1).cpu(),
        "error": torch.stack(rows, -1).cpu(),
    }


def memorise(profile: str, seed: int, device: str) -> Record:
    """GL score of MLPs against samples per dimension, for several (n, d): claims C11 and C12; means over replicates."""
    settings = PROFILES[profile]
    where = check_device(device)
    ratios, shapes = settings.net_ratios, settings.net_shapes
    tables: dict[tuple[int, int], dict[str, Tensor]] = {}
    for n, rank in shapes:
        rows = []
        for replicate in range(settings.net_replicates):
            generator = make_generator(seed, "subspace-clustering", "memorise", n, rank, replicate, device=where)
            rows.append(measure(train_ensemble(n, rank, ratios, settings, generator), generator))
        tables[n, rank] = {key: torch.stack([row[key] for row in rows]) for key in rows[0]}
    curves = {shape: table["gl"].mean(0) for shape, table in tables.items()}
    first = curves[shapes[0]]
    record = Record(
        claims={
            "01-C11a": float(first[ratios.index(3)]),
            "01-C11b": float(first[-1]),
            "01-C11c": float((first.cummax(0).values - first).max()),
        },
        arrays={"ratios": np.array(ratios), "shapes": np.array(shapes), "sigmas": np.array(ERROR_SIGMAS)},
    )
    half = {shape: half_point(ratios, curve) for shape, curve in curves.items()}
    for claim, same in (("01-C11d", 0), ("01-C12b", 1)):  # same n, other d; same d, other n
        values = [value for shape, value in half.items() if shape[same] == shapes[0][same]]
        if len(values) > 1:
            record.claims[claim] = max(values) / min(values)
    record.number("half-point", half[shapes[0]], "samples per dimension", tolerance=20.0)
    record.number("gl-of-fresh-samples", float(tables[shapes[0]]["gl_fresh"].mean()), tolerance=0.05)
    for (n, rank), table in tables.items():
        record.arrays |= {f"{key}-{n}-{rank}": value.numpy() for key, value in table.items()}
    return record


def half_point(ratios: tuple[float, ...], curve: Tensor) -> float:
    """Samples per dimension at which the GL score crosses the middle of its range, interpolated in the logarithm."""
    middle = float(curve.min() + curve.max()) / 2
    return float(np.exp(crossing(torch.tensor(ratios).log(), curve, middle)))


def network_rank(profile: str, seed: int, device: str) -> Record:
    """Numerical rank of the Jacobian of an MLP trained on MoLRG, n = 48, K = 2, d = 6, beside the exact one (C13)."""
    settings = PROFILES[profile]
    where = check_device(device)
    generator = make_generator(seed, "subspace-clustering", "network-rank", device=where)
    trained = train_ensemble(48, 6, (100.0,), settings, generator)
    clean = trained.model.sample(settings.network_points, generator)
    snr = torch.logspace(-1.7, 2.7, settings.network_levels, dtype=torch.float64)
    ratio = rank_ratios(trained.denoiser, clean, snr, generator)
    exact = rank_ratios(trained.model.to(dtype=torch.float64), clean.double(), snr, generator)
    lowest = int(ratio.argmin())
    record = Record(
        claims={
            "01-C13a": float(ratio[lowest]),
            "01-C13c": float(torch.minimum(ratio[0], ratio[-1]) / ratio[lowest]),
        },
        arrays={"snr": snr, "ratio": ratio, "exact": exact},
    )
    record.number("network-lowest-rank-snr", float(snr[lowest]), tolerance=1.0)
    return record
