"""Axial slices of the MNI152 brain template that ships inside nilearn, as grey pictures in [0, 1]."""

from __future__ import annotations

import functools
import importlib.util
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lowdim.data.local import find
from lowdim.data.records import DataSet

FILE = "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
LOW, HIGH = 60, 130
"""First and last axial plane used, in millimetres from the template's lowest: from the eyes to the top of the
ventricles, where a plane is filled by the brain."""

SIDE = 208
"""Side of the square around the brain, in millimetres."""

MNI152 = DataSet(
    name="mni152",
    title="MNI152 template",
    kind="installed",
    module="lowdim.data.mni152",
    contents="an axial plane of the average of 152 T1-weighted brain scans, 1 × 64 × 64 by default",
    licence="free to use, copy, modify and distribute with its notice; © 1993-2004 Louis Collins, McConnell Brain "
    "Imaging Centre, Montreal Neurological Institute, McGill University",
    credit="Fonov and others; shipped inside nilearn",
    key="fonov2011unbiased",
    rule=f"axial planes {LOW} to {HIGH} of the T1 volume at 1 mm",
)


def brain_slices(n: int, generator: torch.Generator, size: int = 64, *, turned: bool = True) -> Tensor:
    """``n`` slices ``(n, 1, size, size)`` in [0, 1], background 0, each with the maximum 1.

    The planes lie evenly between ``LOW`` and ``HIGH``. With ``turned`` each is rotated in its plane by up to 10 degrees
    and scaled by up to 5 percent, both uniform. The file is found in ``LOWDIM_DATA``, else inside nilearn, which is
    not imported.

    Raises ``ValueError`` for ``n < 1`` or a size out of range, ``FileNotFoundError`` where neither has the file.
    """
    planes = _planes()
    if n < 1 or not 8 <= size <= planes.shape[-1]:
        raise ValueError(f"n, size: {n!r}, {size!r} are not allowed; need n >= 1 and 8 <= size <= {planes.shape[-1]}")
    chosen = planes[torch.linspace(0, len(planes) - 1, n + 2)[1:-1].round().long(), None]
    if turned:
        uniform = 2 * torch.rand(2, n, generator=generator) - 1
        angle, scale = uniform[0] * math.radians(10), 1 + 0.05 * uniform[1]
        cos, sin = angle.cos() * scale, angle.sin() * scale
        zero = torch.zeros(n)
        turn = torch.stack([torch.stack([cos, -sin, zero], 1), torch.stack([sin, cos, zero], 1)], 1)
        grid = torch.nn.functional.affine_grid(turn, list(chosen.shape), align_corners=False)
        chosen = torch.nn.functional.grid_sample(chosen, grid, align_corners=False)
    small = torch.nn.functional.interpolate(chosen, (size, size), mode="bilinear", antialias=True).clamp_min(0)
    return small / small.amax((1, 2, 3), keepdim=True)


@functools.cache
def _planes() -> Tensor:
    """The planes ``(N, side, side)``, the front of the head at the top, cut or padded to squares."""
    import nibabel

    template: Any = nibabel.load(_path())
    volume = torch.from_numpy(template.get_fdata(dtype="float32"))
    planes = volume[:, :, LOW : HIGH + 1].permute(2, 1, 0).flip(1)
    down, right = ((SIDE - length) // 2 for length in planes.shape[1:])  # negative: cut
    padded = torch.nn.functional.pad(planes, [right, right + 1, down, down + 1])
    return padded[:, :SIDE, :SIDE].contiguous()


def _path() -> Path:
    """The template's file in ``LOWDIM_DATA``, or inside nilearn."""
    local = find(MNI152, FILE)
    if local is not None:
        return local
    package = importlib.util.find_spec("nilearn")
    if package is None or package.origin is None:
        raise FileNotFoundError(f"{FILE}: install nilearn, which holds it, or put it into the folder LOWDIM_DATA")
    return Path(package.origin).parent / "datasets" / "data" / FILE
