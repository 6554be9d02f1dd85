"""The attributes of a cartoon face: names, ranges, units, and how they are drawn at random."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lowdim.checks import check_batch, check_count


class Attribute(NamedTuple):
    """One coordinate of a face, uniform on ``[low, high]`` in ``unit``; ``meaning`` tells what the ends look like."""

    name: str
    low: float
    high: float
    unit: str
    meaning: str

    @property
    def middle(self) -> float:
        """The mean of the attribute over faces."""
        return (self.low + self.high) / 2

    @property
    def std(self) -> float:
        """The standard deviation of the attribute over faces, (high - low) / sqrt(12)."""
        return (self.high - self.low) / 12**0.5


HALF_WIDTHS = "half-widths of the picture"

ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute("smile", -1.0, 1.0, "", "curvature of the mouth: corners down (-1), straight (0), corners up (1)"),
    Attribute("mouth", 0.0, 1.0, "", "opening of the mouth: closed (0) to wide open (1)"),
    Attribute("eyes", 0.25, 1.0, "", "openness of the eyes: narrow (0.25) to wide (1)"),
    Attribute("gaze", -1.0, 1.0, "", "where the eyes look: to the left of the picture (-1), ahead (0), right (1)"),
    Attribute("brow", -1.0, 1.0, "", "height of the brows: low (-1) to raised (1)"),
    Attribute("hair_colour", 0.0, 1.0, "", "along a path of natural colours: black (0), brown, red, blond (1)"),
    Attribute("hair_length", 0.0, 1.0, "", "where the hair ends: at the ears (0) to on the shoulders (1)"),
    Attribute("skin", 0.0, 1.0, "", "skin tone: light (0) to deep (1)"),
    Attribute("width", 0.45, 0.57, HALF_WIDTHS, "half the width of the face: narrow to wide"),
    Attribute("background", 0.0, 0.8, "turns", "hue of the background: rose (0), yellow, green, blue, violet (0.8)"),
    Attribute("shift_x", -0.06, 0.06, HALF_WIDTHS, "shift of the figure, positive to the right"),
    Attribute("shift_y", -0.06, 0.06, HALF_WIDTHS, "shift of the figure, positive downwards"),
    Attribute("scale", 0.95, 1.05, "", "size of the figure against the standard one"),
)
NAMES: tuple[str, ...] = tuple(a.name for a in ATTRIBUTES)

_ROWS = (f"   * - {a.name}\n     - {a.low:g} to {a.high:g} {a.unit}\n     - {a.meaning}\n" for a in ATTRIBUTES)
__doc__ = f"""{__doc__}

.. list-table:: ``ATTRIBUTES``, in the order of the columns of attribute tensors
   :header-rows: 1

   * - name
     - range
     - meaning
{"".join(_ROWS)}"""


def attribute_bounds(dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """The lower and the upper ends of all ranges: two tensors ``(A,)`` in the order of :data:`ATTRIBUTES`."""
    low = torch.tensor([a.low for a in ATTRIBUTES], dtype=dtype, device=device)
    high = torch.tensor([a.high for a in ATTRIBUTES], dtype=dtype, device=device)
    return low, high


def sample_attributes(n: int, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
    """``(n, A)`` attributes, independent and uniform in their ranges, on the generator's device.

    Raises ``ValueError`` for ``n`` below 1 or a dtype that is not floating.
    """
    check_count("n", n)
    if not dtype.is_floating_point:
        raise ValueError(f"dtype: {dtype} is not allowed; give a floating-point dtype")
    low, high = attribute_bounds(dtype, generator.device)
    uniform = torch.rand(n, len(ATTRIBUTES), generator=generator, dtype=dtype, device=generator.device)
    return low + (high - low) * uniform


def check_attributes(attributes: Tensor) -> Tensor:
    """``attributes`` when they are a finite ``(N, A)`` tensor inside all ranges, up to rounding.

    Raises ``ValueError`` that names the first attribute out of range.
    """
    check_batch("attributes", attributes, (len(ATTRIBUTES),))
    values = attributes.detach()
    low, high = attribute_bounds(values.dtype, values.device)
    slack = 1e-6 * (high - low)
    bad = ((values < low - slack) | (values > high + slack)).nonzero()
    if len(bad):
        row, column = bad[0].tolist()
        a = ATTRIBUTES[column]
        raise ValueError(
            f"attributes: {a.name} = {float(values[row, column]):.4g} of face {row} is not allowed; "
            f"its range is {a.low:g} to {a.high:g}"
        )
    return attributes
