"""Faces to edit, what to edit in them, and the directions that do it, found once for all experiments of a run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from lowdim.data.faces import ATTRIBUTES, NAMES, part_regions, render_faces, sample_attributes
from lowdim.denoising import log_sigmas
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.weights import load_model
from lowdim.metrics.face_attributes import load_judge
from lowdim.papers.loco_edit.directions import LocalDirections, pixel_change
from lowdim.papers.loco_edit.editor import Editor
from lowdim.papers.loco_edit.settings import PROFILES
from lowdim.seeding import make_generator

MODEL = "faces-32"
STD = torch.tensor([a.std for a in ATTRIBUTES])
INSIDE = 0.3  # of a soft region: where a part can cover this share of a pixel
LOWEST = 0.02
CHANGE = 0.25  # root mean square over the pixels of a mask, in [-1, 1]
RANK, OUTSIDE_RANK = 3, 5


@dataclass(frozen=True)
class Wish:
    """An edit to look for: the part whose mask is given, the attribute it should move, and the noise level."""

    name: str
    part: str
    attribute: str
    sigma: float


WISHES = (
    Wish("smile", "mouth", "smile", 0.6),
    Wish("gaze", "eyes", "gaze", 0.6),
    Wish("open eyes", "eyes", "eyes", 0.6),
    Wish("brows", "brows", "brow", 0.6),
    Wish("hair colour", "hair", "hair_colour", 2.5),
)


@dataclass(frozen=True)
class Edit:
    """An edit of one face: a unit direction ``v``, the step that changes its mask by :data:`CHANGE` with the sign that
    raises the attribute, and the same without projection.
    """

    wish: Wish
    v: Tensor
    strength: float
    plain: Tensor
    plain_strength: float
    mask: Tensor
    kept: float


@dataclass(frozen=True)
class Studio:
    """The faces of one run, their noisy points at each noise level, and their edits, one list for each face."""

    editors: dict[float, Editor]
    images: Tensor
    points: dict[float, Tensor]
    edits: tuple[tuple[Edit, ...], ...]


def calm_faces(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Images and attributes of faces from the middle half of every range, so that edits have room both ways."""
    attributes = sample_attributes(count, generator)
    middle = torch.tensor([a.middle for a in ATTRIBUTES])
    attributes = middle + 0.5 * (attributes - middle)
    return render_faces(attributes), attributes


def face_editor(denoiser: Denoiser, sigma: float, steps: int) -> Editor:
    """An editor of faces at the noise level ``sigma``."""
    return Editor(denoiser, log_sigmas(steps, LOWEST, sigma) if steps > 1 else torch.tensor([sigma, 0.0]))


def attribute_change(edited: Tensor, base: Tensor) -> Tensor:
    """What the judge sees change between two batches of faces ``(..., A)``, in standard deviations."""
    judge = load_judge().to(edited.device)
    read = [judge(x.reshape(-1, *x.shape[-3:])).reshape(*x.shape[:-3], -1) for x in (edited, base)]
    return ((read[0] - read[1]) / STD.to(edited.device)).cpu()


def region(attributes: Tensor, part: str) -> Tensor:
    """The mask ``(32, 32)`` of the places where ``part`` of one face can be, however it is shaped."""
    return part_regions(attributes)[part][0, 0] > INSIDE


@lru_cache(maxsize=2)
def studio(profile: str, seed: int, device: str) -> Studio:
    """The faces of a run with all their edits."""
    settings, generator = PROFILES[profile], make_generator(seed, "loco-edit", "portraits")
    net = load_model(MODEL, device=device)
    images, attributes = calm_faces(settings.portraits, generator)
    images = images.to(device)
    sigmas = sorted({wish.sigma for wish in WISHES})
    editors = {sigma: face_editor(net, sigma, settings.sampler_steps) for sigma in sigmas}
    points = {sigma: editor.invert(images) for sigma, editor in editors.items()}
    limits = {"tol": 10.0, "max_iter": 1} if profile == "smoke" else {"tol": 0.1}
    edits = []
    for i in range(len(images)):
        found: dict[tuple[str, float], LocalDirections] = {}
        row = []
        for wish in WISHES:
            mask, x = region(attributes[i : i + 1], wish.part).to(device), points[wish.sigma][i : i + 1]
            if (wish.part, wish.sigma) not in found:
                found[wish.part, wish.sigma] = editors[wish.sigma].directions(
                    x, mask, generator, rank=RANK, outside_rank=OUTSIDE_RANK, **limits
                )
            row.append(_choose(editors[wish.sigma], x, wish, found[wish.part, wish.sigma], mask))
        edits.append(tuple(row))
    return Studio(editors, images, points, tuple(edits))


def _choose(editor: Editor, x: Tensor, wish: Wish, found: LocalDirections, mask: Tensor) -> Edit:
    """Of the directions found, the one with the best product of the change of the wished attribute in the predicted
    image and its share of all changes.
    """
    length, target = pixel_change(mask, CHANGE), NAMES.index(wish.attribute)
    steps = torch.stack([found.strength(k, length) * v for k, v in enumerate(found.vectors)])
    pictures = editor.predict(x.expand(len(steps), *x.shape[1:]), steps, [-1.0, 1.0])
    change = attribute_change(pictures[1], pictures[0])
    moved = change[:, target]
    best = int((moved.square() / change.abs().sum(1)).argmax())
    sign = 1.0 if float(moved[best]) >= 0 else -1.0
    return Edit(
        wish,
        sign * found.vectors[best],
        found.strength(best, length),
        sign * found.inside.V[best],
        length / float(found.inside.S[best]),
        mask,
        float(found.kept[best]),
    )
