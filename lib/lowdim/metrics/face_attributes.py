"""A judge of pictures of faces: a small network that reads the attributes back from the pixels.

It measures what an edit, a sample or a reconstruction did to a face, in the attributes' own units. Its errors on fresh
faces are in its card (``models/face-attributes``).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lowdim.checks import check_batch
from lowdim.model_store import Card, find_model, load_card, save_folder

JUDGE = "face-attributes"


class AttributeRegressor(nn.Module):
    """Attributes ``(B, A)`` in their units from pictures ``(B, 3, size, size)`` in [-1, 1].

    Strided convolutions of ``channels`` and one hidden layer of ``width``; ``names``, ``low`` and ``high`` give the
    attributes and their ranges. An attribute is clamped nowhere, so that one pushed out of its range shows.
    """

    low: Tensor
    high: Tensor

    def __init__(
        self,
        names: Sequence[str],
        low: Sequence[float],
        high: Sequence[float],
        size: int = 32,
        channels: Sequence[int] = (32, 48, 64),
        width: int = 128,
    ) -> None:
        super().__init__()
        if not len(names) == len(low) == len(high) > 0:
            raise ValueError(
                f"names: {len(names)} names with {len(low)} lower and {len(high)} upper ends are not allowed; give one "
                "of each for every attribute"
            )
        if size < 1 or size % 2 ** len(channels):
            raise ValueError(f"size: {size!r} is not allowed; give a multiple of {2 ** len(channels)}")
        self.names, self.size = tuple(names), size
        self.config: dict[str, Any] = {
            "names": list(names),
            "low": list(low),
            "high": list(high),
            "size": size,
            "channels": list(channels),
            "width": width,
        }
        self.register_buffer("low", torch.tensor(low, dtype=torch.float32), persistent=False)
        self.register_buffer("high", torch.tensor(high, dtype=torch.float32), persistent=False)
        layers: list[nn.Module] = []
        for inside, outside in zip((3, *channels[:-1]), channels, strict=True):
            layers += [
                nn.Conv2d(inside, outside, 3, padding=1),
                nn.SiLU(),
                nn.Conv2d(outside, outside, 3, stride=2, padding=1),
                nn.GroupNorm(8, outside),
                nn.SiLU(),
            ]
        flat = channels[-1] * (size // 2 ** len(channels)) ** 2
        self.network = nn.Sequential(
            *layers, nn.Flatten(), nn.Linear(flat, width), nn.SiLU(), nn.Linear(width, len(names))
        )

    def forward(self, images: Tensor) -> Tensor:
        """The attributes ``(B, A)``, in the order of ``names``."""
        check_batch("images", images, (3, self.size, self.size))
        return self.low + (self.network(images) + 1) / 2 * (self.high - self.low)


def save_judge(
    folder: Path,
    judge: AttributeRegressor,
    card: Card,
    extra: Mapping[str, bytes] | None = None,
    *,
    dtype: torch.dtype = torch.float32,
) -> Path:
    """Write ``judge`` with its ``card`` as the model folder ``folder``; see :func:`lowdim.model_store.save_folder`."""

    def write(path: Path) -> None:
        (path / "config.json").write_text(json.dumps(judge.config, indent=2) + "\n", encoding="utf-8", newline="\n")
        state = copy.deepcopy(judge).to(dtype).state_dict()
        save_file({key: value.contiguous() for key, value in state.items()}, path / "model.safetensors")

    return save_folder(folder, write, card, extra)


def load_judge(name: str | Path = JUDGE, models_dir: Path | None = None) -> AttributeRegressor:
    """The shipped judge, frozen and in float32. Raises as :func:`lowdim.model_store.load_card`."""
    folder = find_model(name, models_dir)
    load_card(folder)
    judge = AttributeRegressor(**json.loads((folder / "config.json").read_text(encoding="utf-8")))
    judge.load_state_dict(load_file(folder / "model.safetensors"))
    return judge.float().eval().requires_grad_(False)
