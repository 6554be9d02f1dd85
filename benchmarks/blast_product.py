"""BLAST products on the CPU against the dense layer and against the published three steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor
from torch.nn.functional import linear

from lowdim.papers.blast.budget import rank_for_budget
from lowdim.papers.blast.factors import Factors
from lowdim.papers.blast.product import product, reference_product

NAME = "BLAST product"
DESCRIPTION = "one token and many, 50 % of the multiplications, float32: dense layer and published form against ours"

ASKED = {("dense", 4, 1): {"at_least": 1.5}, ("published", 16, 1024): {"at_least": 2.0}}
"""Few blocks are the setting for speed, many the one where the published form pays for its large tensor: with few, both
are near the two times that half the multiplications allow.
"""


def ratios(size: int, blocks: int, tokens: int, repeats: int) -> dict[str, float]:
    """Median ratios of dense and published time to ours; the three alternate, so that all see the same machine.

    Seconds of this process and its one thread: what others do in between does not count.
    """
    generator = torch.Generator().manual_seed(0)
    rank = rank_for_budget((size, size), 0.5, blocks, 16)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    side = size // blocks
    factors = Factors(normal(blocks, side, rank), normal(blocks, blocks, rank), normal(blocks, side, rank))
    weight, x = normal(size, size), normal(tokens, size)
    calls: dict[str, Callable[[], Tensor]] = {
        "ours": lambda: product(x, factors),
        "dense": lambda: linear(x, weight),
        "published": lambda: reference_product(x, factors),
    }
    found: dict[str, list[float]] = {name: [] for name in calls}
    with torch.inference_mode():
        for repeat in range(repeats + 1):
            for name, call in calls.items():
                begin = time.process_time()
                call()
                if repeat:  # the first is for warming up
                    found[name].append(time.process_time() - begin)
    pairs = {name: zip(found[name], found["ours"], strict=True) for name in ("dense", "published")}
    return {name: median(other / ours for other, ours in both) for name, both in pairs.items()}


def run(size: int = 4096, few: int = 60, many: int = 5) -> dict[str, dict[str, float | str]]:
    measures: dict[str, dict[str, float | str]] = {}
    for blocks in (4, 16):
        for tokens, repeats in ((1, few), (1024, many)):
            for name, value in ratios(size, blocks, tokens, repeats).items():
                label = f"{name} / ours, n = {size}, b = {blocks}, {tokens} token{'s' * (tokens > 1)}"
                measures[label] = {"value": value, "unit": "ratio"} | ASKED.get((name, blocks, tokens), {})
    return measures
