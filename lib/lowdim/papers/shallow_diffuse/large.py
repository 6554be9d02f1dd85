"""Larger faces, for an accelerator: a network trained in the run, and every attack at several strengths."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from lowdim.data.faces import sample_faces
from lowdim.denoising.networks import EDMDenoiser, small_unet
from lowdim.papers.shallow_diffuse import world
from lowdim.papers.shallow_diffuse.keys import make_key
from lowdim.papers.shallow_diffuse.settings import PROFILES, Settings
from lowdim.papers.shallow_diffuse.watermark import ShallowDiffuse
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator
from lowdim.training.loop import train, warm_up_then_cosine
from lowdim.training.losses import edm_loss

DITHER = 0.02
"""Half-width of the grain on these faces, which gives them texture."""
POOL = 20_000
"""Faces drawn once for training at most."""


def train_large(settings: Settings, generator: torch.Generator, device: torch.device) -> EDMDenoiser:
    """A U-Net on faces of the profile's size."""
    count = min(POOL, settings.large_steps * settings.large_batch)
    size = settings.large_size
    faces = torch.cat([sample_faces(min(1000, count - k), generator, size, dither=DITHER).images
                       for k in range(0, count, 1000)]).to(device)  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
        denoiser = EDMDenoiser(small_unet(size, settings.large_channels), float(faces.std())).to(device)

    def loss(model: nn.Module, generator: torch.Generator) -> Tensor:
        rows = torch.randint(len(faces), (settings.large_batch,), generator=generator)
        return edm_loss(model, faces[rows.to(device)], generator, P_mean=-1.0, P_std=1.3)

    optimizer = torch.optim.Adam(denoiser.parameters(), lr=1e-3)
    schedule = warm_up_then_cosine(settings.large_steps, settings.large_steps // 20 + 1)
    for _ in train(denoiser, loss, optimizer, settings.large_steps, generator=generator, schedule=schedule, clip=1.0):
        pass
    return denoiser.eval().requires_grad_(False)


def large_faces(profile: str, seed: int, device: str) -> Record:
    """Every attack at several strengths on faces of 64 x 64 pixels (claims L1, L2)."""
    settings, where = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "shallow-diffuse", "large")
    D, size = train_large(settings, generator, where), settings.large_size
    grid = world.tail(settings.steps, world.INJECTION)
    band = (size // 8, size // 4)
    others = [make_key(size, *band, generator, channels=world.CHANNEL) for _ in range(settings.other_keys)]
    key = make_key(size, *band, generator, channels=world.CHANNEL, strength=world.STRENGTH)
    method = ShallowDiffuse(D, key, grid)
    faces = sample_faces(settings.large_pairs, generator, size, dither=DITHER).images
    states = faces + method.sigma * torch.randn(faces.shape, generator=generator)
    found = [method.embed_state(part.to(where)) for part in states.split(100)]
    marked, clean = (torch.cat([getattr(part, name) for part in found]) for name in ("marked", "clean"))
    names = (*world.ATTACKS, *(f"DiffPure {share}T" for share in (0.1, 0.2, 0.3)))
    table = np.zeros((len(names), 4))
    for i, name in enumerate(names):
        attack = world.attack_named(name, D, settings.steps, seed)
        result = world.detect(method, attack(marked), attack(clean[: settings.negatives]), others)
        table[i] = [*result.rate, result.mean]
    record = Record(
        claims={"06-L1": table[0, 0], "06-L2": float(table[: len(world.ATTACKS), 0].mean())},
        arrays={"names": np.array(names), "table": table, "faces": torch.stack([x[:6].cpu() for x in (clean, marked)])},
    )
    record.number("large-decibels", world.distortion_of(marked, clean), "dB", tolerance=0.5)
    return record
