"""A small chapter and its claims, for the tests of the companion."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from lowdim.record import Film, Plot, Record

CLAIMS = """\
chapter: "01"
title: Subspace clustering
papers: [wang2024diffusion]
claims:
  - id: 01-C1
    statement: "The denoiser is $E[x_0 | x]$ & exact."
    source: "Lemma 1"
    origin: paper
    seen: true
    kind: theorem
    measure: "max |denoise - Tweedie|"
    profile: quick
    experiment: closed-form
    holds: [null, 1.0e-8]
    weaker: [null, 1.0e-6]
    why: "rounding"
  - id: 01-C2
    statement: "Training finds the subspaces."
    source: "Figure 4"
    origin: paper
    seen: true
    kind: trend
    measure: "share of runs"
    profile: quick
    experiment: training
    unit: "%"
    holds: [90, null]
    weaker: [50, null]
    why: "seed spread"
    reason: "small networks stop early"
    calibration: {seeds: [100, 101], values: [93.0, 97.0]}
  - id: 01-S1
    statement: "The threshold scales with the rank."
    source: "Section 5"
    origin: ours
    seen: true
    kind: trend
    measure: "ratio"
    profile: study
    experiment: training
    holds: [0.5, 1.5]
    why: "factor 1.5"
  - id: 01-R1
    statement: "The loss falls."
    source: "text"
    origin: second-hand
    seen: false
    kind: number
    measure: "final loss"
    profile: quick
    experiment: training
  - id: 01-X1
    statement: "Holds at 256 pixels."
    source: "Table 2"
    origin: paper
    seen: true
    kind: number
    measure: "FID"
    paper_value: 3.2
    profile: full
    out_of_reach: "needs the authors' weights"
slips:
  - where: "Lemma 1"
    says: "no determinant"
    correct: "with $\\\\det$"
    evidence: "unit test"
"""

CAPTION = "The gain $c = 1/(1+s^2)$. More text."
ALT = "A falling line from one to zero."


def closed_form(profile: str, seed: int, device: str, scale: float = 1.0) -> Record:
    record = Record(claims={"01-C1": scale * 2.3e-12}, arrays={"x": np.linspace(0, 1, 5)})
    record.number("gap", 0.25 + seed, "nats", tolerance=0.01)
    return record


def training(profile: str, seed: int, device: str) -> Record:
    return Record(claims={"01-C2": 70.0 + seed, "01-S1": 1.2, "01-R1": 0.125})


def draw(record: Record):
    from matplotlib.figure import Figure

    fig = Figure(figsize=(3, 2))
    fig.subplots().plot(record["x"], 1 - record["x"])
    return fig


def frames(record: Record):
    """Five frames of one figure, whose line grows."""
    fig = draw(record)
    (line,) = fig.axes[0].lines
    for last, x in enumerate(record["x"], start=1):
        line.set_data(record["x"][:last], 1 - record["x"][:last])
        yield f"x = {x}", fig


REGISTRY = """\
def closed_form(): ...
def training(): ...
EXPERIMENTS = {"closed-form": closed_form, "training": training}
"""
"""The text from which hashes of :func:`module` are taken."""


def module() -> ModuleType:
    made = ModuleType("lowdim.papers.subspace_clustering")
    made.EXPERIMENTS = {"closed-form": closed_form, "training": training}
    made.FIGURES = {"gain": Plot("closed-form", draw, CAPTION, ALT)}
    made.FILMS = {"growth": Film("closed-form", frames, CAPTION, ALT, seconds=2)}
    return made


def checkout(folder: Path, monkeypatch: pytest.MonkeyPatch, claims: str = CLAIMS) -> Path:
    """A checkout in ``folder`` with chapter 01 alone, whose module is :func:`module`."""
    for part in ("lib/lowdim", "book/claims", "notebooks"):
        (folder / part).mkdir(parents=True)
    (folder / "_config.yml").write_text("title: sample\n")
    (folder / "lib/lowdim/papers").mkdir()
    for file in ("__init__.py", "papers/__init__.py"):
        (folder / "lib/lowdim" / file).write_text("")
    (folder / "lib/lowdim/papers/subspace_clustering.py").write_text(REGISTRY)
    (folder / "book/claims/01-subspace-clustering.yml").write_text(claims, encoding="utf-8")
    monkeypatch.delenv("LOWDIM_RUN_DIR", raising=False)
    monkeypatch.setenv("LOWDIM_ROOT", str(folder))
    monkeypatch.setitem(sys.modules, "lowdim.papers.subspace_clustering", module())
    return folder


def result(**changes) -> dict:
    """A result of the sample chapter, without its integrity field."""
    made = {
        "chapter": "01",
        "profile": "quick",
        "seed": 0,
        "device": "cpu",
        "wall_seconds": 12.5,
        "peak_memory_bytes": 400 * 2**20,
        "claims": {"01-C1": {"value": 2.0e-12, "holds": True, "weaker": True, "verdict": "holds", "reason": ""}},
        "numbers": {"gap": {"value": 0.5, "unit": "nats", "tolerance": 0.01}},
        "figures": {},
        "versions": {"torch": "2.13.0"},
        "hashes": {},
        "commit": "abc1234",
        "recorded": "2026-05-01T10:00:00+00:00",
    }
    return made | changes
