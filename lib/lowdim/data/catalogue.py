"""Every data set of the book, in one list: what the data page shows and ``lowdim doctor`` looks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor

from lowdim.data import celeba, cifar10, digits, ffhq, mni152, photographs, videos
from lowdim.data.local import find, is_intact
from lowdim.data.records import DataSet
from lowdim.seeding import make_generator

if TYPE_CHECKING:
    from lowdim.data.faces import Faces

OURS = "none needed: drawn by this package"
SHOWN = 16

GENERATED = (
    DataSet(
        name="molrg",
        title="Mixture of low-rank Gaussians",
        kind="generated",
        module="lowdim.distributions.MoLRG",
        contents="points near a union of subspaces, of any dimension, with the subspace",
        licence=OURS,
        credit="the model of",
        key="wang2024diffusion",
    ),
    DataSet(
        name="discs",
        title="Discs",
        kind="generated",
        module="lowdim.data.discs",
        contents="a soft disc, 1 × 16 × 16 by default, with its four factors and exact tangents",
        licence=OURS,
        credit="this book",
    ),
    DataSet(
        name="faces",
        title="Cartoon faces",
        kind="generated",
        module="lowdim.data.faces",
        contents="a face, 3 × 32 × 32 by default, with attributes, labels, masks of its parts and exact tangents",
        licence=OURS,
        credit="this book",
    ),
    DataSet(
        name="phantoms",
        title="Phantoms",
        kind="generated",
        module="lowdim.data.phantoms",
        contents="a grey picture of about fifty ellipses, 1 × 64 × 64 by default, and smooth phases for it",
        licence=OURS,
        credit="the law of deepinv,",
        key="tachella2025deepinv",
    ),
    DataSet(
        name="captions",
        title="Captions of the faces",
        kind="generated",
        module="lowdim.data.captions",
        contents="an English sentence about a cartoon face, with its tokens and a reader that checks it",
        licence=OURS,
        credit="this book",
    ),
    DataSet(
        name="motion",
        title="Moving clips",
        kind="generated",
        module="lowdim.data.motion",
        contents="a shape that moves over a photograph, 3 × frames × side × side, with motion, speed and background",
        licence="the photographs are those of scikit-image",
        credit="this book",
    ),
)
DATA_SETS: tuple[DataSet, ...] = (
    *GENERATED,
    digits.DIGITS,
    mni152.MNI152,
    photographs.PHOTOGRAPHS,
    *cifar10.SOURCES.values(),
    celeba.CELEBA,
    ffhq.FFHQ,
    videos.UCF101,
)


def data_set(name: str) -> DataSet:
    """The record of a data set. Raises ``ValueError`` naming the choices for another name."""
    known = {found.name: found for found in DATA_SETS}
    if name not in known:
        raise ValueError(f"name: {name!r} is not a data set of the book; choose one of {', '.join(known)}")
    return known[name]


def examine(found: DataSet) -> list[str]:
    """The state of a data set's files in ``LOWDIM_DATA``: intact, damaged, or not there."""
    if found.name == ffhq.FFHQ.name:
        return ffhq.examine()
    lines = []
    for file in found.files:
        path = find(found, file.name)
        if path is None:
            lines.append(f"{file.name}: not there{' (optional)' if file.optional else ''}")
        else:
            lines.append(f"{file.name}: {'intact' if is_intact(path, file) else 'DAMAGED: its checksum differs'}")
    return lines


def _some_discs() -> Tensor:
    from lowdim.data.discs import sample_discs

    return sample_discs(SHOWN, make_generator(0, "data-page", "discs")).images


def _some_faces() -> Tensor:
    return _example_faces().images


def _some_phantoms() -> Tensor:
    from lowdim.data.phantoms import sample_phantoms

    return 2 * sample_phantoms(SHOWN, make_generator(0, "data-page", "phantoms")) - 1


def _some_brains() -> Tensor:
    return 2 * mni152.brain_slices(SHOWN, make_generator(0, "data-page", "brains"), turned=False) - 1


def _some_digits() -> Tensor:
    return digits.load_digits("train").images[:SHOWN]


def _some_clips() -> Tensor:
    """Four clips, every third of their frames."""
    from lowdim.data.motion import render_scenes, sample_scenes

    scenes = sample_scenes(SHOWN // 4, make_generator(0, "data-page", "motion"))
    return render_scenes(scenes, 10, 64)[:, :, ::3].transpose(1, 2).flatten(0, 1)


EXAMPLES: dict[str, Callable[[], Tensor]] = {
    "discs": _some_discs,
    "faces": _some_faces,
    "phantoms": _some_phantoms,
    "motion": _some_clips,
    "digits": _some_digits,
    "mni152": _some_brains,
}
"""Of the data sets that need no files: :data:`SHOWN` pictures (SHOWN, C, H, W) to show."""


def example_captions(n: int) -> list[str]:
    """Captions of the first ``n`` of the faces in :data:`EXAMPLES`."""
    from lowdim.data.captions import write_captions

    return write_captions(_example_faces().attributes[:n], make_generator(0, "data-page", "captions"))


def _example_faces() -> Faces:
    from lowdim.data.faces import sample_faces

    return sample_faces(SHOWN, make_generator(0, "data-page", "faces"))
