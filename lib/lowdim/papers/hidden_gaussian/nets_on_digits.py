"""Experiments on networks trained on digits: size of the training set, time, capacity, law of the noise levels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from lowdim.data.digits import load_digits
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.networks import EDMDenoiser
from lowdim.distributions import Empirical, Gaussian
from lowdim.metrics.memorisation import THRESHOLD, nearest_ratio
from lowdim.papers.hidden_gaussian.nets import Look, Member, sample_together, train_members
from lowdim.papers.hidden_gaussian.scores import centred_cosine, linearity_score, noisy, root_mean_square
from lowdim.papers.hidden_gaussian.settings import PROFILES
from lowdim.papers.hidden_gaussian.theory import gaussian_flow
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

SIZES = (40, 40, 750, 750, 1500)
"""Training digits of the five networks: two disjoint pairs, and all."""
FEW, MANY, ALL = slice(0, 2), slice(2, 4), slice(4, 5)
SIGMAS = (0.15, 0.3, 0.6, 1.25, 2.5, 5.0, 10.0)
NARROW = 24
LAWS = ((-1.2, 1.2), (0.5, 2.0))
"""The usual law of ``ln sigma``, and one that covers the levels up to 80."""


@dataclass(frozen=True)
class Run:
    """Networks trained at one seed: their training sets, what is held out, the networks at each look, the noise that
    all samples start from, and samples of all networks but that on all digits, at each look.
    """

    sets: list[Tensor]
    test: Tensor
    centre: Tensor
    looks: list[Look]
    noise: Tensor
    samples: list[list[Tensor]]

    @property
    def last(self) -> list[EDMDenoiser]:
        """The networks at the end of training."""
        return self.looks[-1].denoisers

    @property
    def few(self) -> Run:
        """The networks on few digits alone."""
        looks = [replace(look, denoisers=look.denoisers[FEW]) for look in self.looks]
        return replace(self, sets=self.sets[FEW], looks=looks, samples=[row[FEW] for row in self.samples])


@lru_cache(maxsize=2)
def train_run(profile: str, seed: int, device: str, width: int) -> Run:
    """The networks on few and many digits, or only those on few where ``width`` is :data:`NARROW`.

    Cached, because two experiments look at the same networks.
    """
    settings, where = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "hidden-gaussian", "digit-nets")
    images, test = (load_digits(split).images.to(where) for split in ("train", "test"))
    order = torch.randperm(len(images), generator=generator)
    half = len(images) // 2
    sets = [images[order[:40]], images[order[half : half + 40]], images[order[:half]], images[order[half:]], images]
    noise = torch.randn(settings.net_samples, *images.shape[1:], generator=generator).to(where)
    narrow = width == NARROW
    sets = sets[FEW] if narrow else sets
    steps = settings.net_steps
    looks = [max(1, round(steps * share)) for share in (0.025, 0.05, 0.1, 0.15, 0.25, 0.4, 0.6)]
    stream = make_generator(seed, "hidden-gaussian", "digit-nets", "training", width)
    members = [Member(x) for x in sets]
    taken = list(train_members(members, width, steps, looks, stream))
    samples = [sample_together(look.denoisers[: MANY.stop], noise) for look in taken]
    return Run(sets, test, images.mean(0), taken, noise, samples)


def distances(run: Run, generator: torch.Generator) -> tuple[np.ndarray, np.ndarray]:
    """RMSE of every network at every look to the Gaussian denoiser and to the denoiser of its training set, on held-out
    digits: two arrays ``(looks, members, levels)``.
    """
    laws = [Gaussian.from_samples(x.cpu().double()) for x in run.sets]
    remembered = [Empirical(x.cpu().double()) for x in run.sets]
    shape = (len(run.looks), len(run.sets), len(SIGMAS))
    to_gaussian, to_set = np.zeros(shape), np.zeros(shape)
    for k, sigma in enumerate(SIGMAS):
        y = noisy(run.test.cpu(), sigma, generator)
        targets = [(law(y, sigma), exact(y, sigma)) for law, exact in zip(laws, remembered, strict=True)]
        for i, look in enumerate(run.looks):
            for j, denoiser in enumerate(look.denoisers):
                with torch.no_grad():
                    found = denoiser(y.to(run.test), sigma).cpu()
                to_gaussian[i, j, k], to_set[i, j, k] = (float(root_mean_square(found, t).mean()) for t in targets[j])
    return to_gaussian, to_set


def agreement(run: Run, first: int, second: int) -> np.ndarray:
    """Mean centred cosine of two networks' samples from the same noise, at every look."""
    return np.array([float(centred_cosine(row[first], row[second], run.centre).mean()) for row in run.samples])


def digit_nets(profile: str, seed: int, device: str) -> Record:
    """Networks on 40, 750 and 1500 digits: claims G9 to G12 and G14."""
    settings = PROFILES[profile]
    run = train_run(profile, seed, device, settings.net_width)
    generator = make_generator(seed, "hidden-gaussian", "digit-nets", "looks")
    to_gaussian, to_set = distances(run, generator)
    end = to_gaussian[-1]
    scores = _linearity(run, settings.score_pairs, generator)
    few, many = (agreement(run, *pair) for pair in ((0, 1), (2, 3)))
    at = {sigma: SIGMAS.index(sigma) for sigma in (1.25, 0.6, 0.3)}
    gain = scores[ALL].mean(0) - scores[FEW].mean(0)
    early = to_gaussian[:, FEW].mean(1)
    record = Record(
        claims={
            "02-G9a": gain[at[0.6]],
            "02-G9b": gain[at[0.3]],
            "02-G10": (end[FEW].mean(0) / end[ALL].mean(0))[list(at.values())].min(),
            "02-G11a": (to_set[-1, 4] / end[4])[at[0.6]],
            "02-G11b": (to_set[-1, 4] / end[4])[at[0.3]],
            "02-G12": max((early.min(0) / early[-1])[[at[0.6], at[0.3]]]),
            "02-G14a": many[-1],
            "02-G14b": few[-1],
            "02-G14c": few[_most_gaussian(to_gaussian)] - few[-1],
        },
        arrays={"sigmas": np.array(SIGMAS), "steps": np.array([look.step for look in run.looks])},
    )
    record.arrays |= {"to_gaussian": to_gaussian, "to_set": to_set, "linearity": scores}
    record.arrays |= {"agreement": np.stack([few, many])}
    _references(run, settings.score_pairs, generator, record)
    _risks(run, generator, record)
    _pictures(run, _most_gaussian(to_gaussian), record)
    return record


def _most_gaussian(to_gaussian: np.ndarray) -> int:
    """The look at which the networks on 40 digits are nearest to the Gaussian denoiser, at noise level 0.6."""
    return int(to_gaussian[:, FEW, SIGMAS.index(0.6)].mean(1).argmin())


def _references(run: Run, pairs: int, generator: torch.Generator, record: Record) -> None:
    """What a network that only remembers would show: the distance between the two exact denoisers of 40 and of 1500
    digits, and the linearity score of the one that remembers 40.
    """
    between = np.zeros((2, len(SIGMAS)))
    test = run.test.cpu().double()
    for i, member in enumerate((0, 4)):
        training = run.sets[member].cpu().double()
        law, exact = Gaussian.from_samples(training), Empirical(training)
        for k, sigma in enumerate(SIGMAS):
            y = noisy(test, sigma, generator)
            between[i, k] = float(root_mean_square(law(y, sigma), exact(y, sigma)).mean())
    remembered, centre = Empirical(run.sets[0].cpu().double()), run.centre.cpu().double()
    scores = [linearity_score(remembered, test, s, generator, centre=centre, pairs=pairs).cosine for s in SIGMAS]
    record.arrays |= {"between": between, "linearity_remembered": np.array(scores)}


def _linearity(run: Run, pairs: int, generator: torch.Generator) -> np.ndarray:
    """Centred linearity score ``(members, levels)`` at the end of training, on held-out digits."""
    test, centre = run.test.cpu(), run.centre

    def score(denoiser: Denoiser, sigma: float) -> float:
        on_device = lambda x, s: denoiser(x.to(run.test), s).cpu()  # noqa: E731
        return linearity_score(on_device, test, sigma, generator, centre=centre.cpu(), pairs=pairs).cosine

    return np.array([[score(denoiser, sigma) for sigma in SIGMAS] for denoiser in run.last])


def _risks(run: Run, generator: torch.Generator, record: Record) -> None:
    """Squared error on the training set and on held-out digits of the first networks on 40 and 750 digits, beside both
    exact denoisers of their sets: ``(2 sizes, 3 denoisers, 2 laws, levels)``.
    """
    table = np.zeros((2, 3, 2, len(SIGMAS)))
    for i, member in enumerate((0, 2)):
        training = run.sets[member].cpu()
        rivals = Gaussian.from_samples(training.double()), Empirical(training.double())
        for k, sigma in enumerate(SIGMAS):
            for law, clean in enumerate((training, run.test.cpu())):
                x = clean.repeat(-(-1500 // len(clean)), 1, 1, 1)
                y = noisy(x, sigma, generator)
                with torch.no_grad():
                    denoised = [run.last[member](y.to(run.test), sigma).cpu(), *(rival(y, sigma) for rival in rivals)]
                table[i, :, law, k] = [float((d - x).square().sum((1, 2, 3)).mean()) for d in denoised]
    record.arrays["risk"] = table


def _pictures(run: Run, early: int, record: Record) -> None:
    """Samples from the same noise: of the networks early and late, and of the Gaussian models of their sets."""
    law = Gaussian.from_samples(run.sets[2].cpu().double())
    gaussian = gaussian_flow(law, 10.0 * run.noise.cpu().double(), 10.0, 0.002).float()
    rows = [*run.samples[early][FEW], *run.samples[-1], gaussian.to(run.noise)]
    record.arrays |= {"samples": torch.stack([x[:8] for x in rows]).cpu().numpy()}
    record.arrays["early_step"] = np.array(run.looks[early].step)
    for member, size in ((0, 40), (2, 750)):
        share = float((nearest_ratio(run.samples[-1][member], run.sets[member]) < THRESHOLD).double().mean())
        record.number(f"copies-of-{size}-digits", share, tolerance=0.1)
    close = centred_cosine(run.samples[-1][2].cpu(), gaussian, run.centre.cpu())
    record.number("cosine-to-gaussian-samples-750", float(close.mean()), tolerance=0.03)


def capacity(profile: str, seed: int, device: str) -> Record:
    """Narrow against wide networks on 40 digits (claim G13)."""
    settings = PROFILES[profile]
    generator = make_generator(seed, "hidden-gaussian", "capacity")
    runs = [train_run(profile, seed, device, width).few for width in (NARROW, settings.net_width)]
    to_gaussian = np.stack([distances(run, generator)[0].mean(1) for run in runs])  # (widths, looks, levels)
    cosines = np.stack([agreement(run, 0, 1) for run in runs])
    at = SIGMAS.index(0.6)
    return Record(
        claims={
            "02-G13a": float(to_gaussian[0, -1, at] / to_gaussian[1, -1, at]),
            "02-G13b": float(cosines[0, -1] - cosines[1, -1]),
            "02-G13c": noise_left(runs[0]) / noise_left(runs[1]),
        },
        arrays={
            "steps": np.array([look.step for look in runs[0].looks]),
            "widths": np.array((NARROW, settings.net_width)),
            "sigmas": np.array(SIGMAS),
            "to_gaussian": to_gaussian,
            "agreement": cosines,
        },
    )


def noise_left(run: Run) -> float:
    """Standard deviation of the first network's samples at pixels that are blank in all digits."""
    digits = load_digits("train").images
    blank = digits.flatten(1).std(0) < 0.03
    return float(run.samples[-1][0].cpu().flatten(1)[:, blank].std())


def noise_law(profile: str, seed: int, device: str) -> Record:
    """The usual law of noise levels in training against one that reaches the highest level (claim G17)."""
    settings, where = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "hidden-gaussian", "noise-law")
    images, test = load_digits("train").images.to(where), load_digits("test").images
    members = [Member(images, *law) for law in LAWS]
    (look,) = train_members(members, settings.net_width, settings.law_steps, (), generator)
    law = Gaussian.from_samples(images.cpu().double())
    sigmas = (*SIGMAS, 20.0, 40.0, 80.0)
    table = np.zeros((len(LAWS), len(sigmas)))
    for k, sigma in enumerate(sigmas):
        y = noisy(test, sigma, generator)
        for j, denoiser in enumerate(look.denoisers):
            with torch.no_grad():
                found = denoiser(y.to(images), sigma).cpu()
            table[j, k] = float(root_mean_square(found, law(y, sigma)).mean())
    return Record(
        claims={"02-G17": float((table[0] / table[1])[-3:].min())},
        arrays={"sigmas": np.array(sigmas), "rmse": table, "laws": np.array(LAWS)},
    )
