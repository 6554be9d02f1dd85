"""The linear shortcut: canonical correlations of clips that share an appearance and a slope."""

from __future__ import annotations

import numpy as np

from lowdim.papers.vididi.settings import PROFILES
from lowdim.papers.vididi.theory import canonical, crossover, difference_matrix, shortcut
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

FRAMES, NOISE = 8, 0.5
PLAIN, MIXED, BOTH = (0, 0), (0, 1), (1, 1)
KINDS = {"plain": PLAIN, "mixed": MIXED, "both": BOTH}
SPREADS = np.geomspace(0.3, 30, 13)


def sample_pairs(
    pairs: int, sigma_a: float, dice: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Appearances and slopes (pairs,) and both clips (pairs, frames)."""
    a, c = sigma_a * dice.standard_normal(pairs), dice.standard_normal(pairs)
    time = np.arange(FRAMES) - (FRAMES - 1) / 2
    clean = a[:, None] + c[:, None] * time
    first, second = (clean + NOISE * dice.standard_normal(clean.shape) for _ in range(2))
    return a, c, first, second


def measured(orders: tuple[int, int], sigma_a: float, pairs: int, dice: np.random.Generator) -> tuple[float, float]:
    """Absolute correlations of the first canonical variate of view 1 with appearance and slope."""
    a, c, first, second = sample_pairs(pairs, sigma_a, dice)
    length = FRAMES - max(orders)
    views = [x @ difference_matrix(FRAMES, n)[:length].T for x, n in zip((first, second), orders, strict=True)]
    _, variate = canonical(*views)
    return tuple(float(abs(np.corrcoef(variate, factor)[0, 1])) for factor in (a, c))  # type: ignore[return-value]


def canonical_pairs(profile: str, seed: int, device: str) -> Record:
    """What the first canonical variate follows, by the spread of appearance and the kind of pair."""
    check_device(device)
    pairs = PROFILES[profile].pairs
    dice = np.random.default_rng(make_generator(seed, "vididi", "canonical").initial_seed())
    found = {name: np.array([measured(orders, s, pairs, dice) for s in SPREADS]) for name, orders in KINDS.items()}
    ten = {name: measured(orders, 10.0, pairs, dice) for name, orders in KINDS.items()}
    fine = np.geomspace(SPREADS[0], SPREADS[-1], 200)
    theory = {name: [shortcut(orders, s, noise=NOISE) for s in fine] for name, orders in KINDS.items()}
    record = Record(
        claims={
            "10-V8a": ten["plain"][1],
            "10-V8b": min(ten["mixed"][1], ten["both"][1]),
            "10-V8c": max(ten["mixed"][0], ten["both"][0]),
        }
    )
    record.number("plain-appearance", ten["plain"][0], tolerance=0.001)
    record.arrays |= {"spreads": SPREADS, "fine": fine, "crossover": np.array(crossover(frames=FRAMES))}
    for name in KINDS:
        record.arrays[name] = found[name]
        record.arrays[f"theory-{name}"] = np.array([[one.appearance, one.motion] for one in theory[name]])
    return record
