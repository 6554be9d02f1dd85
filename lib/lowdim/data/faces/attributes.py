"""The attributes of a cartoon face: names, ranges, units, and how they are drawn at random."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Attribute(NamedTuple):
    """One coordinate of a face: uniform on ``[low, high]``, in ``unit``; ``meaning`` says what the two ends look like."""

    name: str
    low: float
    high: float
    unit: str
    meaning: str


ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute("smile", -1.0, 1.0, "", "curvature of the mouth: corners down (-1), straight (0), corners up (1)"),
    Attribute("mouth", 0.0, 1.0, "", "opening of the mouth: closed (0) to wide open (1)"),
    Attribute("eyes", 0.25, 1.0, "", "openness of the eyes: narrow (0.25) to wide (1)"),
    Attribute("gaze", -1.0, 1.0, "", "where the eyes look: to the left of the picture (-1), ahead (0), right (1)"),
    Attribute("brow", -1.0, 1.0, "", "height of the brows: low (-1) to raised (1)"),
    Attribute("hair_colour", 0.0, 1.0, "", "along a path of natural colours: black (0), brown, red, blond (1)"),
    Attribute("hair_length", 0.0, 1.0, "", "where the hair ends: at the ears (0) to on the shoulders (1)"),
    Attribute("skin", 0.0, 1.0, "", "skin tone: light (0) to deep (1)"),
    Attribute("width", 0.45, 0.57, "half-widths of the picture", "half the width of the face: narrow to wide"),
    Attribute("background", 0.0, 0.8, "turns", "hue of the background: rose (0), yellow, green, blue, violet (0.8)"),
    Attribute("shift_x", -0.06, 0.06, "half-widths of the picture", "shift of the figure, positive to the right"),
    Attribute("shift_y", -0.06, 0.06, "half-widths of the picture", "shift of the figure, positive downwards"),
    Attribute("scale", 0.95, 1.05, "", "size of the figure against the standard one"),
)
NAMES: tuple[str, ...] = tuple(a.name for a in ATTRIBUTES)


def attribute_bounds(dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """The lower and upper ends of all ranges, two tensors ``(A,)``."""
    low, high = (
        torch.tensor([getattr(a, end) for a in ATTRIBUTES], dtype=dtype, device=device) for end in ("low", "high")
    )
    return low, high


def sample_attributes(n: int, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
    """``(n, A)`` attributes, independent and uniform in their ranges, on the generator's device."""
    low, high = attribute_bounds(dtype, generator.device)
    return low + (high - low) * torch.rand(
        n, len(ATTRIBUTES), generator=generator, dtype=dtype, device=generator.device
    )
