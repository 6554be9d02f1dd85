"""Experiments with trained networks: the methods in the plane, and on handwritten digits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lowdim.data.digits import load_digits
from lowdim.denoising.networks import MLP
from lowdim.denoising.velocities import FlowNetwork, generate, straightness
from lowdim.metrics.transport import sliced_wasserstein
from lowdim.papers.model_collapse.features import accuracy, train_classifier
from lowdim.papers.model_collapse.plane_data import balanced_sample, eight_gaussians, in_mode, quasi_noise
from lowdim.papers.model_collapse.reflow import Fit, first_flow, flows, frozen, ocar, rca_reflow
from lowdim.papers.model_collapse.rounds import Judge, as_arrays
from lowdim.papers.model_collapse.settings import PROFILES
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

PLANE_ARMS = ("plain", "current", "first", "ocar", "ocar-s", "ocar-later")
DIGIT_ARMS = ("plain", "current", "first")
RATIO = 0.5


def new_flow(network: Callable[[], nn.Module], generator: torch.Generator, time_scale: float = 1.0) -> FlowNetwork:
    """A flow with weights drawn from ``generator``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator, device=generator.device)))
        return FlowNetwork(network(), time_scale)


def arm_flows(arm: str, first: nn.Module, real: Tensor, rounds: int, fit: Fit, **options: Any) -> Iterator[nn.Module]:
    """The flows of an arm, from the first flow on: round 0, 1, ..."""
    yield first
    velocity = frozen(first).requires_grad_(True)
    online = replace(fit, pool=fit.batch)  # pairs that last for one step
    options["ratio"] = 0.0 if arm == "plain" else RATIO
    if arm == "ocar-later":
        yield from flows(rca_reflow(velocity, real, 1, fit, **options))
        yield from flows(ocar(velocity, real, rounds - 1, online, **options))
    elif arm in ("ocar", "ocar-s"):
        noise_std = 0.1 if arm == "ocar-s" else 0.0
        yield from flows(ocar(velocity, real, rounds, online, noise_std=noise_std, **options))
    else:
        yield from flows(rca_reflow(velocity, real, rounds, fit, through=first if arm == "first" else None, **options))


def count_calls(flow: nn.Module) -> list[int]:
    """A list whose sum is the number of points at which ``flow`` and its copies have been evaluated since."""
    calls: list[int] = []
    flow.register_forward_hook(lambda module, args, output: calls.append(len(args[0])))
    return calls


def plane_network(profile: str, seed: int, device: str) -> Record:
    """Plain Reflow, RCA Reflow with both reversals, OCAR and OCAR-S for an MLP in the plane, equal steps a round."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "model-collapse", "plane-network")
    model = eight_gaussians()
    real = model.sample(settings.mlp_probe, generator).float()
    fresh, other = (balanced_sample(settings.mlp_probe, generator).float() for _ in range(2))
    flow = new_flow(lambda: MLP(2, settings.mlp_width, 2), generator)
    base = Fit(steps=settings.mlp_first_steps, batch=256, learning_rate=3e-3)
    first = list(flows(first_flow(flow, real, base, generator=generator)))[-1]
    calls = count_calls(first)
    probe = quasi_noise(settings.mlp_probe, generator).float()
    fit = Fit(steps=settings.mlp_steps, batch=128, pool=settings.mlp_probe, learning_rate=3e-4)
    curves: list[list[tuple[float, float, float]]] = []
    cost: list[float] = []
    for arm in PLANE_ARMS:
        found: list[tuple[float, float, float]] = []
        calls.clear()
        spent = 0
        for current in arm_flows(arm, first, real, settings.mlp_rounds, fit, euler_steps=10, generator=generator):
            spent += sum(calls)
            x = generate(current, probe, 10)
            found.append((sliced_wasserstein(x, fresh), float(in_mode(x).double().mean()),
                          straightness(current, probe, 10)))  # fmt: skip
            calls.clear()
        curves.append(found)
        cost.append(spent / (settings.mlp_rounds * fit.steps * fit.batch))
    measured = dict(zip(("distance", "inside", "straight"), np.array(curves).transpose(2, 0, 1), strict=True))
    record = Record(arrays={**measured, "cost": np.array(cost)})
    record.arrays["floor"] = np.array(sliced_wasserstein(other, fresh))
    plain, *others = record["distance"]
    record.claims["03-M3a"] = plain[-1] / plain[0]
    for claim, row in zip(("03-M3b", "03-M3c", "03-M3d", "03-M3e", "03-M3f"), others, strict=True):
        record.claims[claim] = row[1:].mean() / plain[1:].mean()
    for arm, calls_made in zip(PLANE_ARMS, cost, strict=True):
        record.number(f"calls-{arm}", calls_made, "network calls a training sample", tolerance=0.5)
    return record


def digits(profile: str, seed: int, device: str) -> Record:
    """An MLP flow of handwritten digits over the rounds: generated pairs only, and both reversals of real digits."""
    settings = PROFILES[profile]
    where = check_device(device)
    generator = make_generator(seed, "model-collapse", "digits", device=where)
    train, test = load_digits("train"), load_digits("test")
    real = train.images.to(where)
    classifier = train_classifier(real, train.labels.to(where), (16, 32, 64), settings.digit_feature_steps)
    flow = new_flow(lambda: MLP((1, 8, 8), settings.digit_width, settings.digit_depth), generator).to(where)
    base = Fit(steps=settings.digit_first_steps, batch=settings.digit_batch, learning_rate=2e-3, warm_up=50)
    first = list(flows(first_flow(flow, real, base, generator=generator)))[-1]
    judge = Judge(real, classifier, settings.digit_euler, settings.digit_samples, generator)
    fit = Fit(steps=settings.digit_steps, batch=settings.digit_batch, pool=len(real), learning_rate=1e-3)
    record, begun = Record(), judge(first)
    for arm in DIGIT_ARMS:
        qualities, samples = [], []
        steps = {"euler_steps": settings.digit_euler, "generator": generator}
        for current in arm_flows(arm, first, real, settings.digit_rounds, fit, **steps):
            quality, images = begun if current is first else judge(current)
            qualities.append(quality)
            samples.append(images.cpu())
        record.arrays |= {f"{name}_{arm}": values for name, values in as_arrays(qualities).items()}
        record.arrays[f"samples_{arm}"] = torch.stack([rows[:10] for rows in samples]).numpy()
        if arm == "plain":
            _spectrum(real.cpu(), samples, record)
    _digit_claims(record)
    right = accuracy(classifier, test.images.to(where), test.labels.to(where))
    record.number("digit-classifier-accuracy", right, tolerance=0.02)
    return record


def _spectrum(real: Tensor, samples: list[Tensor], record: Record) -> None:
    """Variances of the samples along the principal directions of the data, and two pulls that may explain their drift:
    towards the mean of the data (variance 0), towards the source (variance 1).
    """
    centred = (real - real.mean(0)).flatten(1).double()
    vectors = torch.linalg.eigh(centred.T @ centred).eigenvectors.flip(-1)
    spectra = torch.stack([(rows - rows.mean(0)).flatten(1).double() @ vectors for rows in samples]).var(1)
    moved = (spectra[-1] - spectra[0]).square().sum()
    for claim, target in (("03-R13j", 0.0), ("03-R13k", 1.0)):
        away, back = spectra[0] - target, spectra[-1] - target
        factor = float((away * back).sum() / away.square().sum())
        record.claims[claim] = float((back - factor * away).square().sum() / moved)
        record.number(f"digit-factor-towards-{target:.0f}", factor, "of the distance kept, all rounds", tolerance=0.1)
    record.arrays |= {"spectra": spectra.numpy(), "real_spectrum": (centred @ vectors).var(0).numpy()}


def _digit_claims(record: Record) -> None:
    plain = record["frechet_plain"]
    record.claims |= {
        "03-R13a": plain[-1] / plain[0],
        "03-R13b": record["frechet_current"][2:5].mean() / plain[2:5].mean(),
        "03-R13c": record["frechet_first"][2:5].mean() / plain[2:5].mean(),
        "03-R13d": record["saturation_plain"][-1] - record["saturation_plain"][0],
        "03-R13e": record["recall_plain"][-1] - record["recall_plain"][0],
        "03-R13f": record["frechet_one_step_plain"][0] / record["frechet_one_step_plain"][1],
    }
    for name, key in (("frechet-first-flow", plain[0]), ("frechet-plain", plain[-1]),
                      ("frechet-current", record["frechet_current"][-1]),
                      ("frechet-first", record["frechet_first"][-1])):  # fmt: skip
        record.number(f"digit-{name}", key, tolerance=0.3 * float(key))
