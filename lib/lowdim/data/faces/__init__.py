"""Cartoon faces."""

from __future__ import annotations

from torch import Tensor

from lowdim.data.faces.attributes import ATTRIBUTES, Attribute, sample_attributes
from lowdim.data.faces.render import compose, draw


def render_faces(attributes: Tensor, size: int = 32) -> Tensor:
    """Pictures."""
    return compose(draw(attributes, size))


__all__ = ["ATTRIBUTES", "Attribute", "render_faces", "sample_attributes"]
