"""Experiments on images, one unit for each way to choose pairs: CIFAR-10 in the full profile, digits below.

Each unit trains the same first flow from the same seed, so that none needs another's weights.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lowdim.data.cifar10 import load_cifar10
from lowdim.data.digits import load_digits
from lowdim.denoising.networks import small_unet
from lowdim.papers.model_collapse.features import train_classifier
from lowdim.papers.model_collapse.networks import arm_flows, new_flow
from lowdim.papers.model_collapse.reflow import Fit, first_flow, flows
from lowdim.papers.model_collapse.rounds import Judge, as_arrays
from lowdim.papers.model_collapse.settings import PROFILES
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

CLAIMS = {"plain": "03-R13g", "current": "03-R13h", "first": "03-R13i"}
SHOWN = 10


def images_plain(profile: str, seed: int, device: str) -> Record:
    """Plain Reflow of a U-Net."""
    return _images(profile, seed, device, "plain")


def images_current(profile: str, seed: int, device: str) -> Record:
    """RCA Reflow of a U-Net, real images reversed by the current flow."""
    return _images(profile, seed, device, "current")


def images_first(profile: str, seed: int, device: str) -> Record:
    """RCA Reflow of a U-Net, real images reversed by the first flow."""
    return _images(profile, seed, device, "first")


def load_real(source: str) -> tuple[Tensor, Tensor, str]:
    """All training images of a source, their labels, and the name of the data."""
    if source == "digits":
        found = load_digits("train")
        return found.images, found.labels, "scikit-learn digits"
    train = load_cifar10("train")
    if train.labels is None:
        raise ValueError(f"source: {source!r} has no labels here; the classifier needs them")
    return train.images, train.labels, train.source


def _images(profile: str, seed: int, device: str, arm: str) -> Record:
    settings = PROFILES[profile]
    where = check_device(device)
    real, labels, name = load_real(settings.image_source)
    real, labels = real.to(where), labels.to(where)
    generator = make_generator(seed, "model-collapse", "images", device=where)
    classifier = train_classifier(real, labels, settings.image_features, settings.image_feature_steps)
    size, colours = real.shape[-1], real.shape[1]
    network = partial(small_unet, size, settings.image_channels, colours, layers=settings.image_layers)
    flow = new_flow(network, generator, time_scale=1000.0).to(where)
    options: dict[str, Any] = {"batch": settings.image_batch, "ema": settings.image_ema, "learning_rate": 5e-4}
    base = Fit(steps=settings.image_first_steps, warm_up=settings.image_first_steps // 20, **options)
    fit = Fit(steps=settings.image_steps, pool=settings.image_pool, **options)
    qualities, samples = [], []
    # Half precision where it is fast; weights, averages and paths stay in single.
    with torch.autocast(where.type, torch.bfloat16, enabled=where.type == "cuda"):
        first = list(flows(first_flow(flow, real, base, generator=generator)))[-1]
        judge = Judge(real, classifier, settings.image_euler, settings.image_samples, generator)
        steps = {"euler_steps": settings.image_euler, "generator": generator}
        for current in arm_flows(arm, first, real, settings.image_rounds, fit, **steps):
            quality, images = judge(current)
            qualities.append(quality)
            samples.append(images[:SHOWN].float().cpu())
    record = Record(arrays=as_arrays(qualities) | {"samples": torch.stack(samples).numpy(), "source": np.array(name)})
    frechet = record["frechet"]
    if settings.image_source == "cifar10":
        record.claims[CLAIMS[arm]] = frechet[-1] / frechet[0]
    record.number(f"image-frechet-first-flow-{arm}", frechet[0], tolerance=0.3 * float(frechet[0]))
    record.number(f"image-frechet-{arm}", frechet[-1], tolerance=0.3 * float(frechet[-1]))
    return record
