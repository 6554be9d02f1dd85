"""Two fixed lists of small faces without a face in common, whose beginnings are training sets of any size."""

from __future__ import annotations

from torch import Tensor

from lowdim.checks import check_count
from lowdim.data.faces.sampling import sample_faces
from lowdim.seeding import make_generator

LENGTH = 4096


def listed_faces(number: int, other: bool = False, size: int = 16) -> Tensor:
    """The first ``number`` faces ``(number, 3, size, size)`` of the first list, or of the ``other`` one.

    Sets of one list are nested, sets of different lists disjoint. Raises ``ValueError`` unless ``1 <= number <= 4096``.
    """
    check_count("number", number, most=LENGTH)
    generator = make_generator(0, "faces-by-number", "other" if other else "first")
    return sample_faces(LENGTH, generator, size).images[:number]
