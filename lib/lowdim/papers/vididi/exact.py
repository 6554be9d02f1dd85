"""Experiments with closed answers: the series, differences, backgrounds, flicker, the schedule."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import torch
from torch import Tensor

from lowdim.data.motion import MOTIONS, coverage, elsewhere, render_scenes, sample_scenes
from lowdim.papers.vididi.clips import Clips
from lowdim.papers.vididi.differences import difference, newton
from lowdim.papers.vididi.schedule import PairSchedule
from lowdim.papers.vididi.settings import PROFILES
from lowdim.papers.vididi.theory import flicker_leak, frequency_gain, noise_gain
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

FRAMES, SIDE = 10, 32
SHOWN = 4
"""The scene that is drawn."""
OMEGAS = np.linspace(0, np.pi, 25)


def series(profile: str, seed: int, device: str) -> Record:
    """Newton's series on clips, and how well few derivatives foretell later frames."""
    where = check_device(device)
    scenes = sample_scenes(PROFILES[profile].exact_clips, make_generator(seed, "vididi", "series"))
    clips = render_scenes(scenes.to(where, torch.float64), FRAMES, SIDE)
    known = [difference(clips, order)[:, :, 0] for order in range(FRAMES)]
    error = max(float((newton(known, h) - clips[:, :, h]).abs().max()) for h in range(FRAMES))
    scale = clips.diff(dim=2).square().mean().sqrt()
    ahead = torch.stack(
        [
            torch.stack([(newton(known[: n + 1], h) - clips[:, :, h]).square().mean().sqrt() for h in range(6)])
            for n in range(4)
        ]
    )
    foretold = torch.stack([newton(known[: n + 1], 2)[0].float() for n in range(4)])
    arrays = {"ahead": ahead / scale, "clip": clips[0].float(), "foretold": foretold}
    return Record(claims={"10-V1": error}, arrays=arrays)


def films(profile: str, seed: int, device: str) -> Record:
    """Four clips to look at, one of each kind of motion."""
    where = check_device(device)
    names = ("right", "up-left", "clockwise", "swing across")
    generator = make_generator(seed, "vididi", "films")
    scenes = sample_scenes(len(names), generator, speeds=(1.5, 1.5))
    kinds = torch.tensor([MOTIONS.index(name) for name in names])
    scenes = replace(scenes, motion=kinds, start=0.4 * scenes.start)
    clips = render_scenes(scenes.to(where), 8 if profile == "smoke" else 34, 64)
    return Record(arrays={"clips": clips, "names": np.array(names)})


def gains(profile: str, seed: int, device: str) -> Record:
    """What differences delete and amplify: polynomials, noise, frequencies, the direction of time."""
    check_device(device)
    settings = PROFILES[profile]
    generator = make_generator(seed, "vididi", "gains")
    time = torch.arange(16, dtype=torch.float64)
    powers = torch.stack([(time / 15) ** k for k in range(3)])
    weights = torch.randn(3, 64, generator=generator, dtype=torch.float64)
    left = 0.0
    for order in (1, 2, 3):
        ramp = (weights[:order].T @ powers[:order]).reshape(1, 1, 64, 16, 1).transpose(2, 3).contiguous()
        left = max(left, float(difference(ramp, order).abs().max()))
    noise = torch.randn(1, 16, settings.noise_frames, 1, generator=generator, dtype=torch.float64)
    measured = [float(difference(noise, order).square().mean()) for order in (1, 2, 3)]
    clip = torch.randn(3, 8, 16, 16, generator=generator)
    parity = sum(
        int((difference(clip.flip(1), order) != (-1) ** order * difference(clip, order).flip(1)).sum())
        for order in (1, 2)
    )
    waves = torch.exp(1j * torch.as_tensor(OMEGAS)[:, None] * torch.arange(16, dtype=torch.float64))
    kept = np.stack([torch.diff(waves, n=order, dim=1).abs().mean(1).numpy() for order in (0, 1, 2)])
    record = Record(
        claims={
            "10-V2a": left,
            "10-V2b": max(abs(value / noise_gain(order) - 1) for order, value in enumerate(measured, 1)),
            "10-V2c": float(parity),
            "10-V2d": float(np.abs(kept - np.stack([frequency_gain(OMEGAS, n) for n in (0, 1, 2)])).max()),
        }
    )
    for order, value in enumerate(measured, 1):
        record.number(f"noise-gain-{order}", value, tolerance=0.05 * noise_gain(order))
    record.arrays |= {"omegas": OMEGAS, "kept": kept}
    return record


def backgrounds(profile: str, seed: int, device: str) -> Record:
    """The same motion over two backgrounds: what is left of the difference between the clips after differentiation."""
    where = check_device(device)
    generator = make_generator(seed, "vididi", "backgrounds")
    scenes = sample_scenes(PROFILES[profile].exact_clips, generator).to(where, torch.float64)
    others = elsewhere(scenes, generator)
    light = [render_scenes(s, FRAMES, SIDE, additive=True) for s in (scenes, others)]
    here, there = (render_scenes(s, FRAMES, SIDE) for s in (scenes, others))
    added = _kept(light[0], light[1], 1)
    left = [_kept(here, there, order) for order in (1, 2)]
    alpha, _ = coverage(scenes, FRAMES, SIDE)
    swept = (alpha[:, 1:] != alpha[:, :-1])[:, None]
    outside = (difference(here) - difference(there)).masked_fill(swept.expand(-1, 3, -1, -1, -1), 0).abs().max()
    record = Record(
        claims={"10-V3a": float(added.max()), "10-V3b": float(left[0].mean()), "10-V3c": float(outside)},
        arrays={
            "first": left[0],
            "second": left[1],
            "shown": torch.stack([x[SHOWN, :, ::3].float() for x in (here, there)]),
            "parts": torch.stack([difference(x)[SHOWN, :, ::3].float() for x in (here, there)]),
        },
    )
    record.number("largest-ratio", float(left[0].max()), tolerance=0.02)
    return record


def _kept(a: Tensor, b: Tensor, order: int) -> Tensor:
    """How far derivatives of clips are apart, over how far the clips are."""
    return _length(difference(a, order) - difference(b, order)) / _length(a - b)


def _length(x: Tensor) -> Tensor:
    """Root mean square of each sample."""
    return x.flatten(1).square().mean(1).sqrt()


def flicker(profile: str, seed: int, device: str) -> Record:
    """A still scene under colour jitter for each frame, and for each clip."""
    where = check_device(device)
    generator = make_generator(seed, "vididi", "flicker")
    n, spread = 4 * PROFILES[profile].exact_clips, 0.2
    scenes = sample_scenes(n, generator, speeds=(0.0, 0.0)).to(where, torch.float64)
    still = render_scenes(scenes, 8, SIDE)
    factors = 1 + spread * (2 * torch.rand(n, 1, 8, 1, 1, generator=generator, dtype=torch.float64) - 1).to(where)
    level = float(still.square().mean().sqrt())
    leak = float(difference(still * factors).square().mean().sqrt())
    constant = float(difference(still * factors[:, :, :1]).square().mean().sqrt())
    clips = Clips(jitter=spread, per_frame=True, size=SIDE, area=(1.0, 1.0))
    seen = clips.augment(still[:1].float().transpose(1, 2), make_generator(seed, "vididi", "flicker", "shown"))
    record = Record(
        claims={"10-V5a": leak / level / flicker_leak(spread) - 1, "10-V5b": constant / level},
        arrays={"still": seen[0], "difference": difference(seen)[0]},
    )
    record.number("leak", leak / level, tolerance=0.01)
    return record


def schedule(profile: str, seed: int, device: str) -> Record:
    """The balanced alternating schedule, simulated, over its exact probabilities."""
    check_device(device)
    batches, plan = PROFILES[profile].batches, PairSchedule()
    generator = make_generator(seed, "vididi", "schedule")
    drawn = [plan.orders(number % 4, generator) for number in range(batches)]
    counts = np.array([[drawn.count((i, j)) for j in range(3)] for i in range(3)])
    expected = np.zeros((3, 3))
    for (i, j), weight in plan.probabilities().items():
        expected[i, j] = float(weight)
    width = np.sqrt(expected * (1 - expected) / batches)
    inside = expected > 0
    apart = np.abs(counts / batches - expected)[inside] / width[inside]
    record = Record(claims={"10-V4a": float(apart.max()), "10-V4b": float(counts[~inside].sum())})
    record.number("share-with-a-derivative", 1 - counts[0, 0] / batches, tolerance=4 * sqrt(7 / 64 / batches))
    record.arrays |= {"counts": counts / batches, "expected": expected}
    return record
