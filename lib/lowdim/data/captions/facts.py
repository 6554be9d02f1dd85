"""What a caption can say of a face: the words, and the ranges of attributes of which they are true.

Every fact hangs on one key word, and no key word belongs to two facts. So a caption is read back word by word, and it
stays true when words are left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lowdim.data.faces import ATTRIBUTES, HAIR_BOUNDS, NAMES
from lowdim.data.faces.attributes import check_attributes

UNSAID = -1


class Fact(NamedTuple):
    """How to put an attribute into words: its range is cut at ``bounds``, and each piece has synonyms in ``words``."""

    attribute: str
    bounds: tuple[float, ...]
    words: tuple[tuple[str, ...], ...]


FACTS: tuple[Fact, ...] = (
    Fact(
        "smile",
        (-1 / 3, 1 / 3),
        (("frowning", "sad", "unhappy"), ("neutral", "calm", "serious"), ("smiling", "happy", "cheerful")),
    ),
    Fact("mouth", (0.3, 0.65), (("closed", "shut"), ("parted",), ("open", "gaping"))),
    Fact("eyes", (0.5, 0.75), (("narrow", "sleepy", "narrowed"), ("relaxed",), ("wide", "big", "large"))),
    Fact("gaze", (-1 / 3, 1 / 3), (("left",), ("ahead", "forward"), ("right",))),
    Fact("brow", (-1 / 3, 1 / 3), (("low", "lowered"), ("level",), ("raised", "high", "arched"))),
    Fact(
        "hair_colour",
        HAIR_BOUNDS,
        (("black", "raven"), ("brown", "chestnut"), ("red", "ginger", "copper"), ("blond", "golden")),
    ),
    Fact("hair_length", (1 / 3, 2 / 3), (("short", "cropped"), ("bobbed",), ("long", "flowing"))),
    Fact("skin", (1 / 3, 2 / 3), (("light", "pale", "fair"), ("tan", "bronze"), ("dark", "deep"))),
    Fact("width", (0.49, 0.53), (("slim", "slender"), ("oval",), ("round", "broad"))),
    Fact(
        "background",
        (0.06, 0.13, 0.22, 0.45, 0.64),
        (("pink", "rosy"), ("peach", "apricot"), ("yellow",), ("green", "mint"), ("blue",), ("violet", "purple")),
    ),
)
DESCRIBED: tuple[str, ...] = tuple(fact.attribute for fact in FACTS)
KEYWORDS: dict[str, tuple[int, int]] = {
    word: (k, piece) for k, fact in enumerate(FACTS) for piece, synonyms in enumerate(fact.words) for word in synonyms
}


def split_words(text: str) -> list[str]:
    """Lower-case words and the punctuation marks ``, . ;`` of a caption, in order."""
    return re.findall(r"[a-z]+|[,.;]", text.lower())


def check_captions(captions: Sequence[str]) -> None:
    """Raise ``ValueError`` for an empty list, and for one text, which would be read letter by letter."""
    if isinstance(captions, str):
        raise ValueError(f"captions: {captions!r} is a single text; give a list of captions")
    if not captions:
        raise ValueError("captions: the list is empty; give at least one caption")


def describe_faces(attributes: Tensor) -> Tensor:
    """``(N, K)``: for every fact in :data:`FACTS`, which piece of its range each face lies in (counted from 0).

    Raises ``ValueError`` for attributes of a wrong shape or out of range.
    """
    values = check_attributes(attributes).detach().cpu()
    pieces = [
        torch.bucketize(values[:, NAMES.index(fact.attribute)].contiguous(), values.new_tensor(fact.bounds))
        for fact in FACTS
    ]
    return torch.stack(pieces, dim=1)


def read_captions(captions: Sequence[str]) -> Tensor:
    """``(C, K)``: for every fact, the piece of its range that each caption names, or -1 where it is silent.

    Words that state no fact are skipped. Raises ``ValueError`` for an empty list of captions, a single text in place of
    a list, and for a caption that names two pieces of one range.
    """
    check_captions(captions)
    return torch.tensor([_read(caption) for caption in captions])


def caption_ranges(caption: str) -> dict[str, tuple[float, float]]:
    """The range of each attribute that ``caption`` mentions, for example ``{"smile": (0.333, 1.0)}`` for "smiling"."""
    ranges = {}
    for fact, piece in zip(FACTS, read_captions([caption])[0].tolist(), strict=True):
        if piece != UNSAID:
            whole = ATTRIBUTES[NAMES.index(fact.attribute)]
            ends = (whole.low, *fact.bounds, whole.high)
            ranges[fact.attribute] = (ends[piece], ends[piece + 1])
    return ranges


def caption_key(caption: str) -> tuple[str, ...]:
    """What a caption says, the same for all its wordings: the first synonym of each fact stated, in a fixed order."""
    pieces = read_captions([caption])[0].tolist()
    return tuple(fact.words[piece][0] for fact, piece in zip(FACTS, pieces, strict=True) if piece != UNSAID)


def captions_match(captions: Sequence[str], attributes: Tensor) -> Tensor:
    """``(C, N)`` booleans: which captions are true of which faces, that is, everything they state holds.

    Retrieval with several right answers scores against this matrix: captions leave things unsaid, so one of them is
    often true of many faces. Raises what :func:`read_captions` and :func:`describe_faces` raise.
    """
    said, seen = read_captions(captions), describe_faces(attributes)
    pieces = torch.arange(max(len(fact.words) for fact in FACTS))
    stated, shown = ((codes[..., None] == pieces).flatten(1).float() for codes in (said, seen))
    return stated @ shown.T == stated.sum(1, keepdim=True)


def _read(caption: str) -> list[int]:
    said = [UNSAID] * len(FACTS)
    for k, piece in (KEYWORDS[word] for word in split_words(caption) if word in KEYWORDS):
        if said[k] not in (UNSAID, piece):
            raise ValueError(f"captions: {caption!r} contradicts itself about {FACTS[k].attribute}")
        said[k] = piece
    return said
