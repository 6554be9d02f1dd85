"""Captions of cartoon faces in English, from a small grammar with synonyms."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from lowdim.data.captions.facts import DESCRIBED, FACTS, KEYWORDS, describe_faces, split_words

T = TypeVar("T")
Said = dict[str, str]  # attribute to the word chosen for it

SUBJECTS = ("person", "face", "character")
PICTURES = ("portrait", "picture", "drawing")
PLACES = (("on", "background"), ("against", "background"), ("against", "backdrop"), ("in front of", "wall"))
BROWS = ("brows", "eyebrows")
COMPLEXIONS = ("skin", "a complexion")
GLANCES = {"left": ("", "to the "), "right": ("", "to the "), "ahead": ("", "straight "), "forward": ("",)}
LOOKS = (("looking", "looks"), ("gazing", "gazes"))
FUNCTION_WORDS = ("a", "an", "and", "has", "is", "lips", "mouth", "eyes", "hair", "of", "this", "with", ",")


class Dice:
    """Choices from a fixed row of uniform numbers, so that each caption uses its own and no others."""

    def __init__(self, uniform: Sequence[float]) -> None:
        self._uniform = iter(uniform)

    def pick(self, options: Sequence[T]) -> T:
        """One of ``options``, all equally likely."""
        return options[int(next(self._uniform) * len(options))]

    def below(self, probability: float) -> bool:
        """True with this probability."""
        return next(self._uniform) < probability

    def shuffle(self, items: Sequence[T]) -> list[T]:
        """``items`` in random order."""
        keyed = [(next(self._uniform), i) for i in range(len(items))]
        return [items[i] for _, i in sorted(keyed)]


ROLLS = 128  # more numbers than the longest caption uses: choices below 40, words below 60


def write_captions(
    attributes: Tensor,
    generator: torch.Generator,
    *,
    omit: float = 0.4,
    dropout: float = 0.0,
    synonyms: int | None = None,
    mention: Collection[str] = DESCRIBED,
) -> list[str]:
    """One caption for each face, true of it: ``"a happy person with long brown hair looking left on a mint wall"``.

    Of the attributes in ``mention`` each is left unsaid with probability ``omit`` (one stays at least), so a caption
    knows less than the picture. A word stands for it, drawn from the first ``synonyms`` ones (all of them by default),
    and a template for the sentence. ``dropout`` is the probability with which each word of the finished caption is left
    out (one that states a fact stays), which can break the grammar but not the truth. The same generator state gives
    the same captions.

    Raises ``ValueError`` for no faces, attributes out of range, probabilities outside [0, 1], ``synonyms`` below 1, or
    an unknown or empty ``mention``.
    """
    for name, value in (("omit", omit), ("dropout", dropout)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name}: {value!r} is not allowed; give a probability from 0 to 1")
    if synonyms is not None and synonyms < 1:
        raise ValueError(f"synonyms: {synonyms!r} is not allowed; give at least 1, or None for all")
    if not mention or not set(mention) <= set(DESCRIBED):
        raise ValueError(f"mention: {sorted(mention)} is not allowed; choose from {', '.join(DESCRIBED)}")
    if len(attributes) == 0:
        raise ValueError("attributes: no faces to describe; give at least one row")
    pieces = describe_faces(attributes).tolist()
    rolls = torch.rand(len(pieces), ROLLS, generator=generator, dtype=torch.float64, device=generator.device).tolist()
    captions = []
    for row, uniform in zip(pieces, rolls, strict=True):
        dice = Dice(uniform)
        said = _choose(row, dice, omit, synonyms, mention)
        caption = dice.pick(TEMPLATES)(said, dice)
        captions.append(_drop(caption, dice, dropout) if dropout > 0 else caption)
    return captions


def grammar_words() -> list[str]:
    """All words and marks that captions are made of, sorted."""
    pairs = [text for pair in (*PLACES, *LOOKS) for text in pair]
    glances = [text for texts in GLANCES.values() for text in texts]
    texts = [*SUBJECTS, *PICTURES, *pairs, *BROWS, *COMPLEXIONS, *glances, *FUNCTION_WORDS, *KEYWORDS]
    return sorted({word for text in texts for word in split_words(text)})


def _choose(pieces: list[int], dice: Dice, omit: float, synonyms: int | None, mention: Collection[str]) -> Said:
    """The facts that a caption states, with the word for each."""
    possible = [(fact, piece) for fact, piece in zip(FACTS, pieces, strict=True) if fact.attribute in mention]
    kept = [item for item in possible if not dice.below(omit)] or [dice.pick(possible)]
    return {fact.attribute: dice.pick(fact.words[piece][:synonyms]) for fact, piece in kept}


def _plain(said: Said, dice: Dice) -> str:
    """As in: a happy person with long brown hair looking left on a green background."""
    return " ".join([_subject(said, dice), *_with(said, dice), *_glance(said, dice, 0), *_place(said, dice)])


def _portrait(said: Said, dice: Dice) -> str:
    """As in: a portrait of a happy person looking left, with long brown hair, on a green background."""
    start = " ".join([_article(dice.pick(PICTURES)), "of", _subject(said, dice), *_glance(said, dice, 0)])
    return ", ".join([start, *_with(said, dice), *_place(said, dice)])


def _sentence(said: Said, dice: Dice) -> str:
    """As in: this person has long brown hair, is happy and looks left on a green background."""
    noun = " ".join(["this", *([said["width"], "face"] if "width" in said else [dice.pick(SUBJECTS)])])
    features = _features(said, dice)
    clauses = ["has " + _list(features)] if features else []
    clauses += ["is " + said["smile"]] if "smile" in said else []
    clauses += _glance(said, dice, 1)
    place = _place(said, dice)
    return " ".join([noun, _list(clauses) if clauses else "is", *place])


TEMPLATES: tuple[Callable[[Said, Dice], str], ...] = (_plain, _portrait, _sentence)


def _subject(said: Said, dice: Dice) -> str:
    adjectives = dice.shuffle([said[name] for name in ("smile", "width") if name in said])
    noun = "face" if "width" in said else dice.pick(SUBJECTS)  # only a face is slim or round, not its owner
    return _article(" ".join([*adjectives, noun]))


def _features(said: Said, dice: Dice) -> list[str]:
    features = []
    hair = [said[name] for name in ("hair_length", "hair_colour") if name in said]
    if hair:
        features.append(" ".join([*hair, "hair"]))
    if "eyes" in said:
        features.append(said["eyes"] + " eyes")
    if "brow" in said:
        features.append(f"{said['brow']} {dice.pick(BROWS)}")
    if "mouth" in said:
        features.append("parted lips" if said["mouth"] == "parted" else _article(said["mouth"] + " mouth"))
    if "skin" in said:
        noun = dice.pick(COMPLEXIONS)
        features.append(_article(f"{said['skin']} {noun[2:]}") if noun.startswith("a ") else f"{said['skin']} {noun}")
    return dice.shuffle(features)


def _with(said: Said, dice: Dice) -> list[str]:
    features = _features(said, dice)
    return ["with " + _list(features)] if features else []


def _glance(said: Said, dice: Dice, form: int) -> list[str]:
    """Where the face looks, as a participle (``form`` 0) or a verb (1)."""
    if "gaze" not in said:
        return []
    return [f"{dice.pick(LOOKS)[form]} {dice.pick(GLANCES[said['gaze']])}{said['gaze']}"]


def _place(said: Said, dice: Dice) -> list[str]:
    if "background" not in said:
        return []
    preposition, noun = dice.pick(PLACES)
    return [f"{preposition} {_article(said['background'] + ' ' + noun)}"]


def _article(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def _list(items: Sequence[str]) -> str:
    """As in: one; one and two; one, two and three; but: one and two, and three."""
    if len(items) == 1:
        return items[0]
    link = ", and " if len(items) == 2 and " and " in items[0] else " and "
    return ", ".join(items[:-1]) + link + items[-1]


def _drop(caption: str, dice: Dice, dropout: float) -> str:
    """The caption without punctuation and without the words that fall to ``dropout``."""
    words = [word for word in split_words(caption) if word.isalpha()]
    survivor = dice.pick([i for i, word in enumerate(words) if word in KEYWORDS])
    return " ".join(word for i, word in enumerate(words) if not dice.below(dropout) or i == survivor)
