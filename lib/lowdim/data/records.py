"""What the book says about a data set: one record that its loader, ``lowdim doctor`` and the data page share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from torch import Tensor

Kind = Literal["generated", "installed", "local"]


class Images(NamedTuple):
    """``images`` (N, C, H, W) in [-1, 1], their ``labels`` (N, ...) or ``None``, and the name of the ``source`` they
    came from, for the result that used them.
    """

    images: Tensor
    labels: Tensor | None
    source: str


@dataclass(frozen=True)
class DataFile:
    """A file as its publisher describes it: ``name``, ``size`` in words, ``checksum`` (``md5:...``, ``sha256:...``;
    empty where none is published), and whether a loader can do without it.
    """

    name: str
    size: str
    checksum: str = ""
    optional: bool = False


@dataclass(frozen=True)
class DataSet:
    """A data set that the book uses.

    ``kind``: drawn by the code (``generated``), inside an installed package, or in a ``local`` folder. ``module`` is
    the module (or class) to import, ``contents`` what one sample is, ``splits`` the images in each split in the order
    of ``rule``, ``credit`` who made it and ``key`` the work in the bibliography, ``page`` where its publisher offers
    the ``files``, ``placing`` what to do with them, ``checked`` what is verified and what is not.
    """

    name: str
    title: str
    kind: Kind
    module: str
    contents: str
    licence: str
    credit: str
    key: str = ""
    splits: Mapping[str, int] = field(default_factory=dict)
    rule: str = ""
    page: str = ""
    files: tuple[DataFile, ...] = ()
    placing: str = ""
    checked: str = ""

    def file(self, name: str) -> DataFile:
        """The record of one of the files."""
        return next(file for file in self.files if file.name == name)

    def count(self, split: str, limit: int | None = None) -> int:
        """How many images of ``split`` a loader returns: ``limit``, or all.

        Raises ``ValueError`` for an unknown split, or a limit below 1 or above what the split holds.
        """
        if split not in self.splits:
            raise ValueError(f"split: {split!r} is unknown; {self.name} has {', '.join(self.splits)}")
        held = self.splits[split]
        if limit is None:
            return held
        if not 1 <= limit <= held:
            raise ValueError(
                f"limit: {limit!r} is not allowed; the {split} split of {self.name} holds {held} images, "
                f"give 1 to {held}, or None for all"
            )
        return limit
