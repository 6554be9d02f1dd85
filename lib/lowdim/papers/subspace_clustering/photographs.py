"""Experiments on real images: a network trained on few of them copies, on many it does not; the rank of its Jacobian.

The images are handwritten digits up to the study profile and CIFAR-10 in the full one.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lowdim.data.cifar10 import load_cifar10
from lowdim.data.digits import load_digits
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.grids import edm_sigmas
from lowdim.denoising.samplers import heun, last
from lowdim.metrics.memorisation import generalisation_score, nearest_ratio
from lowdim.papers.subspace_clustering.pictures import rank_ratios, train_unet
from lowdim.papers.subspace_clustering.settings import PROFILES
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

CLAIMS = {"digits": ("01-C18a", "01-C18b"), "cifar10": ("01-C11e", "01-C11f")}
SHOWN = 8


def load_images(source: str, size: int) -> tuple[Tensor, Tensor, str]:
    """The first ``size`` training images of a source, as many test images as there are up to 1000, and the data's
    name.
    """
    if source == "digits":
        return load_digits("train").images[:size], load_digits("test").images, "scikit-learn digits"
    train = load_cifar10("train", size)
    return train.images, load_cifar10("test", 1000, source=train.source).images, train.source


def images_few(profile: str, seed: int, device: str) -> Record:
    """GL score of a network trained on the small set."""
    return _images(profile, seed, device, "few")


def images_many(profile: str, seed: int, device: str) -> Record:
    """GL score of a network trained on the large set, and the rank of its Jacobian."""
    return _images(profile, seed, device, "many")


def _images(profile: str, seed: int, device: str, which: str) -> Record:
    settings = PROFILES[profile]
    where = check_device(device)
    many = which == "many"
    generator = make_generator(seed, "subspace-clustering", "images", which, device=where)
    images, test, name = load_images(settings.image_source, settings.image_sizes[many])
    training = images.to(where)
    denoiser = train_unet(training, settings.image_channels, settings.image_steps, generator)
    sigmas = edm_sigmas(18)
    shape = (settings.image_samples, *images.shape[1:])
    start = float(sigmas[0]) * torch.randn(shape, generator=generator, device=where)
    with torch.no_grad():
        samples = torch.cat([last(heun(denoiser, part, sigmas)) for part in start.split(250)]).cpu()
    score = generalisation_score(samples, images)
    record = Record(claims={CLAIMS[settings.image_source][many]: score})
    record.number(f"gl-of-test-images-{which}", generalisation_score(test, images), tolerance=0.02)
    record.number(f"images-{which}", len(images), "images", tolerance=0.0)
    shown = samples[:SHOWN]
    nearest = torch.cdist(shown.flatten(1), images.flatten(1)).argmin(1)
    record.arrays |= {"samples": shown.numpy(), "nearest": images[nearest].numpy(), "source": np.array(name)}
    record.arrays["ratios"] = nearest_ratio(samples, images).numpy()
    if many and settings.image_source == "cifar10":
        _natural_rank(denoiser, test[: settings.image_points].to(where), settings.network_levels, generator, record)
    return record


def _natural_rank(denoiser: Denoiser, clean: Tensor, levels: int, generator: torch.Generator, record: Record) -> None:
    """Rank of the full Jacobian of the network on photographs against the signal-to-noise ratio."""
    snr = torch.logspace(-1.7, 2.2, levels, dtype=torch.float64)
    ratio = rank_ratios(denoiser, clean, snr, generator)
    record.claims["01-C13d"] = float(torch.minimum(ratio[0], ratio[-1]) / ratio.min())
    record.claims["01-C13e"] = float(ratio.min())
    record.arrays |= {"snr": snr.numpy(), "rank_ratio": ratio.numpy()}
