"""A whole book with one small chapter in a temporary folder, whose module other processes can import."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from lowdim.companion.catalogue import ChapterInfo, find

INFO: ChapterInfo = find("01")

MODULE = """\
import os
from pathlib import Path

import numpy as np

from lowdim.record import Film, Plot, Record

WEIGHTS = ("toy",)


def _count(name):
    folder = os.environ.get("TOY_COUNT")
    if folder:
        with open(Path(folder) / name, "a") as handle:
            handle.write("x")


def measure(profile, seed, device, scale=1.0):
    _count("measure")
    record = Record(claims={"01-C1": 0.5 * scale + seed}, arrays={"x": np.arange(3.0)})
    record.number("gap", 0.25 + seed, tolerance=0.01)
    record.table("costs", ["method", "seconds"], [["one", 0.5], ["two", np.nan]])
    return record


def second(profile, seed, device):
    _count("second")
    if os.environ.get("TOY_BREAK"):
        raise RuntimeError("the toy is broken")
    return Record(claims={"01-C2": 1.0})


def draw(record):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1))
    figure.subplots().plot(record["x"])
    return figure


def frames(record):
    figure = draw(record)
    for count in (1, 2, 3):
        figure.axes[0].lines[0].set_data(range(count), record["x"][:count])
        yield f"{count} of 3", figure


EXPERIMENTS = {"measure": measure, "second": second}
FIGURES = {"line": Plot("measure", draw, "A line.", "A straight line that rises from zero to two.")}
FILMS = {"growth": Film("measure", frames, "A line that grows.", "A straight line that grows from zero to two.")}
"""

CLAIM = """\
  - id: 01-C{number}
    statement: "A toy."
    source: "Lemma {number}"
    origin: paper
    seen: true
    kind: theorem
    measure: "a number"
    profile: quick
    experiment: {experiment}
    holds: [null, 2.0]
    why: "made up"
"""
CLAIMS = 'chapter: "01"\ntitle: Subspace clustering\npapers: [toy]\nclaims:\n' + "".join(
    CLAIM.format(number=number, experiment=name) for number, name in ((1, "measure"), (2, "second"))
)

CELLS = (
    'from lowdim.companion import Chapter\n\nchapter = Chapter("01", profile=profile, seed=seed, device=device)',
    'record = chapter.run("measure")\nchapter.plot("line")\nchapter.film("growth")\n'
    "print(f\"{record.claims['01-C1']:.3f}\")",
    'chapter.run("second")\nchapter.verdicts()\nchapter.finish()',
)
PARAMETERS = 'profile = "quick"  # how large\nseed = 0\ndevice = "cpu"'


def write_notebook(path: Path, cells: tuple[str, ...], parameters: str = PARAMETERS) -> Path:
    """A notebook with a title, a parameters cell and ``cells``, with ids that stay the same."""
    made = [new_markdown_cell("# Toy", id="title")]
    made.append(new_code_cell(parameters, metadata={"tags": ["parameters"]}, id="parameters"))
    made += [new_code_cell(text, id=f"cell-{i}") for i, text in enumerate(cells)]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=made), path)
    return path


def make_book(root: Path, cells: tuple[str, ...] = CELLS) -> Path:
    """Write the book's files below ``root``."""
    for name, text in {
        "_config.yml": "title: toy\n",
        "_toc.yml": "format: jb-book\nroot: book/intro\n",
        "constraints.txt": "torch==2.13.0\n",
        "lib/lowdim/__init__.py": "",
        "lib/lowdim/papers/__init__.py": "",
        "lib/lowdim/papers/subspace_clustering.py": MODULE,
        "book/intro.md": "# Toy\n",
        "book/claims/01-subspace-clustering.yml": CLAIMS,
        "models/toy/model.txt": "weights\n",
        "site/sitecustomize.py": f"import lowdim.papers\nlowdim.papers.__path__.insert(0, {str(papers(root))!r})\n",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    write_notebook(INFO.notebook(root), cells)
    return root


def papers(root: Path) -> Path:
    """The folder of the toy's module."""
    return root / "lib" / "lowdim" / "papers"


def enter(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this process and those it starts work on the toy book."""
    import lowdim.papers

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(root / "site"), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("LOWDIM_ROOT", str(root))
    monkeypatch.delenv("LOWDIM_RUN_DIR", raising=False)
    monkeypatch.setattr(lowdim.papers, "__path__", [str(papers(root)), *lowdim.papers.__path__])
    monkeypatch.delitem(sys.modules, INFO.module, raising=False)
    importlib.invalidate_caches()


def leave() -> None:
    """Forget the toy's module, so that other tests get the real one."""
    sys.modules.pop(INFO.module, None)
