"""Captions of cartoon faces, written from the same attributes, and therefore known to be true.

::

    captions = write_captions(faces.attributes, make_generator(0, "captions"))
    tokens = Tokenizer().encode(captions)
    right = captions_match(captions, faces.attributes)
"""

from __future__ import annotations

from lowdim.data.captions.facts import (
    DESCRIBED,
    FACTS,
    KEYWORDS,
    Fact,
    caption_key,
    caption_ranges,
    captions_match,
    describe_faces,
    read_captions,
)
from lowdim.data.captions.grammar import write_captions
from lowdim.data.captions.pairs import mismatch
from lowdim.data.captions.tokenizer import Tokenizer, Tokens

__all__ = [
    "DESCRIBED",
    "FACTS",
    "KEYWORDS",
    "Fact",
    "Tokenizer",
    "Tokens",
    "caption_key",
    "caption_ranges",
    "captions_match",
    "describe_faces",
    "mismatch",
    "read_captions",
    "write_captions",
]
