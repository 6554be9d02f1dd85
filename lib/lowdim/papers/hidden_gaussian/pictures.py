"""Faces for this chapter, at 16 x 16 pixels."""

from __future__ import annotations

from torch import Tensor

from lowdim.data.faces import sample_faces
from lowdim.seeding import make_generator

SIZE = 16


def face_images(count: int, seed: int, name: str) -> Tensor:
    """``count`` new faces ``(count, 3, 16, 16)``, a stream of their own for each seed and name."""
    return sample_faces(count, make_generator(seed, "hidden-gaussian", "faces", name), SIZE).images
