"""Captions as tensors of word numbers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from lowdim.checks import check_count
from lowdim.data.captions.facts import check_captions, split_words
from lowdim.data.captions.grammar import grammar_words

SPECIAL = ("<pad>", "<unknown>", "<start>", "<end>")
PAD, UNKNOWN, START, END = range(4)


class Tokens(NamedTuple):
    """``ids`` (N, L) and ``mask`` (N, L), true where there is a token and false on the padding."""

    ids: Tensor
    mask: Tensor


class Tokenizer:
    """Words to numbers and back: one number for each word, four special tokens before them.

    A caption becomes ``<start> w1 ... wm <end>``, padded with ``<pad>`` (number 0); words outside the vocabulary become
    ``<unknown>``. Without an argument the vocabulary is that of the grammar of captions. Raises ``ValueError`` for an
    empty vocabulary, repeated words, or entries that are not single lower-case words or marks.
    """

    def __init__(self, vocabulary: Sequence[str] | None = None) -> None:
        words = grammar_words() if vocabulary is None else list(vocabulary)
        if not words:
            raise ValueError("vocabulary: it is empty; give at least one word")
        for word in words:
            if not isinstance(word, str) or split_words(word) != [word]:
                raise ValueError(f"vocabulary: {word!r} is not allowed; give single lower-case words")
        if len(set(words)) < len(words):
            repeated = [word for word, count in Counter(words).items() if count > 1]
            raise ValueError(f"vocabulary: {repeated[0]!r} is there twice; give each word once")
        self.tokens: tuple[str, ...] = (*SPECIAL, *words)
        self._number = {token: i for i, token in enumerate(self.tokens)}

    @classmethod
    def from_captions(cls, captions: Sequence[str]) -> Tokenizer:
        """A tokenizer for the words of ``captions``, sorted. Raises ``ValueError`` when there are none."""
        check_captions(captions)
        words = sorted({word for caption in captions for word in split_words(caption)})
        if not words:
            raise ValueError(f"captions: no words in {len(captions)} captions; give at least one")
        return cls(words)

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, captions: Sequence[str], length: int | None = None, *, truncate: bool = False) -> Tokens:
        """The captions as ``Tokens`` of ``length`` columns (by default as many as the longest needs).

        A caption without words is ``<start> <end>``. Raises ``ValueError`` for no captions, a single text in place of a
        list, a length below 3, and for a caption that does not fit, unless ``truncate``: then its last words are cut,
        and the end token stays.
        """
        check_captions(captions)
        rows = [[self._number.get(word, UNKNOWN) for word in split_words(caption)] for caption in captions]
        longest = max(map(len, rows)) + 2
        length = max(longest, 3) if length is None else length
        check_count("length", length, 3)
        if longest > length and not truncate:
            raise ValueError(f"length: {length} is too short; the longest caption needs {longest} tokens")
        ids = torch.full((len(rows), length), PAD)
        for i, row in enumerate(rows):
            tokens = [START, *row[: length - 2], END]
            ids[i, : len(tokens)] = torch.tensor(tokens)
        return Tokens(ids, ids != PAD)

    def decode(self, ids: Tensor) -> list[str]:
        """The captions of ``ids`` (N, L), without special tokens but for ``<unknown>``.

        Raises ``ValueError`` for a wrong shape or a number outside the vocabulary.
        """
        if ids.dim() != 2 or ids.is_floating_point():
            raise ValueError(f"ids: shape {tuple(ids.shape)} of {ids.dtype} is not allowed; give integers (N, L)")
        if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < len(self):
            raise ValueError(f"ids: {int(ids.min())} to {int(ids.max())} is not allowed; give 0 to {len(self) - 1}")
        captions = []
        for row in ids.tolist():
            text = " ".join(self.tokens[i] for i in row if i not in (PAD, START, END))
            captions.append(text.replace(" ,", ",").replace(" .", ".").replace(" ;", ";"))
        return captions

    def save(self, path: str | Path) -> None:
        """Write the vocabulary as JSON, without the special tokens."""
        Path(path).write_text(json.dumps({"vocabulary": self.tokens[len(SPECIAL) :]}, indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Tokenizer:
        """The tokenizer that :meth:`save` wrote. Raises ``ValueError`` for a file that holds no vocabulary."""
        try:
            vocabulary = json.loads(Path(path).read_text("utf-8"))["vocabulary"]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"path: {Path(path).name} is not a saved tokenizer") from error
        return cls(vocabulary)
