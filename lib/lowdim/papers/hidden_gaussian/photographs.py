"""Experiments on photographs: CIFAR-10 in the full profile, and a few faces in the others to walk the same paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lowdim.data.images import load_images
from lowdim.denoising.networks import EDMDenoiser, small_unet
from lowdim.distributions import Empirical, Gaussian
from lowdim.papers.hidden_gaussian.distil import distil, gaussian_map, weight_error
from lowdim.papers.hidden_gaussian.faces import START, copies
from lowdim.papers.hidden_gaussian.nets import Look, sample_from
from lowdim.papers.hidden_gaussian.pictures import face_images, gaussian_of
from lowdim.papers.hidden_gaussian.scores import centred_cosine, noisy, root_mean_square
from lowdim.papers.hidden_gaussian.settings import PROFILES, Settings
from lowdim.papers.hidden_gaussian.theory import gaussian_flow, moment_cosine
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator
from lowdim.training.ema import EMA
from lowdim.training.loop import train, warm_up_then_cosine
from lowdim.training.losses import edm_loss

SIGMAS = (0.15, 0.3, 0.6, 1.25, 2.5, 5.0)
MIDDLE = tuple(SIGMAS.index(sigma) for sigma in (0.3, 0.6, 1.25))
SHOWN = 8


class Data(NamedTuple):
    """Training and test images, and the name of their source."""

    train: Tensor
    test: Tensor
    source: str


def gather(settings: Settings, device: torch.device) -> Data:
    """The images of a profile: training images for two halves of ``image_half``, and 1000 test images at most."""
    wanted = 2 * settings.image_half
    if settings.image_source == "faces":
        train, test = face_images(wanted, 0, "photographs"), face_images(32, 1, "photographs")
        return Data(train.to(device), test.to(device), "drawn faces")
    train_set, test_set = (load_images(settings.image_source, *split) for split in (("train", wanted), ("test", 1000)))
    return Data(train_set.images.to(device), test_set.images.to(device), train_set.source)


def train_unet(
    images: Tensor, channels: Sequence[int], steps: int, looks: Sequence[int], generator: torch.Generator, batch: int
) -> Iterator[Look]:
    """Train a U-Net on images by the EDM loss and yield its moving average after each number of steps in ``looks`` and
    at the end, where the same network goes on: use a look before taking the next.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        model = EDMDenoiser(small_unet(images.shape[-1], channels, images.shape[1]), 0.5).to(images.device)
    ema = EMA(model, 0.999)

    def loss(model: nn.Module, generator: torch.Generator) -> Tensor:
        picked = torch.randint(len(images), (min(batch, len(images)),), generator=generator)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=images.is_cuda):
            return edm_loss(model, images[picked.to(images.device)], generator)

    run = train(
        model,
        loss,
        torch.optim.Adam(model.parameters(), lr=1e-3),
        steps,
        generator=generator,
        ema=ema,
        schedule=warm_up_then_cosine(steps, min(200, steps // 4)),
        clip=1.0,
    )
    for done in run:
        if done.step in looks or done.step == steps:
            yield Look(done.step, [ema.module])


def to_gaussian(look: Look, law: Gaussian, test: Tensor, seed: int) -> np.ndarray:
    """RMSE ``(levels,)`` of a network to a Gaussian denoiser on test images, the same noise at every look."""
    generator = make_generator(seed, "hidden-gaussian", "photographs", "noise")
    rows = []
    for sigma in SIGMAS:
        y = noisy(test, sigma, generator)
        with torch.no_grad():
            rows.append(float(root_mean_square(look.denoisers[0](y, sigma), law(y, sigma)).mean()))
    return np.array(rows)


def photographs_few(profile: str, seed: int, device: str) -> Record:
    """A network on few images over training: towards the Gaussian denoiser, then away from it (claim G24c)."""
    settings, where = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "hidden-gaussian", "photographs-few")
    data = gather(settings, where)
    few = data.train[: settings.image_few]
    law, steps = gaussian_of(few), settings.image_steps
    looks = [max(1, round(steps * share)) for share in (0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6)]
    rows, taken = [], []
    for look in train_unet(few, settings.image_channels, steps, looks, generator, settings.image_batch):
        rows.append(to_gaussian(look, law, data.test, seed))
        taken.append(look.step)
    noise = torch.randn(settings.image_samples, *few.shape[1:], generator=generator).to(where)
    samples = torch.cat([sample_from(look.denoisers[0], part, START) for part in noise.split(250)])
    curve = np.stack(rows)
    record = Record(arrays={"steps": np.array(taken), "sigmas": np.array(SIGMAS), "to_gaussian": curve})
    if settings.image_source == "cifar10":
        middle = [SIGMAS.index(sigma) for sigma in (0.6, 0.3)]
        record.claims["02-G24c"] = float((curve.min(0) / curve[-1])[middle].max())
    record.number("copies-of-few-photographs", copies(samples.cpu(), few.cpu()), tolerance=0.1)
    nearest = torch.cdist(samples[:SHOWN].flatten(1), few.flatten(1)).argmin(1)
    record.arrays |= {"samples": samples[:SHOWN].cpu().numpy(), "nearest": few[nearest].cpu().numpy()}
    record.arrays["source"] = np.array(data.source)
    return record


def photographs_halves(profile: str, seed: int, device: str) -> Record:
    """Networks on disjoint halves, sampled from the same noise, beside the Gaussian one (claims G24a and G24b)."""
    settings, where = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "hidden-gaussian", "photographs-halves")
    data = gather(settings, where)
    halves = data.train.split(settings.image_half)
    laws = [gaussian_of(half) for half in halves]
    noise = torch.randn(settings.image_samples, *data.train.shape[1:], generator=generator).to(where)
    rows, samples = [], []
    steps = settings.image_steps // 2
    for half, law in zip(halves, laws, strict=True):
        (look,) = train_unet(half, settings.image_channels, steps, (), generator, settings.image_batch)
        rows.append(to_gaussian(look, law, data.test, seed))
        samples.append(torch.cat([sample_from(look.denoisers[0], part, START) for part in noise.split(250)]))
    few = data.train[: settings.image_few]
    (look,) = train_unet(few, settings.image_channels, steps, (), generator, settings.image_batch)
    rows.append(to_gaussian(look, gaussian_of(few), data.test, seed))
    centre = data.train.mean(0)
    record = Record(arrays={"sigmas": np.array(SIGMAS), "to_gaussian": np.stack(rows), "source": np.array(data.source)})
    agreement = float(centred_cosine(samples[0], samples[1], centre).mean())
    if settings.image_source == "cifar10":
        record.claims["02-G24a"] = float((rows[2] / rows[0])[list(MIDDLE)].min())
        record.claims["02-G24b"] = agreement
    gaussian = [gaussian_flow(law, START * noise.double(), START, 0.002).float() for law in laws]
    record.number(
        "photographs-cosine-of-gaussians",
        float(centred_cosine(gaussian[0], gaussian[1], centre).mean()),
        tolerance=0.02,
    )
    record.number("photographs-cosine-closed-form", moment_cosine(laws[0], laws[1], centre.double()), tolerance=0.01)
    rows_shown = [samples[0], samples[1], gaussian[0], gaussian[1]]
    record.arrays["samples"] = torch.stack([x[:SHOWN] for x in rows_shown]).cpu().numpy()
    return record


def photographs_exact(profile: str, seed: int, device: str) -> Record:
    """Distillation of the denoiser of few photographs on its own images and on test images (claim G24d)."""
    settings, where = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "hidden-gaussian", "photographs-exact", device=where)
    data = gather(settings, where)
    few = data.train[: settings.image_few].double()
    exact, sigmas = Empirical(few), (0.3, 1.0, 3.0)
    errors = np.zeros((2, len(sigmas)))
    for i, sigma in enumerate(sigmas):
        target = gaussian_map(few, sigma)
        for j, images in enumerate((few, data.test.double())):
            noises = -(-settings.image_pairs // len(images))
            errors[j, i] = weight_error(distil(exact, images, sigma, generator, noises=noises), target)
    record = Record(arrays={"sigmas": np.array(sigmas), "errors": errors, "source": np.array(data.source)})
    if settings.image_source == "cifar10":
        record.claims["02-G24d"] = float(errors[1, 1] / errors[0, 1])
        record.number("photographs-on-set-error", float(errors[0, 1]), tolerance=0.02)
    return record
