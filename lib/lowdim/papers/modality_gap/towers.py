"""A small image tower and a small text tower for pictures and short captions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lowdim.data.captions import Tokens


class Residual(nn.Module):
    """Two convolutions with group norms, added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.GroupNorm(min(8, channels), channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.GroupNorm(min(8, channels), channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """The input plus its correction."""
        return torch.relu(x + self.body(x))


class ImageTower(nn.Module):
    """Stages of one stride-two convolution, a group norm and ``blocks`` residual blocks, then a linear layer.

    (B, 3, size, size) to (B, outputs); size divisible by 2 to the number of stages. Group norms, unlike batch norms,
    make an image's embedding independent of its batch.
    """

    def __init__(self, size: int, channels: Sequence[int], outputs: int, blocks: int = 0) -> None:
        super().__init__()
        if size % 2 ** len(channels):
            raise ValueError(f"size: {size!r} is not allowed; give a multiple of {2 ** len(channels)}")
        stages: list[nn.Module] = []
        for before, after in zip((3, *channels), channels, strict=False):
            stages += [
                nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
                nn.GroupNorm(min(8, after), after),
                nn.ReLU(),
                *(Residual(after) for _ in range(blocks)),
            ]
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(channels[-1] * (size // 2 ** len(channels)) ** 2, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings, not normalised."""
        return self.head(self.stages(images).flatten(1))


class TextTower(nn.Module):
    """Word and place embeddings, ``layers`` transformer layers, the mean over words, then a network with one hidden
    layer.

    ``Tokens`` (ids and mask, each (B, L)) to (B, outputs). With 0 layers it is a bag of words. Raises ``ValueError``
    for captions without a word or longer than ``length``.
    """

    def __init__(self, vocabulary: int, length: int, width: int, layers: int, outputs: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.places = nn.Parameter(torch.zeros(length, width) if not layers else 0.02 * torch.randn(length, width))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, max(1, width // 32), 4 * width, 0.0, batch_first=True, norm_first=True)
            for _ in range(layers)
        )
        self.head = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, outputs)
        )

    def forward(self, tokens: Tokens) -> Tensor:
        """Embeddings, not normalised."""
        ids, mask = tokens
        if not ids.numel() or not bool(mask.any(1).all()):
            raise ValueError("texts: a caption is empty; give captions of at least one word")
        if ids.shape[1] > len(self.places):
            raise ValueError(f"texts: {ids.shape[1]} tokens are too many; this tower reads {len(self.places)}")
        x = self.words(ids) + self.places[: ids.shape[1]]
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=~mask)
        weights = mask[..., None].to(x.dtype)
        return self.head((x * weights).sum(1) / weights.sum(1))
