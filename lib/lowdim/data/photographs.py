"""The sixteen photographs inside the scikit-image wheel, as one bank of square colour pictures.

They serve as real textures: backgrounds of moving scenes, and what moves in front of them. Nothing is downloaded.
"""

from __future__ import annotations

import warnings
from functools import lru_cache

import torch
from torch import Tensor

from lowdim.data.records import DataSet

NAMES = (
    "astronaut", "brick", "camera", "cat", "coffee", "coins", "grass", "gravel",
    "hubble_deep_field", "immunohistochemistry", "moon", "motorcycle", "page", "retina", "rocket", "cell",
)  # fmt: skip
"""In the order of the bank; the names are those of ``skimage.data``, but for one half of its stereo pair."""

PHOTOGRAPHS = DataSet(
    name="photographs",
    title="Photographs of scikit-image",
    kind="installed",
    module="lowdim.data.photographs",
    contents="photographs, 3 × side × side, the largest central square of each",
    licence="mostly CC0 or public domain; each is listed in scikit-image's data folder",
    credit="scikit-image",
    key="vanderwalt2014scikit",
    splits={"all": len(NAMES)},
    rule="no split",
)


@lru_cache(maxsize=4)
def load_photographs(side: int = 128) -> Tensor:
    """The bank (16, 3, side, side) in [-1, 1], float32; grey ones repeat their channel. Do not write into it.

    Raises ``ValueError`` for a side outside 8 to 256, ``ImportError`` with the command where scikit-image is missing.
    """
    if not 8 <= side <= 256:
        raise ValueError(f"side: {side!r} is not allowed; give 8 to 256 pixels")
    try:
        with warnings.catch_warnings():
            # Its downloader, which nothing here needs, says in notebooks that a progress bar is missing.
            warnings.filterwarnings("ignore", message="IProgress not found")
            from skimage import data, transform

            data.camera()
    except ModuleNotFoundError as error:
        raise ImportError("scikit-image holds the photographs; install it with: pip install scikit-image") from error
    bank = []
    for name in NAMES:
        picture = data.stereo_motorcycle()[0] if name == "motorcycle" else getattr(data, name)()
        edge = min(picture.shape[:2])
        top, left = ((length - edge) // 2 for length in picture.shape[:2])
        square = torch.as_tensor(
            transform.resize(picture[top : top + edge, left : left + edge], (side, side), anti_aliasing=True)
        ).float()
        bank.append(square[..., None].expand(-1, -1, 3) if square.dim() == 2 else square[..., :3])
    return 2 * torch.stack(bank).permute(0, 3, 1, 2).contiguous() - 1
