"""Experiment on the speed of the product: the roofline everywhere, measurements where there is a GPU."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import linear

from lowdim.papers.blast.budget import rank_for_budget
from lowdim.papers.blast.factors import Factors
from lowdim.papers.blast.kernels import choose_product
from lowdim.papers.blast.product import product, reference_product
from lowdim.papers.blast.roofline import H200, PASSES, blast_seconds, dense_seconds
from lowdim.papers.blast.settings import PROFILES
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

REDUCTIONS = (0.5, 0.3)
BLOCKS = (2, 4, 8, 16)
FLUSH = 2**26
"""Numbers written between repetitions, so that weights do not stay in the cache."""

Call = Callable[[], Tensor]


def speed(profile: str, seed: int, device: str) -> Record:
    """Ratios of times to the dense product: predicted for one GPU, measured on ``device`` where sizes are set.

    On a GPU in bfloat16 and inside CUDA graphs (B12, B13).
    """
    settings = PROFILES[profile]
    place = check_device(device)
    record = Record(arrays={"blocks": list(BLOCKS), "implementations": [*PASSES, "reference"]})
    for tokens in (1, 1024):
        for name in (*PASSES, "reference"):
            record.arrays[f"{name}-{tokens}"] = np.array([_predicted(4096, b, tokens, name) for b in BLOCKS])
    rows = []
    for size, blocks, tokens in settings.timings:
        for ratio in REDUCTIONS:
            times = _measure(size, blocks, tokens, ratio, place, seed)
            rows.append([size, blocks, tokens, ratio, *times])
    if rows:
        table = torch.tensor(rows, dtype=torch.float64)
        record.arrays["measured"] = table.numpy()
        if place.type == "cuda":
            _judge(record, table)
    return record


def _predicted(size: int, blocks: int, tokens: int, name: str) -> float:
    shape, pair = (size, size), (blocks, blocks)
    rank = rank_for_budget(shape, 0.5, blocks, 16)
    return dense_seconds(H200, shape, tokens) / blast_seconds(H200, shape, rank, pair, tokens, name)


def _judge(record: Record, table: Tensor) -> None:
    """Decoding at 16384, many tokens at 4096 with 16 blocks."""
    dense, reference, best = table[:, 4], table[:, 5], table[:, 6:8].amin(1)
    large = (table[:, 0] == 16384) & (table[:, 2] == 1)
    for letter, ratio in (("a", 0.5), ("b", 0.3)):
        rows = large & (table[:, 3] == ratio)
        record.claims[f"09-B12{letter}"] = float((dense / best)[rows].max())
    rows = (table[:, 0] == 4096) & (table[:, 1] == 16) & (table[:, 2] == 1024) & (table[:, 3] == 0.5)
    record.claims["09-B13b"] = float((reference / best)[rows].max())
    record.claims["09-B13c"] = float(table[:, 8].max())
    record.claims["09-B13d"] = float((dense / reference)[rows].max())


def _measure(size: int, blocks: int, tokens: int, ratio: float, place: torch.device, seed: int) -> list[float]:
    """Seconds of dense, reference, ours in torch, ours in Triton, and the largest relative difference of the last two
    from the reference.
    """
    dtype = torch.bfloat16 if place.type == "cuda" else torch.float32
    rank = rank_for_budget((size, size), ratio, blocks, 16)
    generator = make_generator(seed, "blast", "speed", device=place)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, device=place).to(dtype)

    spread = size**-0.25 * rank**-0.25
    factors = Factors(
        spread * normal(blocks, size // blocks, rank), normal(blocks, blocks, rank),
        spread * normal(blocks, size // blocks, rank),
    )  # fmt: skip
    x, weight = normal(tokens, size), normal(size, size)
    fused = choose_product("triton", x, factors)
    with torch.no_grad():
        calls: list[Call] = [
            lambda: linear(x, weight),
            lambda: reference_product(x, factors),
            lambda: product(x, factors),
            lambda: fused(x, factors),
        ]
        exact = reference_product(x, factors).float()
        wrong = [float((call().float() - exact).norm() / exact.norm()) for call in calls[2:]]
        return [*(seconds(call, place) for call in calls), max(wrong)]


def seconds(call: Call, place: torch.device, repeats: int = 100) -> float:
    """Median seconds of a call: on a GPU of its CUDA graph, the cache emptied in between."""
    if place.type != "cuda":
        call()
        times = []
        for _ in range(3):
            begin = time.perf_counter()
            call()
            times.append(time.perf_counter() - begin)
        return median(times)
    for _ in range(20):
        call()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    scratch = torch.empty(FLUSH, device=place)
    pairs = []
    for _ in range(repeats):
        scratch.zero_()
        pair = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
        pair[0].record()
        graph.replay()
        pair[1].record()
        pairs.append(pair)
    torch.cuda.synchronize(place)
    return median(begin.elapsed_time(end) for begin, end in pairs) / 1e3
