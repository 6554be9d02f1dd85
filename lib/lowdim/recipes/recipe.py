"""What a recipe holds, and how it is run: train, score, save with a card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from lowdim.denoising.networks import EDMDenoiser
from lowdim.denoising.weights import Card, Scores, checkout, save_model
from lowdim.profile import Profiles, check_device, check_profile, check_seed
from lowdim.seeding import make_generator
from lowdim.training.ema import EMA
from lowdim.training.loop import LossStep, train, warm_up_then_cosine
from lowdim.training.losses import edm_loss
from lowdim.training.progress import progress


@dataclass(frozen=True)
class Training:
    """The settings of a training run: network width, number and size of steps, distribution of the noise level
    (``ln sigma ~ N(P_mean, P_std^2)``), and how many samples are drawn for the scores.
    """

    channels: tuple[int, ...]
    steps: int
    batch: int
    samples: int
    learning_rate: float = 2e-3
    warm_up: int = 200
    ema: float = 0.999
    clip: float = 1.0
    P_mean: float = -1.2
    P_std: float = 1.2
    every: int = 500


@dataclass(frozen=True)
class Recipe:
    """How a model is made.

    ``load()`` returns the training images ``(N, *shape)``, ``build(settings)`` the untrained denoiser,
    ``score(denoiser, settings, generator)`` the tables of scores for the card and the pictures (by file name) beside
    it.
    """

    name: str
    description: str
    data: str
    licence: str
    profiles: Profiles[Training]
    load: Callable[[], Tensor]
    build: Callable[[Training], EDMDenoiser]
    score: Callable[[EDMDenoiser, Training, torch.Generator], tuple[Scores, dict[str, bytes]]]


def run(recipe: Recipe, profile: str, seed: int, device: str, out: Path | None, resume: bool) -> Path:
    """Train ``recipe``, score the averaged weights and save them; see :func:`lowdim.recipes.train`."""
    settings, place = recipe.profiles[check_profile(profile)], check_device(device)
    check_seed(seed)
    folder = out or (checkout() or Path.cwd()) / "build" / "models" / profile / recipe.name
    checkpoints = folder.with_name(f"{folder.name}.checkpoints")
    if not resume:
        shutil.rmtree(checkpoints, ignore_errors=True)
    with torch.random.fork_rng(devices=[]):  # layers draw their first weights from the global generator
        torch.manual_seed(make_generator(seed, recipe.name, "weights").initial_seed())
        model = recipe.build(settings)
    denoiser = _fit(
        recipe, settings, model.to(place), make_generator(seed, recipe.name, "training"), checkpoints, profile, seed
    )
    scores, pictures = recipe.score(denoiser, settings, make_generator(seed, recipe.name, "scores"))
    card = Card(
        name=recipe.name,
        description=recipe.description,
        data=recipe.data,
        licence=recipe.licence,
        command=_command(recipe.name, profile, seed),
        profile=profile,
        seed=seed,
        settings=asdict(settings) | {"parameters": sum(p.numel() for p in denoiser.parameters())},
        scores=scores,
    )
    save_model(folder, denoiser.cpu(), card, pictures)
    shutil.rmtree(checkpoints)
    return folder


def _command(name: str, profile: str, seed: int) -> str:
    """The command line of a run, defaults left out."""
    options = [f"--profile {profile}"] * (profile != "quick") + [f"--seed {seed}"] * (seed != 0)
    return " ".join(["lowdim train", name, *options])


def _fit(
    recipe: Recipe,
    settings: Training,
    model: EDMDenoiser,
    generator: torch.Generator,
    checkpoints: Path,
    profile: str,
    seed: int,
) -> EDMDenoiser:
    ema = EMA(model, settings.ema)
    steps = train(
        model,
        _loss_step(recipe.load().to(next(model.parameters()).device), settings),
        torch.optim.Adam(model.parameters(), lr=settings.learning_rate),
        settings.steps,
        generator=generator,
        ema=ema,
        schedule=warm_up_then_cosine(settings.steps, settings.warm_up),
        clip=settings.clip,
        checkpoint=checkpoints,
        every=settings.every,
        tag=json.dumps({"recipe": recipe.name, "profile": profile, "seed": seed, **asdict(settings)}),
    )
    for _ in progress(steps, settings.steps, recipe.name):
        pass
    return ema.module


def _loss_step(images: Tensor, settings: Training) -> LossStep:
    def loss_step(model: nn.Module, generator: torch.Generator) -> Tensor:
        picked = torch.randint(images.shape[0], (settings.batch,), generator=generator)
        x0 = images[picked.to(images.device)]
        return edm_loss(model, x0, generator, P_mean=settings.P_mean, P_std=settings.P_std)

    return loss_step
