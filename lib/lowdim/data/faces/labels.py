"""Eight labels of faces, for models that are told what to draw: the family of the hair colour and the expression."""

from __future__ import annotations

import torch
from torch import Tensor

from lowdim.data.faces.attributes import NAMES, check_attributes

HAIR_COLOURS = ("black", "brown", "red", "blond")
HAIR_BOUNDS = (0.2, 0.5, 0.8)  # where on the path of colours one family ends and the next begins
EXPRESSIONS = ("frowning", "smiling")

LABELS: tuple[str, ...] = tuple(f"{hair} hair, {mood}" for hair in HAIR_COLOURS for mood in EXPRESSIONS)


def label_faces(attributes: Tensor) -> Tensor:
    """Indices ``(N,)`` into :data:`LABELS`, twice the family of the hair colour plus one for a smile.

    A face smiles when ``smile`` is positive. The families end at :data:`HAIR_BOUNDS`, so that black and blond faces are
    a fifth of all each, brown and red ones three tenths.
    """
    check_attributes(attributes)
    bounds = attributes.new_tensor(HAIR_BOUNDS)
    family = torch.bucketize(attributes[:, NAMES.index("hair_colour")].contiguous(), bounds)
    return 2 * family + (attributes[:, NAMES.index("smile")] > 0)
