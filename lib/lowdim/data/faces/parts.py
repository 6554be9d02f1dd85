"""The parts of a cartoon face, from back to front: layers of soft coverage and colour.

Lengths are in half-widths of the picture, ``y`` downwards, the face centred at the origin. All functions but
:func:`draw` take the frame and the attributes by name, each (N, 1, 1, 1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from lowdim.data.faces import palette
from lowdim.data.faces.attributes import NAMES
from lowdim.data.faces.geometry import Frame, box, disc, ellipse, intersection, make_frame, union
from lowdim.data.faces.palette import along, mix, pastel, plain

PARTS = ("background", "hair", "shirt", "skin", "brows", "eyes", "mouth")

EYE_X, EYE_Y, EYE_RX, EYE_RY = 0.235, -0.05, 0.140, 0.140
BROW_X, BROW_Y = 0.240, -0.30
MOUTH_Y, MOUTH_HALF_WIDTH = 0.33, 0.215

Values = dict[str, Tensor]


class Layer(NamedTuple):
    """One coat of paint on ``part``: ``coverage`` (N, 1, S, S) in [0, 1], ``colour`` (N or 1, 3, S or 1, S or 1)."""

    part: str
    coverage: Tensor
    colour: Tensor


def draw(attributes: Tensor, size: int) -> Iterator[Layer]:
    """The layers of the faces ``attributes`` (N, A), from back to front; the first covers everything."""
    a = dict(zip(NAMES, attributes[..., None, None, None].unbind(1), strict=True))
    frame = make_frame(a["shift_x"], a["shift_y"], a["scale"], size)
    for part in (_background, _hair_behind, _body, _head, _hair_in_front, _brows, _eyes, _mouth):
        yield from part(frame, a)


def _background(f: Frame, a: Values) -> Iterator[Layer]:
    """A pastel, lighter behind the head."""
    glow = torch.exp(-(f.x.square() + (f.y + 0.25).square()) / 0.9)
    yield Layer("background", torch.ones_like(glow), mix(pastel(a["background"]), palette.WHITE, 0.45 * glow))


def _hair_behind(f: Frame, a: Values) -> Iterator[Layer]:
    """A cap behind the head, and hair that falls from it as far as its length."""
    top, end = -0.45, 0.16 + 0.60 * a["hair_length"]
    cap = ellipse(f.x, f.y + 0.31, a["width"] + 0.12, 0.55)
    half_width = a["width"] + 0.01 + 0.14 * a["hair_length"]
    fall = box(f.x, f.y - 0.5 * (end + top), half_width, 0.5 * (end - top), 0.16)
    colour = mix(along(palette.HAIR, a["hair_colour"]), palette.INK, 0.28)
    yield Layer("hair", f.cover(union(cap, fall, 0.06)), colour)


def _body(f: Frame, a: Values) -> Iterator[Layer]:
    """Shoulders in a shirt, lit from the left, and the neck in the shadow of the chin."""
    light = torch.exp(-((f.x + 0.4).square() + (f.y - 0.85).square()) / 0.12)
    shirt = mix(plain(palette.SHIRT, light), palette.SHIRT_LIGHT, light)
    yield Layer("shirt", f.cover(ellipse(f.x, f.y - 1.22, 0.84, 0.50)), shirt)
    neck = box(f.x, f.y - 0.55, 0.17, 0.29, 0.14)
    collar = ellipse(f.x, f.y - 0.72, 0.24, 0.12)
    shadow = mix(along(palette.SKIN, a["skin"]), palette.CAVITY, 0.30)
    yield Layer("skin", f.cover(union(neck, collar, 0.04)), shadow)


def _head(f: Frame, a: Values) -> Iterator[Layer]:
    """Ears, the head lit from the left, cheeks that blush less on deep skin, and the shadow under the nose."""
    skin, side = along(palette.SKIN, a["skin"]), f.x.abs()
    blush = mix(skin, palette.BLUSH, 0.5 - 0.32 * a["skin"])
    yield Layer("skin", f.cover(ellipse(side - a["width"], f.y - 0.06, 0.085, 0.13)), mix(skin, blush, 0.5))
    taper = 1 - 0.07 * torch.tanh(2.0 * f.y)
    light = torch.exp(-((f.x + 0.16).square() + (f.y + 0.22).square()) / 0.35)
    lit = mix(mix(skin, palette.CAVITY, 0.16), mix(skin, palette.LIGHT, 0.10), light)
    yield Layer("skin", f.cover(ellipse(f.x / taper, f.y, a["width"], 0.65)), lit)
    cheeks = torch.exp(-((side - 0.32).square() + (f.y - 0.20).square()) / 0.014)
    yield Layer("skin", 0.55 * cheeks, blush)
    nose = ellipse(f.x, f.y - 0.135, 0.055, 0.035)
    yield Layer("skin", 0.75 * f.cover(nose), mix(skin, palette.CAVITY, 0.38))


def _hair_in_front(f: Frame, a: Values) -> Iterator[Layer]:
    """The front of the hair above a hairline with a parting, and a sheen on the crown."""
    cap = ellipse(f.x, f.y + 0.20, a["width"] + 0.11, 0.65)
    line = f.y + 0.53 - 0.42 * (((f.x - 0.13).square() + 4e-3).sqrt() - 0.063)
    sheen = torch.exp(-((f.x + 0.22).square() / 0.10 + (f.y + 0.68).square() / 0.012))
    colour = mix(along(palette.HAIR, a["hair_colour"]), palette.LIGHT, 0.30 * sheen)
    yield Layer("hair", f.cover(intersection(cap, line, 0.03)), colour)


def _brows(f: Frame, a: Values) -> Iterator[Layer]:
    """Arched brows, darker than the hair."""
    across = f.x.abs() - BROW_X
    arch = f.y - BROW_Y + 0.075 * a["brow"] - 1.6 * across.square()
    colour = mix(along(palette.HAIR, a["hair_colour"]), palette.INK, 0.58)
    yield Layer("brows", f.cover(ellipse(across, arch, 0.15, 0.036)), colour)


def _eyes(f: Frame, a: Values) -> Iterator[Layer]:
    """Both eyes in one pass: the lid's line, and inside the opening the white, iris, pupil and glint."""
    u, v, ry = f.x.abs() - EYE_X, f.y - EYE_Y, EYE_RY * a["eyes"]
    ink, white = plain(palette.INK, ry), plain(palette.SCLERA, ry)
    yield Layer("eyes", f.cover(ellipse(u, v + 0.022, EYE_RX + 0.018, ry + 0.020)), ink)
    opening = f.cover(ellipse(u, v, EYE_RX, ry))
    yield Layer("eyes", opening, white)
    w = torch.sign(f.x) * u - 0.072 * a["gaze"]  # to the right of the pupil, in either eye
    yield Layer("eyes", opening * f.cover(disc(w, v, 0.092)), plain(palette.IRIS, ry))
    yield Layer("eyes", opening * f.cover(disc(w, v, 0.054)), ink)
    yield Layer("eyes", 0.9 * opening * f.cover(disc(w + 0.035, v + 0.035, 0.024)), white)


def _mouth(f: Frame, a: Values) -> Iterator[Layer]:
    """Lips around a parabola bent by the smile; inside, the cavity and the upper teeth."""
    s = f.x / MOUTH_HALF_WIDTH
    bow, opening = 1 - s.square(), 0.105 * a["mouth"]
    middle = f.y - MOUTH_Y - 0.5 * opening - 0.15 * a["smile"] * (bow - 0.5)
    slope = (1 + (0.3 * a["smile"] / MOUTH_HALF_WIDTH * s).square()).rsqrt()
    thickness = (middle.square() + 1e-4).sqrt() - 0.004  # without a crease along the middle line
    side = f.x.abs() - MOUTH_HALF_WIDTH
    lips = (thickness - (0.036 + opening) * bow) * slope
    yield Layer("mouth", f.cover(intersection(lips, side, 0.01)), plain(palette.LIPS, s))
    inner = (thickness - (0.004 + opening) * (bow - 0.12)) * slope
    cavity = f.cover(intersection(inner, side, 0.01))
    yield Layer("mouth", cavity, plain(palette.CAVITY, s))
    yield Layer("mouth", cavity * f.cover(middle + 0.35 * opening * bow + 0.012), plain(palette.TEETH, s))
