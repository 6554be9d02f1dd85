"""Pairs of augmented clips drawn from a set of videos, all at once and on the videos' device."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from lowdim.checks import check_count

Gap = Literal["none", "any"]


def check_bytes(videos: Tensor) -> None:
    """Raise a ``ValueError`` unless ``videos`` are bytes (N, C, T, H, W)."""
    if videos.dim() != 5 or videos.dtype != torch.uint8:
        raise ValueError(
            f"videos: {tuple(videos.shape)} of {videos.dtype}; give bytes (N, C, T, H, W), "
            "of videos in [0, 1] (255 * videos).round().to(torch.uint8)"
        )


@dataclass(frozen=True)
class Clips:
    """How clips are cut from videos (N, 3, T, S, S) of bytes, and how they are augmented.

    Two clips of a pair are consecutive (``gap`` = ``"none"``) or drawn independently. Each gets a crop whose share of
    the area is uniform in ``area``, resized to ``size``, and a contrast and a brightness of its own: ``x`` becomes
    ``c x + b`` with ``c`` and ``b`` uniform within ``jitter`` of 1 and 0. With ``per_frame`` both are drawn for every
    frame instead, as in the authors' development code; then still things flicker. There are no flips, which would
    change the direction of motion. Pictures that are not square are squeezed to squares.

    Raises ``ValueError`` unless ``frames``, ``stride`` and ``size`` are whole numbers of at least 1, ``area`` is two
    shares with 0 < low <= high <= 1, ``jitter`` is finite and at least 0, and ``gap`` is one of the two.
    """

    frames: int = 8
    stride: int = 1
    size: int = 28
    area: tuple[float, float] = (0.8, 1.0)
    jitter: float = 0.3
    per_frame: bool = False
    gap: Gap = "none"

    def __post_init__(self) -> None:
        for name in ("frames", "stride", "size"):
            check_count(name, getattr(self, name))
        if not isinstance(self.area, tuple | list) or len(self.area) != 2 or not 0 < self.area[0] <= self.area[1] <= 1:
            raise ValueError(f"area: {self.area!r} is not allowed; give shares (low, high) with 0 < low <= high <= 1")
        if not 0 <= self.jitter < math.inf:
            raise ValueError(f"jitter: {self.jitter!r} is not allowed; give a finite number >= 0")
        if self.gap not in get_args(Gap):
            raise ValueError(f"gap: {self.gap!r} is unknown; choose one of {', '.join(get_args(Gap))}")

    def check(self, videos: Tensor) -> None:
        """Raise a ``ValueError`` unless ``videos`` are bytes and long enough for a pair."""
        check_bytes(videos)
        need = self.span * (2 if self.gap == "none" else 1)
        what = "two consecutive clips" if self.gap == "none" else "a clip"
        if videos.shape[2] < need:
            raise ValueError(
                f"videos: {videos.shape[2]} frames are too few for {what} of {self.frames} "
                f"frames with stride {self.stride}; give at least {need}, or a smaller stride"
            )

    @property
    def span(self) -> int:
        """Frames of the video from the start of a clip to the start of one right behind it."""
        return self.frames * self.stride

    def pairs(self, videos: Tensor, index: Tensor, generator: torch.Generator) -> Tensor:
        """Augmented pairs (B, 2, C, frames, size, size) in about [-1, 1] of the videos ``index`` (B,)."""
        n, length = len(index), videos.shape[2]
        if self.gap == "none":
            first = torch.randint(length - 2 * self.span + self.stride, (n, 1), generator=generator)
            starts = first + torch.tensor([0, self.span])
        else:
            starts = torch.randint(length - self.span + self.stride, (n, 2), generator=generator)
        times = starts[..., None] + self.stride * torch.arange(self.frames)
        device = videos.device
        clips = videos[index.to(device)[:, None, None], :, times.to(device)]  # (B, 2, frames, C, S, S)
        return self.augment(clips.flatten(0, 1).float() / 127.5 - 1, generator).unflatten(0, (n, 2))

    def augment(self, clips: Tensor, generator: torch.Generator) -> Tensor:
        """Crops and jitters clips (B, frames, C, S, S) to (B, C, frames, size, size)."""
        n, frames, channels = clips.shape[:3]
        area, across, down = torch.rand(3, n, generator=generator)
        half = (self.area[0] + (self.area[1] - self.area[0]) * area).sqrt()
        centre = (1 - half)[:, None] * (2 * torch.stack([across, down], 1) - 1)
        light = self.jitter * (2 * torch.rand(2, n, frames if self.per_frame else 1, generator=generator) - 1)
        half, centre, light = (x.to(clips.device) for x in (half, centre, light))
        cropped = crop(clips.flatten(1, 2), half, centre, self.size).unflatten(1, (frames, channels))
        contrast, brightness = light[..., None, None, None]
        return ((1 + contrast) * cropped + brightness).transpose(1, 2)

    def central(self, videos: Tensor, starts: list[int]) -> Tensor:
        """Clips (N, len(starts), C, frames, size, size) without augmentation: the whole picture, resized."""
        times = torch.tensor(starts)[:, None] + self.stride * torch.arange(self.frames)
        clips = videos[:, :, times.to(videos.device)].permute(0, 2, 3, 1, 4, 5)  # (N, starts, frames, C, S, S)
        flat = clips.flatten(0, 1).flatten(1, 2).float() / 127.5 - 1
        whole = crop(flat, flat.new_ones(len(flat)), flat.new_zeros(len(flat), 2), self.size)
        return whole.unflatten(1, (self.frames, -1)).transpose(1, 2).unflatten(0, (len(videos), len(starts)))


def crop(pictures: Tensor, half: Tensor, centre: Tensor, size: int) -> Tensor:
    """Squares of half-width ``half`` (B,) around ``centre`` (B, 2), both in half-widths of ``pictures`` (B, C, S, S),
    bilinearly resized to ``size``.
    """
    line = (torch.arange(size, device=pictures.device, dtype=pictures.dtype) * 2 + 1) / size - 1
    down, across = torch.meshgrid(line, line, indexing="ij")
    places = half[:, None, None, None] * torch.stack([across, down], -1) + centre[:, None, None]
    return grid_sample(pictures, places, align_corners=False, padding_mode="border")
