"""What a recipe holds, and how it is run: train, score, save with a card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from lowdim.model_store import Card, Scores, checkout
from lowdim.profile import Profiles, check_device, check_profile, check_seed
from lowdim.seeding import make_generator
from lowdim.training.ema import EMA
from lowdim.training.loop import LossStep, train, warm_up_then_cosine
from lowdim.training.progress import progress


@dataclass(frozen=True, kw_only=True)
class Training:
    """The settings of a training run: number and size of steps, learning rate with its warm-up, decay of the moving
    average of the weights, bound of the gradient's norm, and steps between checkpoints.
    """

    steps: int
    batch: int
    learning_rate: float = 2e-3
    warm_up: int = 200
    ema: float = 0.999
    clip: float = 1.0
    every: int = 500


T = TypeVar("T", bound=Training)
N = TypeVar("N", bound=nn.Module)


@dataclass(frozen=True, kw_only=True)
class Recipe(Generic[T, N]):
    """How a model is made.

    ``build(settings)`` returns the untrained network (or one that continues from shipped weights), ``loss(settings,
    device)`` loads the data and returns the loss of one step, ``score(network, settings, generator)`` the tables of
    scores for the card and the pictures (by file name) beside it. ``save(folder, network, card, pictures, dtype=...)``
    writes the folder with weights stored in ``dtype``: they are rounded to it before they are scored. ``loader`` and
    ``use`` are for the card's page.
    """

    name: str
    description: str
    data: str
    licence: str
    profiles: Profiles[T]
    build: Callable[[T], N]
    loss: Callable[[T, torch.device], LossStep]
    score: Callable[[N, T, torch.Generator], tuple[Scores, dict[str, bytes]]]
    save: Callable[..., Path]
    dtype: torch.dtype = torch.float32
    loader: str = Card.loader
    use: str = Card.use


def run(recipe: Recipe[Any, Any], profile: str, seed: int, device: str, out: Path | None, resume: bool) -> Path:
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
    tag = json.dumps({"recipe": recipe.name, "profile": profile, "seed": seed, **asdict(settings)})
    network = _fit(recipe, settings, model.to(place), make_generator(seed, recipe.name, "training"), checkpoints, tag)
    network.to(recipe.dtype).float().eval()
    scores, pictures = recipe.score(network, settings, make_generator(seed, recipe.name, "scores"))
    card = Card(
        name=recipe.name,
        description=recipe.description,
        data=recipe.data,
        licence=recipe.licence,
        command=_command(recipe.name, profile, seed),
        profile=profile,
        seed=seed,
        settings=asdict(settings) | {"parameters": sum(p.numel() for p in network.parameters())},
        scores=scores,
        loader=recipe.loader,
        use=recipe.use,
    )
    recipe.save(folder, network.cpu(), card, pictures, dtype=recipe.dtype)
    shutil.rmtree(checkpoints)
    return folder


def _command(name: str, profile: str, seed: int) -> str:
    """The command line of a run, defaults left out."""
    options = [f"--profile {profile}"] * (profile != "quick") + [f"--seed {seed}"] * (seed != 0)
    return " ".join(["lowdim train", name, *options])


def _fit(
    recipe: Recipe[Any, Any],
    settings: Training,
    model: nn.Module,
    generator: torch.Generator,
    checkpoints: Path,
    tag: str,
) -> nn.Module:
    ema = EMA(model, settings.ema)
    steps = train(
        model,
        recipe.loss(settings, next(model.parameters()).device),
        torch.optim.Adam(model.parameters(), lr=settings.learning_rate),
        settings.steps,
        generator=generator,
        ema=ema,
        schedule=warm_up_then_cosine(settings.steps, settings.warm_up),
        clip=settings.clip,
        checkpoint=checkpoints,
        every=settings.every,
        tag=tag,
    )
    for _ in progress(steps, settings.steps, recipe.name):
        pass
    return ema.module
