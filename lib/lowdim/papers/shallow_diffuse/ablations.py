"""What each choice of the method is worth: level, radius and strength, pattern, channels, averaging, several keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lowdim.denoising.denoiser import Denoiser
from lowdim.papers.shallow_diffuse import world
from lowdim.papers.shallow_diffuse.detect import correlation, cosines
from lowdim.papers.shallow_diffuse.keys import Key, make_key, merge, sectors
from lowdim.papers.shallow_diffuse.settings import PROFILES
from lowdim.papers.shallow_diffuse.watermark import Embedded, ShallowDiffuse, coefficients
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

CONDITIONS = ("as saved", "noise 0.05", "JPEG 75", "DiffPure 0.1T")
RADII = (5, 6, 8, 10)
STRENGTHS = (1.0, 1.5, 2.5, 3.5)
COUNTS = (1, 2, 4, 8)


class Outcome(NamedTuple):
    """Decibels, the rate of detection and the correlation under each condition."""

    decibels: float
    rates: np.ndarray
    correlations: np.ndarray

    @property
    def rate(self) -> float:
        """The mean rate over the conditions."""
        return float(self.rates.mean())

    def row(self) -> np.ndarray:
        """All as one row."""
        return np.concatenate([[self.decibels], self.rates, self.correlations])


class Bench:
    """The same states and unmarked pictures for every variant of a key at one level."""

    def __init__(self, profile: str, seed: int, device: str, name: str, share: float = world.INJECTION) -> None:
        self.settings, self.where, self.seed = PROFILES[profile], check_device(device), seed
        self.generator = make_generator(seed, "shallow-diffuse", name, str(share))
        self.denoiser: Denoiser = world.network(str(self.where))
        self.grid = world.tail(self.settings.steps, share)
        sigma = float(self.grid[0])
        self.states = world.faces_at(sigma, self.settings.ablation_pairs, self.generator).to(self.where)
        self.clean: Tensor | None = None
        self.lifted: dict[str, Tensor] = {}

    def embed(self, key: Key, average: bool = True) -> tuple[ShallowDiffuse, Embedded]:
        """The key in all states."""
        method = ShallowDiffuse(self.denoiser, key, self.grid, average=average)
        found = method.embed_state(self.states, self.clean)
        self.clean = found.clean
        return method, found

    def outcome(self, key: Key, others: Sequence[Key], average: bool = True) -> Outcome:
        """The key in all states, read again under each condition."""
        method, found = self.embed(key, average)
        results = []
        for name in CONDITIONS:
            read = method.read(self.attacked(found.marked, name))
            results.append(world.judge_read(read, self.unmarked(method, name), key, others))
        rates, means = np.array([r.rate.value for r in results]), np.array([r.mean for r in results])
        return Outcome(world.distortion_of(found.marked, found.clean), rates, means)

    def unmarked(self, method: ShallowDiffuse, name: str) -> Tensor:
        """What is read in the unmarked pictures after the attack; they are inverted once for all keys."""
        if name not in self.lifted:
            self.lifted[name] = method.lift(self.attacked(self.clean, name))  # type: ignore[arg-type]
        return coefficients(self.lifted[name], method.key) / (1 + method.sigma**2) ** 0.5

    def attacked(self, pictures: Tensor, name: str) -> Tensor:
        """The pictures after the attack of that name."""
        return world.attack_named(name, self.denoiser, self.settings.steps, self.seed)(pictures)

    def keys(self, band: tuple[int, int] = world.BAND, **options: object) -> tuple[Key, list[Key]]:
        """A key of the band and channel of the chapter, changed by options, and keys that are not written."""
        chosen = {"channels": world.CHANNEL, "strength": world.STRENGTH} | options
        key = make_key(world.SIZE, *band, self.generator, **chosen)  # type: ignore[arg-type]
        return key, world.other_keys(self.settings.other_keys, self.seed, band, **chosen)


def level(profile: str, seed: int, device: str) -> Record:
    """Distortion and detection by level of injection, in both bands (claims S9)."""
    shares = PROFILES[profile].depths
    rows = np.zeros((2, len(shares), 1 + 2 * len(CONDITIONS)))
    for j, share in enumerate(shares):
        bench = Bench(profile, seed, device, "level", share)
        for i, band in enumerate((world.LOW_BAND, world.BAND)):
            key, others = bench.keys(band=band)
            rows[i, j] = bench.outcome(key, others, average=i == 1).row()
    decibels, rate = rows[..., 0], rows[..., 1 : 1 + len(CONDITIONS)].mean(-1)
    product = decibels[1] * rate[1]
    record = Record(arrays={"shares": np.array(shares), "rows": rows})
    if 1.0 in shares and 0.3 in shares:
        shallow = np.array(shares) <= 0.5
        at = shares.index(0.3)
        record.claims |= {
            "06-S9a": product[shallow].max() - product[~shallow].max(),
            "06-S9b": decibels[0, at] - decibels[0, -1],
        }
    return record


def budget(profile: str, seed: int, device: str) -> Record:
    """Distortion against detection: the outer radius at fixed strength, and the strength at fixed radius (S10)."""
    bench = Bench(profile, seed, device, "budget")
    radii = np.stack([bench.outcome(*bench.keys(band=(world.BAND[0], radius), strength=1.5)).row() for radius in RADII])
    strengths = np.stack([bench.outcome(*bench.keys(strength=strength)).row() for strength in STRENGTHS])
    found = slice(1 + len(CONDITIONS), None)
    slope = np.diff(strengths[:, 0]) / np.diff(20 * np.log10(STRENGTHS))
    return Record(
        claims={
            "06-S10a": rank_correlation(RADII, radii[:, 0]),
            "06-S10b": rank_correlation(RADII, radii[:, found].mean(1)),
            "06-S10c": float(slope.min()),
        },
        arrays={
            "radii": np.array(RADII),
            "by_radius": radii,
            "strengths": np.array(STRENGTHS),
            "by_strength": strengths,
        },
    )


def rank_correlation(a: Sequence[float], b: np.ndarray) -> float:
    """Spearman's rank correlation."""
    from scipy.stats import spearmanr

    return float(spearmanr(np.asarray(a), b).statistic)


def patterns(profile: str, seed: int, device: str) -> Record:
    """Rings, random coefficients and zeros in both bands (claims S12)."""
    bench = Bench(profile, seed, device, "patterns")
    names = ("rings", "random", "zero")
    rows = np.zeros((2, len(names), 1 + 2 * len(CONDITIONS)))
    separations, strangers = np.zeros((2, len(names))), np.zeros(len(names))
    for i, band in enumerate((world.LOW_BAND, world.BAND)):
        for j, pattern in enumerate(names):
            key, others = bench.keys(band=band, pattern=pattern)
            rows[i, j] = bench.outcome(key, others).row()
            separations[i, j] = _separation(bench, key)
            if i == 1 and pattern != "zero":
                strangers[j] = _strangers(bench, key, others)
    return Record(
        claims={
            "06-S12a": float((rows[1, :2, 0] - rows[0, :2, 0]).min()),
            "06-S12b": float(separations[1, 0] - separations[1, 2]),
            "06-S12c": float(separations[1, 0] - separations[1, 1]),
            "06-K1": strangers[0],
            "06-K2": strangers[1],
        },
        arrays={"names": np.array(names), "rows": rows, "separations": separations, "strangers": strangers},
    )


def _strangers(bench: Bench, key: Key, others: Sequence[Key]) -> float:
    """The share of keys that nobody wrote which a marked picture seems to carry, at the threshold of 1 %."""
    method, found = bench.embed(key)
    read = method.read(bench.attacked(found.marked, "as saved"))
    threshold = world.judge_read(read, bench.unmarked(method, "as saved"), key, others).threshold
    values = torch.stack([other.marked_values for other in others])
    return float((cosines(read, values) > threshold).double().mean())


def _separation(bench: Bench, key: Key) -> float:
    """``d'`` between marked and unmarked pictures after noise: defined for a key of zeros too, which has no other key
    to be compared with.
    """
    method, found = bench.embed(key)
    pair = [correlation(method.read(bench.attacked(x, "noise 0.05")), key) for x in (found.marked, found.clean)]
    spread = torch.stack([x.std() for x in pair]).square().mean().sqrt()
    return float((pair[0].mean() - pair[1].mean()) / spread)


def channels(profile: str, seed: int, device: str) -> Record:
    """One axis of colour, all three, and the other axes taken from the unmarked picture or not (claims S13, S14)."""
    bench = Bench(profile, seed, device, "channels")
    rows = [bench.outcome(*bench.keys(channels=c)) for c in (0, 1, 2, (0, 1, 2))]
    plain = bench.outcome(*bench.keys(), average=False)
    single = rows[world.CHANNEL]
    return Record(
        claims={
            "06-S13": single.decibels - rows[3].decibels,
            "06-S14a": single.decibels - plain.decibels,
            "06-S14b": single.rate - plain.rate,
        },
        arrays={"rows": np.stack([outcome.row() for outcome in (*rows, plain)])},
    )


def several_keys(profile: str, seed: int, device: str) -> Record:
    """One band shared by several keys, each read on its own (claim S16)."""
    bench = Bench(profile, seed, device, "several-keys")
    whole = bench.keys(strength=1.5)[0]
    rates, correlations = np.zeros(len(COUNTS)), np.zeros(len(COUNTS))
    for i, count in enumerate(COUNTS):
        written = sectors(whole, count, bench.generator)
        method, found = bench.embed(merge(written))
        others = [sectors(whole, count, bench.generator) for _ in range(bench.settings.other_keys)]
        results = []
        for name in CONDITIONS:
            lifted = method.lift(bench.attacked(found.marked, name))
            bench.unmarked(method, name)
            for j in range(count):
                results.append(_read_sector(lifted, bench.lifted[name], written, others, j, method.sigma))
        rates[i] = np.mean([r.rate.value for r in results])
        correlations[i] = np.mean([r.mean for r in results])
    return Record(
        claims={"06-S16": rank_correlation(COUNTS, rates) if np.ptp(rates) > 0 else 0.0},
        arrays={"counts": np.array(COUNTS), "rates": rates, "correlations": correlations},
    )


def _read_sector(
    lifted: Tensor, unmarked: Tensor, written: Sequence[Key], others: Sequence[Sequence[Key]], sector: int, sigma: float
) -> world.Found:
    key, scale = written[sector], (1 + sigma**2) ** 0.5
    read, plain = (coefficients(x, key) / scale for x in (lifted, unmarked))
    return world.judge_read(read, plain, key, [keys[sector] for keys in others])
