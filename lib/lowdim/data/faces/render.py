"""Drawing of cartoon faces: layers from back to front, each a soft coverage and a colour."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from lowdim.data.faces import palette
from lowdim.data.faces.attributes import NAMES
from lowdim.data.faces.geometry import Frame, box, ellipse, intersection, make_frame, union
from lowdim.data.faces.palette import along, constant, mix

EYE_X, EYE_Y = 0.235, -0.05
EYE_RX, EYE_RY = 0.140, 0.14
BROW_X, BROW_Y = 0.240, -0.30
MOUTH_Y = 0.33


class Layer(NamedTuple):
    """One coat of paint: ``part`` names what it belongs to, ``coverage`` (N, 1, S, S), ``colour`` (N, 3, S or 1, S or 1)."""

    part: str
    coverage: Tensor
    colour: Tensor


def compose(layers: Iterator[Layer]) -> Tensor:
    """The picture in [-1, 1]; every coat is a convex combination, so nothing is ever clipped."""
    image = next(layers).colour
    for layer in layers:
        image = torch.lerp(image, layer.colour, layer.coverage)
    return 2 * image - 1


def draw(attributes: Tensor, size: int) -> Iterator[Layer]:
    """The layers of faces ``attributes`` (N, A), from back to front."""
    a = dict(zip(NAMES, attributes.unbind(1), strict=True))
    frame = make_frame(a["shift_x"], a["shift_y"], a["scale"], size)
    a = {name: value[:, None, None, None] for name, value in a.items()} | {f"{k}_": v for k, v in a.items()}
    skin, hair = along(palette.SKIN, a["skin_"]), along(palette.HAIR, a["hair_colour_"])
    yield from draw_background(frame, a)
    yield from draw_hair_behind(frame, a, hair)
    yield from draw_body(frame, skin)
    yield from draw_head(frame, a, skin)
    yield from draw_hair_in_front(frame, a, hair)
    yield from draw_brows(frame, a, hair)
    yield from draw_eyes(frame, a, skin)
    yield from draw_mouth(frame, a, skin)


def draw_background(f: Frame, a: dict[str, Tensor]) -> Iterator[Layer]:
    """A pastel, lighter behind the head."""
    glow = torch.exp(-(f.x.square() + (f.y + 0.25).square()) / 0.9)
    base = palette.pastel(a["background_"])
    yield Layer("background", torch.ones_like(glow), mix(base, torch.ones_like(base), 0.45 * glow))


def draw_hair_behind(f: Frame, a: dict[str, Tensor], hair: Tensor) -> Iterator[Layer]:
    end = 0.16 + 0.60 * a["hair_length"]
    top = -0.45
    cap = ellipse(f.x, f.y + 0.31, a["width"] + 0.12, 0.55)
    fall = box(f.x, f.y - 0.5 * (end + top), a["width"] + 0.01 + 0.14 * a["hair_length"], 0.5 * (end - top), 0.16)
    yield Layer("hair", f.cover(union(cap, fall, 0.06)), mix(hair, constant(palette.INK, hair), 0.28))


def draw_body(f: Frame, skin: Tensor) -> Iterator[Layer]:
    shadow = mix(skin, constant(palette.CAVITY, skin), 0.30)
    shoulders = ellipse(f.x, f.y - 1.22, 0.84, 0.50)
    light = torch.exp(-((f.x + 0.4).square() + (f.y - 0.85).square()) / 0.12)
    shirt = mix(constant(palette.SHIRT, skin), constant(palette.SHIRT_LIGHT, skin), light)
    yield Layer("shirt", f.cover(shoulders), shirt)
    neck = box(f.x, f.y - 0.55, 0.17, 0.29, 0.14)
    collar = ellipse(f.x, f.y - 0.72, 0.24, 0.12)
    yield Layer("skin", f.cover(union(neck, collar, 0.04)), shadow)


def draw_head(f: Frame, a: dict[str, Tensor], skin: Tensor) -> Iterator[Layer]:
    blush = mix(skin, constant(palette.BLUSH, skin), 0.5 - 0.32 * a["skin"])
    side = f.x.abs()
    yield Layer("skin", f.cover(ellipse(side - a["width"], f.y - 0.06, 0.085, 0.13)), mix(skin, blush, 0.5))
    taper = 1 - 0.07 * torch.tanh(2.0 * f.y)
    head = ellipse(f.x / taper, f.y, a["width"], 0.65)
    light = torch.exp(-((f.x + 0.16).square() + (f.y + 0.22).square()) / 0.35)
    shade = mix(skin, constant(palette.CAVITY, skin), 0.16)
    yield Layer("skin", f.cover(head), mix(shade, mix(skin, constant(palette.LIGHT, skin), 0.10), light))
    cheeks = torch.exp(-((side - 0.32).square() + (f.y - 0.20).square()) / 0.014)
    yield Layer("skin", 0.55 * cheeks, blush)
    nose = ellipse(f.x, f.y - 0.135, 0.055, 0.035)
    yield Layer("skin", 0.75 * f.cover(nose), mix(skin, constant(palette.CAVITY, skin), 0.38))


def draw_hair_in_front(f: Frame, a: dict[str, Tensor], hair: Tensor) -> Iterator[Layer]:
    cap = ellipse(f.x, f.y + 0.20, a["width"] + 0.11, 0.65)
    offset = f.x - 0.13
    line = f.y + 0.53 - 0.42 * ((offset.square() + 4e-3).sqrt() - 0.063)
    sheen = torch.exp(-((f.x + 0.22).square() / 0.10 + (f.y + 0.68).square() / 0.012))
    glossy = mix(hair, constant(palette.LIGHT, hair), 0.30 * sheen)
    yield Layer("hair", f.cover(intersection(cap, line, 0.03)), glossy)


def draw_brows(f: Frame, a: dict[str, Tensor], hair: Tensor) -> Iterator[Layer]:
    along_brow = f.x.abs() - BROW_X
    arch = f.y - BROW_Y + 0.075 * a["brow"] - 1.6 * along_brow.square()
    brow = ellipse(along_brow, arch, 0.15, 0.036)
    yield Layer("brows", f.cover(brow), mix(hair, constant(palette.INK, hair), 0.58))


def draw_eyes(f: Frame, a: dict[str, Tensor], skin: Tensor) -> Iterator[Layer]:
    u, v = f.x.abs() - EYE_X, f.y - EYE_Y
    ink = constant(palette.INK, skin)
    ry = EYE_RY * a["eyes"]
    yield Layer("eyes", f.cover(ellipse(u, v + 0.022, EYE_RX + 0.018, ry + 0.020)), ink)
    opening = f.cover(ellipse(u, v, EYE_RX, ry))
    yield Layer("eyes", opening, constant(palette.SCLERA, skin))
    w = torch.sign(f.x) * u - 0.072 * a["gaze"]
    radius = (w.square() + v.square() + 1e-8).sqrt()
    yield Layer("eyes", opening * f.cover(radius - 0.092), constant(palette.IRIS, skin))
    yield Layer("eyes", opening * f.cover(radius - 0.054), ink)
    glint = ((w + 0.035).square() + (v + 0.035).square() + 1e-8).sqrt()
    yield Layer("eyes", 0.9 * opening * f.cover(glint - 0.024), constant(palette.SCLERA, skin))


def draw_mouth(f: Frame, a: dict[str, Tensor], skin: Tensor) -> Iterator[Layer]:
    half_width = 0.215
    s = f.x / half_width
    bow = 1 - s.square()
    opening = 0.105 * a["mouth"]
    middle = f.y - MOUTH_Y - 0.5 * opening - 0.15 * a["smile"] * (bow - 0.5)
    slope = (1 + (0.3 * a["smile"] / half_width * s).square()).rsqrt()
    thickness = (middle.square() + 1e-4).sqrt() - 0.004  # without a crease along the middle line
    outer = (thickness - (0.036 + opening) * bow) * slope
    side = f.x.abs() - half_width
    yield Layer("mouth", f.cover(intersection(outer, side, 0.01)), constant(palette.LIPS, skin))
    inner = (thickness - (0.004 + opening) * (bow - 0.12)) * slope
    inner = f.cover(intersection(inner, side, 0.01))
    yield Layer("mouth", inner, constant(palette.CAVITY, skin))
    teeth = inner * f.cover(middle + 0.35 * opening * bow + 0.012)
    yield Layer("mouth", teeth, constant(palette.TEETH, skin))
