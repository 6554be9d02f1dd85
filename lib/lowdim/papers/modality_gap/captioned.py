"""Faces and captions: the pairs, the two towers trained on them by any method, and what is measured on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from lowdim.data.captions import Tokenizer, Tokens, captions_match, mismatch, write_captions
from lowdim.data.faces import render_faces, sample_attributes
from lowdim.papers.modality_gap.gap import Diagnosis, diagnose, mean_shift, modality_gap
from lowdim.papers.modality_gap.latent import determination
from lowdim.papers.modality_gap.methods import METHODS
from lowdim.papers.modality_gap.settings import PROFILES, Settings
from lowdim.papers.modality_gap.towers import ImageTower, TextTower
from lowdim.papers.modality_gap.train import TwoTowers, steps_to_show, train_pair
from lowdim.profile import check_device
from lowdim.seeding import make_generator
from lowdim.training.loop import TrainStep

LENGTH = 40
"""Tokens of the longest caption that is read."""


@dataclass(frozen=True)
class Captioned:
    """Images (n, 3, size, size), their attributes (n, A), one caption each and its tokens."""

    images: Tensor
    attributes: Tensor
    captions: list[str]
    tokens: Tokens

    def batch(self, index: Tensor) -> tuple[Tensor, Tokens]:
        """The images and tokens of some pairs."""
        return self.images[index], Tokens(self.tokens.ids[index], self.tokens.mask[index])


def captioned_faces(n: int, size: int, generator: torch.Generator, device: torch.device) -> Captioned:
    """``n`` random faces with one caption each, which leaves 0.4 of what it could say unsaid."""
    attributes = sample_attributes(n, generator)
    captions = write_captions(attributes, generator)
    ids, mask = Tokenizer().encode(captions, LENGTH, truncate=True)
    images = render_faces(attributes.to(device), size)
    return Captioned(images, attributes, captions, Tokens(ids.to(device), mask.to(device)))


@cache
def face_sets(profile: str, seed: int, device: torch.device) -> tuple[Captioned, Captioned]:
    """Training and held-out pairs; the attributes of both are kept on the CPU."""
    settings = PROFILES[profile]
    generator = make_generator(seed, "modality-gap", "faces")
    sets = [captioned_faces(n, settings.face_size, generator, device) for n in (settings.faces, settings.face_tests)]
    return sets[0], sets[1]


def make_face_towers(settings: Settings, method: str, seed: int, device: torch.device, start: int = 0) -> TwoTowers:
    """Untrained towers; their first weights depend on the seed and the number of the start alone."""
    blocks = int(len(settings.face_channels) > 3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(make_generator(seed, "modality-gap", "face-towers", start).initial_seed())
        images = ImageTower(settings.face_size, settings.face_channels, settings.embedding, blocks)
        texts = TextTower(len(Tokenizer()), LENGTH, settings.text_width, settings.text_layers, settings.embedding)
    return TwoTowers(images, texts, METHODS[method].temperature(None)).to(device)


@torch.no_grad()
def embed_faces(pair: TwoTowers, pairs: Captioned) -> tuple[Tensor, Tensor]:
    """Normalised embeddings (n, d) of faces and captions in float64 on the CPU, in eval mode."""
    training = pair.training
    pair.eval()
    parts = [pairs.batch(index) for index in torch.arange(len(pairs.images)).split(512)]
    both = (
        torch.cat([pair.encode_images(images).double().cpu() for images, _ in parts]),
        torch.cat([pair.encode_texts(tokens).double().cpu() for _, tokens in parts]),
    )
    pair.train(training)
    u, v = (torch.nn.functional.normalize(x, dim=-1) for x in both)
    return u, v


@dataclass(frozen=True)
class Trained:
    """What a training left: the diagnoses on held-out pairs at ``steps``, and scores at the end."""

    steps: tuple[int, ...]
    diagnoses: tuple[Diagnosis, ...]
    images: Tensor
    texts: Tensor
    """Held-out embeddings at the end."""
    probe: float
    """Mean coefficient of determination of a linear map from image embeddings to the attributes."""
    shifted_gap: float
    """Gap after the mean shift, means from one half of the pairs, gap on the other."""

    @property
    def last(self) -> Diagnosis:
        """The diagnosis at the end."""
        return self.diagnoses[-1]

    def path(self, name: str) -> np.ndarray:
        """One measure at every step shown."""
        return np.array([getattr(one, name) for one in self.diagnoses])


Draws = Callable[[torch.Generator], tuple[Tensor, Tokens]]


def face_batches(profile: str, seed: int, where: torch.device, rate: float = 0.0) -> Draws:
    """Draws training batches, ``rate`` of the captions moved to other faces once and for all."""
    settings = PROFILES[profile]
    training, _ = face_sets(profile, seed, where)
    order = mismatch(len(training.images), rate, make_generator(seed, "modality-gap", "mismatch", str(rate)))
    partner = order.to(where)

    def batches(generator: torch.Generator) -> tuple[Tensor, Tokens]:
        index = torch.randint(settings.faces, (settings.face_batch,), generator=generator).to(where)
        return training.batch(index)[0], training.batch(partner[index])[1]

    return batches


def face_steps(
    pair: TwoTowers, batches: Draws, settings: Settings, method: str, generator: torch.Generator, warm_up: int
) -> Iterator[TrainStep]:
    """The training of both towers, step by step."""
    return train_pair(
        pair, batches, METHODS[method], settings.face_steps, generator,
        warm_up=warm_up, weight_decay=0.1, learning_rate=settings.face_rate,
        autocast=next(pair.parameters()).is_cuda,
    )  # fmt: skip


def first_growth(profile: str, seed: int, device: str, method: str, count: int = 10) -> Tensor:
    """By how much the gap on held-out pairs grows in the first steps of several starts of the towers, (starts,).

    Without warm-up, as in the scripts behind the paper's figure; a cosine of hundreds of steps is flat over ten.
    """
    where, settings = check_device(device), PROFILES[profile]
    _, test = face_sets(profile, seed, where)
    batches = face_batches(profile, seed, where)
    growth = []
    for start in range(settings.face_starts):
        pair = make_face_towers(settings, method, seed, where, start)
        generator = make_generator(seed, "modality-gap", "face-batches", start)
        before = modality_gap(*embed_faces(pair, test))
        for _ in islice(face_steps(pair, batches, settings, method, generator, warm_up=0), count):
            pass
        growth.append(modality_gap(*embed_faces(pair, test)) - before)
    return torch.stack(growth)


@cache
def train_faces(profile: str, seed: int, device: str, method: str, rate: float = 0.0) -> Trained:
    """Train both towers by a method, ``rate`` of the training captions moved to other faces, and measure."""
    where, settings = check_device(device), PROFILES[profile]
    training, test = face_sets(profile, seed, where)
    batches = face_batches(profile, seed, where, rate)
    pair = make_face_towers(settings, method, seed, where)
    shown = {0, *steps_to_show(settings.face_steps, 16)}
    right = captions_match(test.captions, test.attributes).T
    seen: dict[int, Diagnosis] = {}

    def look(step: int) -> None:
        seen[step] = diagnose(*embed_faces(pair, test), float(pair.temperature().detach()), right=right)

    look(0)
    generator = make_generator(seed, "modality-gap", "face-batches")
    for step in face_steps(pair, batches, settings, method, generator, warm_up=settings.face_steps // 20):
        if step.step in shown:
            look(step.step)
    u, v = embed_faces(pair, test)
    half = len(u) // 2
    moved = mean_shift(u[half:], v[half:], (u[:half].mean(0), v[:half].mean(0)))
    fit = embed_faces(pair, training)[0][None]
    wanted = [_standard(x)[None] for x in (training.attributes, test.attributes)]
    probe = float(determination(fit, wanted[0], u[None], wanted[1]))
    return Trained(tuple(seen), tuple(seen.values()), u, v, probe, float(modality_gap(*moved)))


def _standard(attributes: Tensor) -> Tensor:
    """Attributes in units of their spread, so that the probe weighs all alike."""
    values = attributes.double()
    return (values - values.mean(0)) / values.std(0)


def measures(found: dict[str, Trained]) -> dict[str, np.ndarray]:
    """The final measures of several trainings as arrays, and their names."""
    fields = ("gap", "floor", "temperature", "uniformity", "recall")
    table = {field: np.array([getattr(one.last, field) for one in found.values()]) for field in fields}
    return {"names": np.array(list(found)), "probe": np.array([one.probe for one in found.values()]), **table}


def paths(found: dict[str, Trained]) -> dict[str, np.ndarray]:
    """Every measure at every step shown, (trainings, steps)."""
    names = ("gap", "temperature", "pressure", "matched", "uniformity", "invariant", "recall")
    table = {f"path-{name}": np.stack([one.path(name) for one in found.values()]) for name in names}
    return {"steps": np.array(next(iter(found.values())).steps), **table}
