"""Pairs of pictures and captions that do not belong together."""

from __future__ import annotations

import torch
from torch import Tensor

from lowdim.checks import check_count


def mismatch(n: int, rate: float, generator: torch.Generator) -> Tensor:
    """A permutation ``(n,)`` that gives exactly ``round(rate n)`` of ``n`` pictures another picture's caption.

    Pair picture ``i`` with caption ``permutation[i]``. The pictures are chosen at random, and their captions move round
    one random cycle; all others keep theirs. A caption may happen to be true of its new picture too
    (``captions_match`` tells).

    Raises ``ValueError`` for ``n`` below 1, a rate outside [0, 1], and when exactly one picture would be chosen: its
    caption has nowhere to go.
    """
    check_count("n", n)
    if not 0 <= rate <= 1:
        raise ValueError(f"rate: {rate!r} is not allowed; give a share from 0 to 1")
    count = round(rate * n)
    if count == 1:
        raise ValueError(f"rate: {rate!r} of {n} pairs is one pair, which cannot be mismatched alone; choose 0 or 2")
    permutation = torch.arange(n, device=generator.device)
    chosen = torch.randperm(n, generator=generator, device=generator.device)[:count]
    permutation[chosen] = chosen.roll(1)
    return permutation
