r"""Clips of a textured shape that moves over a photograph, with known motion, speed and background.

A scene is a still background :math:`b` (a crop of a photograph), a shape with the texture of another photograph
:math:`o`, and a motion. Frame :math:`t` is

.. math::

    V_t=(1-\alpha_t)\,b+\alpha_t\,o_t ,

where the coverage :math:`\alpha_t` and the texture :math:`o_t` are carried along by the motion. Shape, texture, start,
size and background are drawn without regard to the motion, so no single frame tells which motion it is. The frame is a
torus: what leaves it comes back on the other side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from lowdim.data.photographs import NAMES, load_photographs

DIRECTIONS = ("right", "down-right", "down", "down-left", "left", "up-left", "up", "up-right")
MOTIONS = (*DIRECTIONS, "clockwise", "counter-clockwise", "swing across", "swing up and down")
"""Translations, turns on the spot, and swings with a period of :data:`PERIOD` frames."""
BACKGROUNDS = NAMES
PERIOD = 8.0
UNIT = 2 / 32
"""Half-widths in one pixel of a frame of 32 x 32, the unit of speeds and radii."""


@dataclass(frozen=True)
class Scenes:
    """What defines ``n`` clips, one entry each; lengths in half-widths of the frame, angles in radians."""

    motion: Tensor
    """Index into :data:`MOTIONS`."""
    speed: Tensor
    """Speed of the centre (for turns: of the rim; for swings: the largest), in pixels of a 32 x 32 frame per frame."""
    background: Tensor
    """Index into :data:`BACKGROUNDS`."""
    texture: Tensor
    """Index of the photograph on the shape."""
    start: Tensor
    """Centre (n, 2) in the first frame, as (x, y)."""
    phase: Tensor
    """Where a swing begins, and the angle of the shape in the first frame."""
    radius: Tensor
    """Size of the shape."""
    aspect: Tensor
    """Its height over its width."""
    power: Tensor
    """Its exponent: 2 an ellipse, larger towards a rectangle."""
    window: Tensor
    """Centre and half-width (n, 3) of the crop of the background."""
    patch: Tensor
    """Centre and half-width (n, 3) of the crop of the texture."""

    def __len__(self) -> int:
        return len(self.motion)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Scenes:
        """The same scenes elsewhere, or in another precision."""
        moved = {field.name: getattr(self, field.name).to(device) for field in fields(self)}
        if dtype is not None:
            moved = {name: x.to(dtype) if x.is_floating_point() else x for name, x in moved.items()}
        return Scenes(**moved)

    def __getitem__(self, index: Tensor | slice) -> Scenes:
        return Scenes(**{field.name: getattr(self, field.name)[index] for field in fields(self)})


def sample_scenes(
    n: int,
    generator: torch.Generator,
    *,
    motions: tuple[str, ...] = MOTIONS,
    speeds: tuple[float, float] = (1.0, 2.0),
    backgrounds: int = len(BACKGROUNDS),
) -> Scenes:
    """``n`` random scenes on the CPU, all factors independent but that a shape never wears its background's photograph.

    Raises ``ValueError`` for an unknown motion, speeds that are not ``0 <= low <= high``, or fewer than two
    backgrounds.
    """
    unknown = [name for name in motions if name not in MOTIONS]
    if n < 1 or not motions or unknown:
        raise ValueError(f"n, motions: {n!r}, {unknown or motions} not allowed; give n >= 1 and names of {MOTIONS}")
    if not 0 <= speeds[0] <= speeds[1] < math.inf:
        raise ValueError(f"speeds: {speeds!r} is not allowed; give 0 <= slowest <= fastest")
    if not 2 <= backgrounds <= len(BACKGROUNDS):
        raise ValueError(f"backgrounds: {backgrounds!r} is not allowed; give 2 to {len(BACKGROUNDS)}")

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(n, *shape, generator=generator)

    def crop(low: float, high: float) -> Tensor:
        half = uniform(low, high, 1)
        return torch.cat([uniform(-1, 1, 2) * (1 - half), half], 1)

    background = torch.randint(backgrounds, (n,), generator=generator)
    other = torch.randint(1, len(BACKGROUNDS), (n,), generator=generator)
    kinds = torch.tensor([MOTIONS.index(name) for name in motions])
    return Scenes(
        motion=kinds[torch.randint(len(motions), (n,), generator=generator)],
        speed=uniform(*speeds),
        background=background,
        texture=(background + other) % len(BACKGROUNDS),
        start=uniform(-1, 1, 2),
        phase=uniform(0, 2 * math.pi),
        radius=uniform(5, 8) * UNIT,
        aspect=uniform(0.55, 1),
        power=uniform(2, 6),
        window=crop(0.5, 0.9),
        patch=crop(0.3, 0.6),
    )


def paths(scenes: Scenes, frames: int) -> tuple[Tensor, Tensor]:
    """Centres (n, frames, 2) and angles (n, frames) of the shapes."""
    time = torch.arange(frames, device=scenes.speed.device, dtype=scenes.speed.dtype)
    speed, kind = (scenes.speed * UNIT)[:, None], scenes.motion[:, None]
    way = kind * (math.pi / 4)
    swing = PERIOD / (2 * math.pi) * torch.sin(2 * math.pi / PERIOD * time + scenes.phase[:, None])
    along = torch.where(kind < 8, time, torch.where(kind >= 10, swing, 0 * time))
    direction = torch.where(kind == 10, 0.0, torch.where(kind == 11, math.pi / 2, way))
    steps = (speed * along)[..., None] * torch.stack([direction.cos(), direction.sin()], -1)
    turn = torch.where(kind == 8, 1.0, torch.where(kind == 9, -1.0, 0.0))
    return scenes.start[:, None] + steps, scenes.phase[:, None] + turn * speed / scenes.radius[:, None] * time


def coverage(scenes: Scenes, frames: int, size: int) -> tuple[Tensor, Tensor]:
    """How far each pixel is covered by the shape, (n, frames, size, size) in [0, 1], and the pixels' places (..., 2) in
    the shape's own coordinates, where its rim is at distance 1.
    """
    centres, angles = paths(scenes, frames)
    line = (torch.arange(size, device=centres.device, dtype=centres.dtype) * 2 + 1) / size - 1
    down, across = torch.meshgrid(line, line, indexing="ij")
    offset = torch.stack([across, down], -1) - centres[:, :, None, None]
    offset = (offset + 1).remainder(2) - 1
    cos, sin = angles.cos()[..., None, None], angles.sin()[..., None, None]
    radius = scenes.radius[:, None, None, None]
    x = (cos * offset[..., 0] + sin * offset[..., 1]) / radius
    y = (cos * offset[..., 1] - sin * offset[..., 0]) / (radius * scenes.aspect[:, None, None, None])
    power = scenes.power[:, None, None, None]
    length = (x.abs().clamp(1e-6) ** power + y.abs().clamp(1e-6) ** power) ** (1 / power)
    soft = radius * (0.5 * size)  # half a pixel of rim
    return torch.sigmoid(4 * soft * (1 - length)), torch.stack([x, y], -1)


def backdrops(scenes: Scenes, size: int) -> Tensor:
    """The still backgrounds (n, 3, size, size)."""
    line = (torch.arange(size, device=scenes.speed.device, dtype=scenes.speed.dtype) * 2 + 1) / size - 1
    down, across = torch.meshgrid(line, line, indexing="ij")
    places = torch.stack([across, down], -1)[None] * scenes.window[:, 2, None, None, None]
    places = places + scenes.window[:, None, None, :2]
    return grid_sample(_bank(scenes, scenes.background, size), places, align_corners=False, padding_mode="reflection")


def render_scenes(scenes: Scenes, frames: int, size: int, *, additive: bool = False) -> Tensor:
    """Videos (n, 3, frames, size, size) in [-1, 1], on the scenes' device and in their precision.

    ``additive`` lays the covered texture over the background as light, :math:`b+\\alpha_t o_t`, instead of hiding what
    is behind it; then values reach beyond [-1, 1]. Raises ``ValueError`` for a size below 8 or no frames.
    """
    if size < 8 or frames < 1:
        raise ValueError(f"size, frames: {size!r}, {frames!r} are not allowed; give at least 8 and 1")
    alpha, places = coverage(scenes, frames, size)
    n = len(scenes)
    spots = 0.7 * places * scenes.patch[:, None, None, None, 2:] + scenes.patch[:, None, None, None, :2]
    bank = _bank(scenes, scenes.texture, size)
    texture = grid_sample(bank, spots.reshape(n, -1, size, 2), align_corners=False, padding_mode="reflection")
    texture = texture.reshape(n, 3, frames, size, size)
    behind, alpha = backdrops(scenes, size)[:, :, None], alpha[:, None]
    return behind + alpha * texture if additive else torch.lerp(behind.expand_as(texture), texture, alpha)


def render_in_parts(scenes: Scenes, frames: int, size: int, *, part: int = 64) -> Tensor:
    """Videos as bytes (n, 3, frames, size, size), 0 for -1 and 255 for 1, drawn ``part`` at a time to save memory."""
    pieces = (render_scenes(scenes[slice(i, i + part)], frames, size) for i in range(0, len(scenes), part))
    return torch.cat([((video + 1) * 127.5).round().clamp(0, 255).to(torch.uint8) for video in pieces])


def elsewhere(scenes: Scenes, generator: torch.Generator) -> Scenes:
    """The same shapes and motions over other backgrounds."""
    step = torch.randint(1, len(BACKGROUNDS), (len(scenes),), generator=generator).to(scenes.background.device)
    return replace(scenes, background=(scenes.background + step) % len(BACKGROUNDS))


def _bank(scenes: Scenes, index: Tensor, size: int) -> Tensor:
    """The photographs ``index`` of the scenes, about as fine as frames of ``size`` can show."""
    side = min(256, max(48, 2 * size))
    return load_photographs(side).to(scenes.speed.device, scenes.speed.dtype)[index]
