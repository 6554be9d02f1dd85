"""Experiments on error at equal size, on compressing a trained classifier, and on training from scratch."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from lowdim.papers.blast import targets
from lowdim.papers.blast.budget import rank_for_budget
from lowdim.papers.blast.classifiers import (
    Transformer,
    accuracy,
    fit,
    perceptron,
    photographs,
    split_digits,
)
from lowdim.papers.blast.compress import compress_, with_family
from lowdim.papers.blast.factorize import factorize
from lowdim.papers.blast.layers import StructuredLinear
from lowdim.papers.blast.plan import Layer, Plan
from lowdim.papers.blast.settings import PROFILES, Settings
from lowdim.papers.blast.siblings import FAMILIES
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

RATIOS = (0.5, 0.25)
SIBLINGS = ("low-rank", "monarch", "block-diagonal")
DECIDED = ("gaussian", "mixed", "ragged", "trained")
ORDER = ("dense", "blast", "monarch", "low-rank", "block-diagonal")


def matrices(settings: Settings, seed: int) -> dict[str, Tensor]:
    """The targets (n, n): random, structured, with a power law, and the hidden layer of a trained classifier."""
    generator = make_generator(seed, "blast", "targets")
    found = {name: draw(generator, settings.size) for name, draw in targets.TARGETS.items()}
    net = perceptron(generator, settings.size)
    fit(net, split_digits(generator), settings.training_steps, 2e-3, generator)
    hidden = net[3]
    assert isinstance(hidden, nn.Linear)
    return found | {"trained": hidden.weight.detach().double()}


def budget(profile: str, seed: int, device: str) -> Record:
    """The relative error of every family at half and a quarter of the numbers (B9)."""
    settings = PROFILES[profile]
    check_device(device)
    found = matrices(settings, seed)
    stack = torch.stack(list(found.values()))
    blocks = settings.budget_blocks
    ours = torch.zeros(len(RATIOS), len(blocks), len(found), dtype=torch.float64)
    published, baselines, traces = ours.clone(), torch.zeros(len(RATIOS), 3, len(found)), []
    for at, ratio in enumerate(RATIOS):
        baselines[at] = torch.stack([_best_fit(family, stack, ratio, blocks) for family in SIBLINGS])
        for column, b in enumerate(blocks):
            rank = rank_for_budget(stack.shape, ratio, b)
            run = factorize(stack, rank, b, steps=settings.budget_sweeps, seed=seed)
            ours[at, column] = run.error
            if b == max(settings.budget_blocks[:2]) and at == 0:
                old = factorize(
                    stack, rank, b, steps=settings.published_sweeps, seed=seed, solver="published", start="published"
                )  # fmt: skip
                published[at, column] = old.error
                traces = [run.errors, old.errors]
    record = Record(arrays={"blast": ours, "published": published, "baselines": baselines})
    record.arrays |= {"names": np.array(list(found)), "blocks": np.array(blocks)}
    record.arrays |= {"ours-trace": traces[0].numpy(), "old-trace": traces[1].numpy()}
    _judge_budget(record, list(found), ours, baselines, traces)
    return record


def _best_fit(family: str, stack: Tensor, ratio: float, blocks: tuple[int, ...]) -> Tensor:
    """Errors (L,) of a sibling's best fit, at its best number of blocks."""
    size = stack.shape[-1]
    rows = []
    for b in blocks if family == "monarch" else blocks[:1]:
        layer = FAMILIES[family].for_budget(size, size, ratio, b, bias=False, dtype=stack.dtype)
        rows.append(torch.cat([layer.set_to(matrix) for matrix in stack]))
    return torch.stack(rows).amin(0)


def _judge_budget(record: Record, names: list[str], ours: Tensor, baselines: Tensor, traces: list[Tensor]) -> None:
    best, rivals = ours[0].amin(0), baselines[0].amin(0)
    ratios = {name: float(best[i] / rivals[i]) for i, name in enumerate(names)}
    for letter, name in zip("abcd", DECIDED, strict=True):
        record.claims[f"09-B9{letter}"] = ratios[name]
    at = names.index("power-law")
    record.claims["09-B9e"] = float(best[at] / baselines[0, 0, at])
    low = ours[1].amin(0) / baselines[1].amin(0)
    record.claims["09-B9f"] = float(low.max())
    # sweeps until the error with which the published schedule ends
    needed = [(traces[0][:, i] > traces[1][-1, i]).sum() + 1 for i in range(len(names))]
    record.claims["09-B9g"] = float(max(needed)) / len(traces[1])
    for i, name in enumerate(names):
        record.number(f"error-{name}", float(best[i]), tolerance=0.03 if name == "trained" else 0.01)


def compression(profile: str, seed: int, device: str) -> Record:
    """Classifiers of digits with both hidden layers compressed, before and after a little more training (B10)."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "blast", "compression")
    ratios = (0.5, 0.3)
    scores = torch.zeros(settings.classifiers, len(ratios), len(ORDER), 2)  # without and with more training
    errors = torch.zeros(settings.classifiers, len(ratios), len(ORDER))
    for run in range(settings.classifiers):
        split = split_digits(generator)
        dense = fit(perceptron(generator), split, settings.training_steps, 2e-3, generator)
        state = generator.get_state()
        for at, ratio in enumerate(ratios):
            for column, family in enumerate(ORDER):
                net = copy.deepcopy(dense)
                if family != "dense":
                    plan = with_family(Plan([("1", Layer(ratio=ratio)), ("3", Layer(ratio=ratio))]), family)
                    report = compress_(net, plan, **({"steps": 60} if family == "blast" else {}))
                    errors[run, at, column] = report.rows[1].error
                scores[run, at, column, 0] = accuracy(net, split)
                generator.set_state(state)  # the same batches for all
                fit(net, split, settings.retraining_steps, 5e-4, generator)
                scores[run, at, column, 1] = accuracy(net, split)
    record = Record(arrays={"scores": scores, "errors": errors, "ratios": list(ratios)})
    gain = scores[:, :, 1] - scores[:, :, 2:].amax(2)
    record.claims = {
        "09-B10a": float(gain[..., 0].mean()),
        "09-B10b": float(gain[..., 1].mean()),
        "09-B10c": float((errors[:, :, 1] / errors[:, :, 2:].amin(2)).max()),
    }
    return record


def make_linear(family: str, ratio: float, generator: torch.Generator) -> object:
    """A function of (in, out) that makes a new layer of a family, with its values from ``generator``."""

    def make(inputs: int, outputs: int) -> nn.Module:
        if family == "dense":
            layer: nn.Module = nn.Linear(inputs, outputs)
            bound = inputs**-0.5
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -bound, bound, generator=generator)
            return layer
        structured = FAMILIES[family].for_budget(inputs, outputs, ratio, 2 if family == "blast" else 4)
        assert isinstance(structured, StructuredLinear)
        structured.reset_parameters(generator)  # type: ignore[operator]
        return structured

    return make


def scratch(profile: str, seed: int, device: str) -> Record:
    """A small vision transformer with 28 per cent of the multiplications, trained from scratch (B11)."""
    settings = PROFILES[profile]
    place = check_device(device)
    scores = torch.zeros(settings.scratch_seeds, len(ORDER))
    for run in range(settings.scratch_seeds):
        generator = make_generator(seed, "blast", "scratch", run)
        split = photographs(settings.photographs) if settings.photographs else split_digits(generator)
        split = type(split)(*(part.to(place) for part in split))
        patch = 4 if settings.photographs else 2
        for column, family in enumerate(ORDER):
            weights = make_generator(seed, "blast", "scratch", run, "weights")
            with torch.random.fork_rng():
                torch.manual_seed(seed * 1000 + run)
                net = Transformer(
                    split.images.shape[1], split.images.shape[2], patch, make_linear(family, 0.28, weights)  # type: ignore[arg-type]
                ).to(place)  # fmt: skip
            dice = make_generator(seed, "blast", "scratch", run, "batches", device=device)
            fit(net, split, settings.scratch_steps, 2e-3, dice)
            scores[run, column] = accuracy(net, split)
    record = Record(arrays={"scores": scores})
    gap = scores[:, 1] - scores[:, 0]
    record.claims = {
        "09-B11a": float(gap.mean()),
        "09-B11b": float((scores[:, 1] - scores[:, 3]).mean()),
        "09-B11c": float((scores[:, 1] - scores[:, 2]).mean()),
    }
    return record
