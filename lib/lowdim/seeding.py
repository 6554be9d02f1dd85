"""Random generators that depend on a seed and a name, so that adding one experiment never changes another's numbers."""

from __future__ import annotations

import hashlib

import torch

from lowdim.profile import check_seed


def make_generator(seed: int, *names: str | int, device: str | torch.device = "cpu") -> torch.Generator:
    """A generator for the stream ``names`` of run ``seed``: the same on every platform and Python version.

    The stream's seed is the first eight bytes of SHA-256 over ``seed`` and the names, cut to 63 bits.
    Raises ``ValueError`` for a seed outside 0 to 2**31 - 1.
    """
    text = "/".join([str(check_seed(seed)), *map(str, names)])
    stream = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
    return torch.Generator(device=device).manual_seed(stream)
