"""Random cartoon faces with their attributes and labels."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lowdim.data.faces.attributes import sample_attributes
from lowdim.data.faces.labels import label_faces
from lowdim.data.faces.render import render_faces


class Faces(NamedTuple):
    """``images`` (N, 3, size, size) in [-1, 1], their ``attributes`` (N, A) and ``labels`` (N,)."""

    images: Tensor
    attributes: Tensor
    labels: Tensor


def sample_faces(
    n: int, generator: torch.Generator, size: int = 32, *, dither: float = 0.0, dtype: torch.dtype = torch.float32
) -> Faces:
    """``n`` faces with independent attributes, uniform in their ranges.

    ``dither`` is the half-width of uniform noise added to every pixel, which gives the data full rank at fine scale
    (its standard deviation is ``dither / sqrt(3)``). It is not clipped, so pixels may pass 1 by less than ``dither``.
    Raises ``ValueError`` for ``n`` below 1, a size below 8, a negative dither, or a dtype that is not floating.
    """
    if not 0 <= dither < 1:
        raise ValueError(f"dither: {dither!r} is not allowed; give a number from 0 to below 1")
    attributes = sample_attributes(n, generator, dtype)
    images = render_faces(attributes, size)
    if dither > 0:
        noise = torch.rand(images.shape, generator=generator, dtype=dtype, device=images.device)
        images = images + dither * (2 * noise - 1)
    return Faces(images, attributes, label_faces(attributes))
