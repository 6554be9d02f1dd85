"""Experiments for a GPU: priors trained on larger faces and on photographs. Smaller profiles walk the same paths."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from lowdim.data.faces import render_faces, sample_attributes
from lowdim.data.images import load_images
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.grids import vp_sigmas
from lowdim.denoising.networks import EDMDenoiser, small_unet
from lowdim.measurement.tasks import make_task
from lowdim.metrics.images import psnr, ssim
from lowdim.papers.sitcom.settings import PROFILES, Settings
from lowdim.papers.sitcom.sitcom import SITCOM
from lowdim.papers.sitcom.stopping import Deviations
from lowdim.papers.sitcom.tasks import NOISES, compare_on_tasks, mean_lead, summary, timed, worst_gain
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator
from lowdim.training.pictures import train_on_pictures

COLUMNS = ("levels", "inner steps", "images", "PSNR (dB)", "± (95 %)", "SSIM", "evaluations", "seconds an image")
GRID_IMAGES = 16


def larger_faces(profile: str, seed: int, device: str) -> Record:
    """A network trained on larger faces: all tasks, and levels against inner steps (claims S10d and S13b)."""
    settings, place = PROFILES[profile], check_device(device)
    stream = partial(make_generator, seed, "sitcom", "larger-faces")
    size = settings.trained_size

    def draw(count: int, generator: torch.Generator) -> Tensor:
        return render_faces(sample_attributes(count, generator).to(place), size)

    prior = _trained(draw, size, settings, place, stream("network"))
    images, others = (draw(n, stream(role)).cpu() for role, n in _numbers(settings).items())
    record, means = compare_on_tasks(prior, place, images, others, settings, stream)
    if profile == "full":
        record.claims["07-S10d"], record.claims["07-S13b"] = worst_gain(means), mean_lead(means)
    record.table("levels-and-inner-steps", COLUMNS, crossed(prior, place, images[:GRID_IMAGES], settings, stream))
    return record


def photographs(profile: str, seed: int, device: str) -> Record:
    """A network trained on CIFAR-10: all tasks on test images (claims S10e and S13c)."""
    settings, place = PROFILES[profile], check_device(device)
    stream = partial(make_generator, seed, "sitcom", "photographs")
    if settings.photographs == "cifar10":
        train, test = (load_images("cifar10", split, None).images for split in ("train", "test"))
    else:
        train, test = (render_faces(sample_attributes(32, stream(split)), 16) for split in ("train", "test"))

    def draw(count: int, generator: torch.Generator) -> Tensor:
        return train[torch.randint(len(train), (count,), generator=generator)]

    prior = _trained(draw, train.shape[-1], settings, place, stream("network"))
    order = torch.randperm(len(test), generator=stream("images"))
    measured, tuning = _numbers(settings).values()
    images, others = test[order[:measured]], test[order[measured : measured + tuning]]
    record, means = compare_on_tasks(prior, place, images, others, settings, stream)
    if profile == "full":
        record.claims["07-S10e"], record.claims["07-S13c"] = worst_gain(means), mean_lead(means)
    return record


def _numbers(settings: Settings) -> dict[str, int]:
    """How many images are measured, and how many others DPS is tuned on."""
    return {"images": settings.task_images, "tuning": settings.face_tuning}


def _trained(
    draw: Callable[[int, torch.Generator], Tensor],
    size: int,
    settings: Settings,
    place: torch.device,
    generator: torch.Generator,
) -> Denoiser:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        net = EDMDenoiser(small_unet(size, settings.trained_channels), 0.5).to(place)
    return train_on_pictures(net, draw, settings.trained_steps, settings.trained_batch, generator)


def crossed(
    prior: Denoiser, place: torch.device, images: Tensor, settings: Settings, stream: Callable[..., torch.Generator]
) -> list[tuple[float, ...]]:
    """One row of :data:`COLUMNS` for each number of levels and of inner steps: super-resolution at the larger noise."""
    physics = make_task("super-resolution", (*images.shape[1:],), NOISES[-1], stream("grid"))
    y = physics(images).to(place)
    physics = physics.to(place)
    rows: list[tuple[float, ...]] = []
    for levels in settings.grid[0]:
        for inner in settings.grid[1]:
            solver = SITCOM(prior, vp_sigmas(levels), inner_steps=inner, learning_rate=0.02, stop=Deviations(0.5))
            solution, seconds = timed(solver.solve, y, physics, stream("grid", str(levels), str(inner)))
            estimate = solution.estimate.cpu()
            facts = summary(torch.stack([psnr(estimate, images), ssim(estimate, images)]))
            cost = float(solution.forward.double().mean())
            rows.append((levels, inner, len(images), *facts, cost, seconds / len(images)))
    return rows
