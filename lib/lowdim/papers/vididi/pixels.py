"""Motion in the pixels themselves: nearest neighbours of raw clips and of their differences, without any learning."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lowdim.data.motion import DIRECTIONS, render_scenes, sample_scenes
from lowdim.metrics.retrieval import cosine_similarity
from lowdim.papers.vididi.differences import difference
from lowdim.papers.vididi.settings import PROFILES
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

FRAMES, SIDE = 10, 32
ORDERS = (0, 1, 2)


def spectrum(clips: Tensor) -> Tensor:
    """Amplitudes of the Fourier transform over time and space, (n, C, T, H, W): where things are does not matter."""
    return torch.fft.rfftn(clips, dim=(2, 3, 4)).abs()


def nearest_share(features: Tensor, labels: Tensor) -> float:
    """Share of points whose nearest other point has their label; features (n, ...) centred, then compared by cosine."""
    flat = features.flatten(1)
    similarity = cosine_similarity(flat - flat.mean(0), flat - flat.mean(0)).fill_diagonal_(-torch.inf)
    return float((labels[similarity.argmax(1)] == labels).double().mean())


def neighbours(profile: str, seed: int, device: str) -> Record:
    """One nearest neighbour for the direction of motion and for the background, in pixels and in spectra."""
    where = check_device(device)
    scenes = sample_scenes(
        PROFILES[profile].neighbours, make_generator(seed, "vididi", "pixels"), motions=DIRECTIONS, speeds=(1.5, 1.5)
    )
    clips = render_scenes(scenes.to(where), FRAMES, SIDE)
    views = [difference(clips, order) for order in ORDERS]
    labels = {"motion": scenes.motion.to(where), "background": scenes.background.to(where)}
    table = {
        name: np.array([[nearest_share(x, found) for x in views], [nearest_share(spectrum(x), found) for x in views]])
        for name, found in labels.items()
    }
    motion = table["motion"]
    record = Record(
        claims={
            "10-V6a": motion[0, 0],
            "10-V6b": min(motion[0, 1:]),
            "10-V7": motion[1, 1] - motion[1, 0],
        },
        arrays=table,
    )
    for kind, row in zip(("pixels", "spectrum"), motion, strict=True):
        for order, value in zip(ORDERS, row, strict=True):
            record.number(f"{kind}-order-{order}", value, tolerance=0.02)
    return record
