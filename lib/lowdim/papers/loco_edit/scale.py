"""Experiments for a GPU: networks trained on larger faces and on photographs. Other profiles walk the same paths."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lowdim.data.faces import part_regions, render_faces, sample_attributes
from lowdim.data.images import load_images
from lowdim.denoising.networks import EDMDenoiser, small_unet
from lowdim.papers.loco_edit.directions import pixel_change
from lowdim.papers.loco_edit.portraits import CHANGE, OUTSIDE_RANK, WISHES, face_editor
from lowdim.papers.loco_edit.settings import PROFILES, Settings
from lowdim.papers.loco_edit.spectra import SIGMAS, along_paths, rank_ratios
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator
from lowdim.training.pictures import train_on_pictures

FACE_SIGMAS = {0.6: 1.2, 2.5: 5.0}  # twice the pixels a side average twice the noise
LEVELS = SIGMAS[1:-1]
SIZE_OF = {"cifar10": 32, "faces": 16}


def _fresh(size: int, settings: Settings, generator: torch.Generator) -> EDMDenoiser:
    """An untrained denoiser of pictures, its weights drawn from ``generator``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        return EDMDenoiser(small_unet(size, settings.trained_channels), 0.5)


def larger(profile: str, seed: int, device: str) -> Record:
    """A network trained on larger faces, its edits at matched change, with and without projection (claim L8e)."""
    settings, where = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "loco-edit", "larger")
    size = settings.trained_size

    def draw(count: int, generator: torch.Generator) -> Tensor:
        return render_faces(sample_attributes(count, generator).to(where), size)

    net = train_on_pictures(
        _fresh(size, settings, generator).to(where), draw, settings.trained_steps, settings.trained_batch, generator
    )
    attributes = sample_attributes(settings.portraits, generator)
    images, regions = render_faces(attributes, size).to(where), part_regions(attributes, size)
    limits = {"tol": 10.0, "max_iter": 1} if profile == "smoke" else {}
    ratios, pictures = [], []
    for i, wish in ((i, wish) for i in range(len(images)) for wish in WISHES):
        editor = face_editor(net, FACE_SIGMAS[wish.sigma], settings.sampler_steps)
        x, mask = editor.invert(images[i : i + 1]), (regions[wish.part][i, 0] > 0.3).to(where)
        found = editor.directions(x, mask, generator, rank=1, outside_rank=OUTSIDE_RANK, **limits)
        length, spill = pixel_change(mask, CHANGE), []
        for v, gain in ((found.vectors, found.gains), (found.inside.V, found.inside.S)):
            made = editor.edit(x, v, [-length / float(gain[0]), 0.0, length / float(gain[0])])[:, 0]
            change = (made[2] - made[0]).square().mean(0)
            spill.append(float((change[~mask].mean() / change[mask].mean()).sqrt()))
            if i == 0:
                pictures.append(made.cpu())
        ratios.append(spill[0] / spill[1])
    record = Record(arrays={"pictures": torch.stack(pictures), "ratios": np.array(ratios)})
    if profile == "full":
        record.claims["05-L8e"] = float(np.median(ratios))
    return record


def photographs(profile: str, seed: int, device: str) -> Record:
    """Rank over noise of a network trained on photographs, along its sampling paths (claims L5f, L5g)."""
    settings, where = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "loco-edit", "photographs")
    size = SIZE_OF[settings.photographs]
    if settings.photographs == "cifar10":
        found = load_images("cifar10", "train", None)
        images, source = found.images, found.source
    else:
        images, source = render_faces(sample_attributes(64, generator), size), "drawn faces"

    def draw(count: int, generator: torch.Generator) -> Tensor:
        return images[torch.randint(len(images), (count,), generator=generator)]

    net = train_on_pictures(
        _fresh(size, settings, generator).to(where), draw, settings.trained_steps, settings.trained_batch, generator
    )
    noise = torch.randn(settings.trained_points, *images.shape[1:], generator=generator).to(where)
    levels = LEVELS[:2] if profile == "smoke" else LEVELS
    points = along_paths(net, noise, levels)
    ratios = np.stack([
        torch.cat([rank_ratios(net, x[None], sigma, 256)[0].cpu() for x in at]).numpy()
        for at, sigma in zip(points, levels, strict=True)
    ])  # fmt: skip
    record = Record(arrays={"sigmas": np.array(levels), "ratios": ratios, "source": np.array(source)})
    if profile == "full":
        mean = ratios.mean(1)
        record.claims |= {"05-L5f": float(mean.min()), "05-L5g": float(mean.min() / mean[0])}
    return record
