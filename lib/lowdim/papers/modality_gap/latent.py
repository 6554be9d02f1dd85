r"""A toy of images and captions with a shared latent, and small towers trained on many draws of it side by side.

A shared :math:`s\in\mathbb R^6`; image :math:`\tanh([s,u]W)\in\mathbb R^{64}` with private :math:`u\in\mathbb R^4`;
text :math:`\tanh([s,0.7w]V)\in\mathbb R^{32}` with private :math:`w\in\mathbb R^2`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from lowdim.papers.modality_gap.gap import diagnose, mean_shift, modality_gap
from lowdim.papers.modality_gap.methods import METHODS
from lowdim.papers.modality_gap.temperature import Temperature
from lowdim.papers.modality_gap.train import TwoTowers, train_pair
from lowdim.seeding import make_generator

SHARED, TRAIN, TEST, EMBEDDING, BATCH = 6, 2048, 512, 16, 128


@dataclass(frozen=True)
class Pairs:
    """Images (S, n, 64), texts (S, n, 32) and shared latents (S, n, 6) of S independent toys."""

    images: Tensor
    texts: Tensor
    latents: Tensor


def sample_toys(copies: int, generator: torch.Generator) -> tuple[Pairs, Pairs]:
    """Training and held-out pairs of ``copies`` toys, each with its own two mixing matrices."""

    def normal(*shape: int) -> Tensor:
        return torch.randn(copies, *shape, generator=generator)

    first, second = normal(SHARED + 4, 64), normal(SHARED + 2, 32)
    parts = []
    for n in (TRAIN, TEST):
        shared = normal(n, SHARED)
        images = torch.tanh(torch.cat([shared, normal(n, 4)], -1) @ first / (SHARED + 4) ** 0.5)
        texts = torch.tanh(torch.cat([shared, 0.7 * normal(n, 2)], -1) @ second / (SHARED + 2) ** 0.5)
        parts.append(Pairs(images, texts, shared))
    return parts[0], parts[1]


class StackedMLP(nn.Module):
    """``copies`` networks with one hidden layer and biases, evaluated side by side: (S, n, inputs) -> (S, n,
    outputs).
    """

    def __init__(self, copies: int, inputs: int, hidden: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()

        def layer(rows: int, columns: int) -> tuple[nn.Parameter, nn.Parameter]:
            reach = rows**-0.5  # PyTorch's own initialisation of a linear layer
            weight = torch.empty(copies, rows, columns).uniform_(-reach, reach, generator=generator)
            bias = torch.empty(copies, 1, columns).uniform_(-reach, reach, generator=generator)
            return nn.Parameter(weight), nn.Parameter(bias)

        self.first, self.first_bias = layer(inputs, hidden)
        self.second, self.second_bias = layer(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """The outputs."""
        hidden = torch.baddbmm(self.first_bias, x, self.first).relu()
        return torch.baddbmm(self.second_bias, hidden, self.second)


def make_towers(copies: int, temperature: Temperature, generator: torch.Generator) -> TwoTowers:
    """Two towers with a hidden layer of 64 for each of ``copies`` toys."""
    images, texts = (StackedMLP(copies, inputs, 64, EMBEDDING, generator) for inputs in (64, 32))
    return TwoTowers(images, texts, temperature)


@dataclass(frozen=True)
class Outcome:
    """What ``copies`` trainings of one method gave on held-out pairs, each (S,)."""

    gap: Tensor
    floor: Tensor
    recall: Tensor
    """Recall at 1 in percent, the mean of both ways."""
    uniformity: Tensor
    probe: Tensor
    r"""Coefficient of determination of a linear map from image embeddings to the shared latent."""
    temperature: Tensor
    shifted_gap: Tensor
    """Gap after the mean shift, means from the first half of the pairs, gap on the second."""
    shifted_recall: Tensor
    """Recall at 1 in percent on the second half after the shift, minus that before."""


@cache
def train_method(name: str, copies: int, steps: int, seed: int) -> Outcome:
    """Train ``copies`` toys by one method and score them. The toys and the towers' first weights depend on the seed
    alone, so methods are compared on the same ones.
    """
    method = METHODS[name]
    training, test = sample_toys(copies, make_generator(seed, "modality-gap", "toys", copies))
    pair = make_towers(copies, method.temperature(copies), make_generator(seed, "modality-gap", "towers", copies))

    first = TRAIN * torch.arange(copies)[:, None]

    def batches(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        index = torch.randint(TRAIN, (copies, BATCH), generator=generator) + first
        images, texts = (x.flatten(0, 1).index_select(0, index.flatten()) for x in (training.images, training.texts))
        return images.unflatten(0, index.shape), texts.unflatten(0, index.shape)

    for _ in train_pair(pair, batches, method, steps, make_generator(seed, "modality-gap", "batches", copies)):
        pass
    return score(pair, training, test)


@torch.no_grad()
def embed(pair: TwoTowers, pairs: Pairs) -> tuple[Tensor, Tensor]:
    """Normalised embeddings (S, n, 16) of images and texts, float64."""
    both = pair.encode_images(pairs.images), pair.encode_texts(pairs.texts)
    first, second = (nn.functional.normalize(x.double(), dim=-1) for x in both)
    return first, second


def score(pair: TwoTowers, training: Pairs, test: Pairs) -> Outcome:
    """Score trained towers on held-out pairs; the probe is fitted on training pairs."""
    (u, v), (fit, _) = embed(pair, test), embed(pair, training)
    scales = pair.temperature().detach().expand(len(u)).double()
    found = [diagnose(x, y, float(b)) for x, y, b in zip(u, v, scales, strict=True)]
    half = u.shape[1] // 2
    shifts = []
    for x, y, b in zip(u, v, scales, strict=True):
        moved = mean_shift(x[half:], y[half:], (x[:half].mean(0), y[:half].mean(0)))
        change = diagnose(*moved, float(b)).recall - diagnose(x[half:], y[half:], float(b)).recall
        shifts.append((float(modality_gap(*moved)), 100 * change))
    columns = [[d.gap, d.floor, 100 * d.recall, d.uniformity] for d in found]
    gap, floor, recall, uniformity = torch.tensor(columns, dtype=torch.float64).T
    shifted_gap, shifted_recall = torch.tensor(shifts, dtype=torch.float64).T
    probe = determination(fit, training.latents.double(), u, test.latents.double())
    return Outcome(gap, floor, recall, uniformity, probe, 1 / scales, shifted_gap, shifted_recall)


def determination(fit: Tensor, target: Tensor, test: Tensor, truth: Tensor) -> Tensor:
    r"""Coefficient of determination (S,) on ``test`` of the least-squares affine map fitted from ``fit`` (S, n, d) to
    ``target`` (S, n, k).
    """

    def affine(x: Tensor) -> Tensor:
        return torch.cat([x, torch.ones_like(x[..., :1])], -1)

    gram = affine(fit).mT @ affine(fit) + 1e-6 * torch.eye(fit.shape[-1] + 1, dtype=fit.dtype)
    weights = torch.linalg.solve(gram, affine(fit).mT @ target)
    residual = (affine(test) @ weights - truth).square().sum((-2, -1))
    return 1 - residual / (truth - truth.mean(-2, keepdim=True)).square().sum((-2, -1))
