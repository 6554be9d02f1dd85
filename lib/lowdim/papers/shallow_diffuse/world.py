"""What the experiments on faces share: the network, the schedule, keys, states, attacks and rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import NamedTuple

import torch
from torch import Tensor

from lowdim.data.faces import sample_faces
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.grids import vp_sigmas
from lowdim.denoising.purify import purify
from lowdim.denoising.weights import load_model
from lowdim.measurement import attacks as on_bytes
from lowdim.metrics.detection import Rate, rate_above, threshold_at
from lowdim.metrics.images import psnr
from lowdim.papers.shallow_diffuse.detect import correlation, cosines
from lowdim.papers.shallow_diffuse.keys import Key, make_key
from lowdim.papers.shallow_diffuse.watermark import ShallowDiffuse
from lowdim.seeding import make_generator

MODEL = "faces-32"
SIZE = 32
INJECTION = 0.3
"""The paper's level of injection, a share of the schedule."""
RATE = 0.01
"""Rate of false alarms."""
BAND = (4, 8)
"""The chapter's band, cycles a picture: high beside the energy of faces, low beside what JPEG and blur take away."""
LOW_BAND = (0, 4)
"""The band of Tree-Ring, a disc at frequency zero."""
CHANNEL = 1
"""The axis from red to green."""
STRENGTH = 2.5

PictureAttack = Callable[[Tensor], Tensor]


@cache
def network(device: str) -> Denoiser:
    """The shipped network of faces."""
    return load_model(MODEL, device=device)


def tail(steps: int, share: float) -> Tensor:
    """The last ``int(share * steps)`` steps of the paper's schedule in ``steps`` steps: the grid from the level of
    injection down to 0.
    """
    count = int(share * steps + 1e-9)
    if not 1 <= count <= steps:
        raise ValueError(f"share: {share!r} of {steps} steps is {count} steps; give a share that leaves 1 to {steps}")
    return vp_sigmas(steps)[-count - 1 :]


face_key = partial(make_key, SIZE, *BAND, channels=CHANNEL, strength=STRENGTH)
"""``face_key(generator, ...)``: the key of the chapter; ``face_key(generator=g, pattern=...)`` and so on change it."""


def other_keys(count: int, seed: int, band: tuple[int, int] = BAND, **options: object) -> list[Key]:
    """Keys that nobody wrote, from the law of :data:`face_key` with these options."""
    generator = make_generator(seed, "shallow-diffuse", "other-keys")
    return [make_key(SIZE, *band, generator, **options) for _ in range(count)]  # type: ignore[arg-type]


def faces_at(sigma: float, count: int, generator: torch.Generator) -> Tensor:
    """States of the exact process at a level: fresh faces plus noise, ``(count, 3, 32, 32)``."""
    faces = sample_faces(count, generator, SIZE).images
    return faces + sigma * torch.randn(faces.shape, generator=generator)


def saved(pictures: Tensor) -> Tensor:
    """Rounded to bytes, as a file holds them."""
    return on_bytes.from_bytes(on_bytes.to_bytes(pictures))


def attack_named(name: str, denoiser: Denoiser, steps: int, seed: int) -> PictureAttack:
    """The attack of that name on pictures in [-1, 1]; those by diffusion use the given network and schedule."""
    generator = make_generator(seed, "shallow-diffuse", "attack", name)
    if name.startswith("DiffPure"):
        grid = tail(steps, float(name.split()[1].rstrip("T")))
        return lambda x: saved(purify(denoiser, saved(x), grid, generator))
    if name not in ATTACKS:
        raise ValueError(f"name: {name!r} is unknown; choose one of {', '.join(ATTACKS)} or 'DiffPure 0.1T'")
    return lambda x: on_bytes.attack_pictures(x, ATTACKS[name], generator)


ATTACKS: Mapping[str, on_bytes.Attack] = {
    "as saved": on_bytes.save(),
    "noise 0.05": on_bytes.gaussian_noise(0.05),
    "noise 0.1": on_bytes.gaussian_noise(0.1),
    "blur 0.7": on_bytes.gaussian_blur(0.7),
    "blur 1.4": on_bytes.gaussian_blur(1.4),
    "JPEG 75": on_bytes.jpeg(75, 0),
    "JPEG 75, 4:2:0": on_bytes.jpeg(75, 2),
    "JPEG 25": on_bytes.jpeg(25, 0),
    "resize 75 %": on_bytes.resize(0.75),
    "resize 50 %": on_bytes.resize(0.5),
    "brightness ±20 %": on_bytes.brightness(0.8, 1.2),
    "median 3": on_bytes.median(3),
    "erase 10 %": on_bytes.erase(0.1),
    "erase 30 %": on_bytes.erase(0.3),
    "crop 90 %": on_bytes.crop(0.9),
    "rotation 5°": on_bytes.rotation(5.0),
}


class Found(NamedTuple):
    """Correlations ``(B,)`` with the key, the threshold at 1 % false alarms, and the share above it."""

    scores: Tensor
    threshold: float
    rate: Rate

    @property
    def mean(self) -> float:
        """The mean correlation."""
        return float(self.scores.mean())


def judge_read(read: Tensor, unmarked: Tensor, key: Key, others: Sequence[Key]) -> Found:
    """Detect ``key`` in ``read``, given readings of ``unmarked`` pictures that went through the same hands.

    The threshold is set on all pairs of an unmarked picture and a key that nobody wrote: a key of the same law, on the
    same marks. A secret key is one of them, so the rate of false alarms is right on average over keys, and few
    pictures are enough.
    """
    patterns = torch.stack([other.marked_values for other in others])
    threshold = threshold_at(cosines(unmarked, patterns).flatten().cpu(), RATE)
    scores = correlation(read, key).cpu()
    return Found(scores, threshold, rate_above(scores, threshold))


def detect(method: ShallowDiffuse, pictures: Tensor, unmarked: Tensor, others: Sequence[Key]) -> Found:
    """The same for pictures, marked and unmarked, that are still to be read."""
    return judge_read(method.read(pictures), method.read(unmarked), method.key, others)


def distortion_of(marked: Tensor, clean: Tensor) -> float:
    """The mean PSNR in decibels of marked pictures against unmarked ones, both as saved."""
    return float(psnr(saved(marked.cpu()), saved(clean.cpu())).clamp(max=99.0).mean())
