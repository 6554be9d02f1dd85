"""The eleven chapters: number, name, module and paper, and where a checkout keeps their files.

The companion imports no paper: :func:`load_module` finds a chapter's module by name when it is needed.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType


@dataclass(frozen=True)
class ChapterInfo:
    """A chapter of the book: its number (``"01"``), its name with hyphens (also the notebook's), its module under
    :mod:`lowdim.papers`, its short title, and the title of the paper it is about with its number on arXiv (both empty
    for the primer). The title is that of the version cited; on arXiv it may read differently.
    """

    number: str
    name: str
    module: str
    title: str
    paper: str
    arxiv: str

    @property
    def paper_url(self) -> str:
        """The paper's page on arXiv, empty for the primer."""
        return f"https://arxiv.org/abs/{self.arxiv}" if self.arxiv else ""

    @property
    def stem(self) -> str:
        """``NN-name``, the stem of the chapter's notebook, claims and results."""
        return f"{self.number}-{self.name}"

    def notebook(self, root: Path) -> Path:
        """The chapter's notebook in the checkout ``root``, whether or not it exists."""
        return root / "notebooks" / f"{self.stem}.ipynb"


def _chapter(number: str, name: str, title: str, paper: str, arxiv: str) -> ChapterInfo:
    return ChapterInfo(number, name, f"lowdim.papers.{name.replace('-', '_')}", title, paper, arxiv)


CHAPTERS: tuple[ChapterInfo, ...] = (
    _chapter("00", "denoisers", "Denoisers", "", ""),
    _chapter(
        "01",
        "subspace-clustering",
        "Subspace clustering",
        "Diffusion Models Learn Low-Dimensional Distributions via Subspace Clustering",
        "2409.02426",
    ),
    _chapter(
        "02",
        "hidden-gaussian",
        "The hidden Gaussian structure",
        "Understanding Generalizability of Diffusion Models Requires Rethinking the Hidden Gaussian Structure",
        "2410.24060",
    ),
    _chapter(
        "03",
        "model-collapse",
        "Model collapse in rectified flow",
        "Analyzing and Mitigating Model Collapse in Reflow Methods",
        "2412.08175",
    ),
    _chapter(
        "04",
        "modality-gap",
        "The modality gap",
        "Explaining and Mitigating the Modality Gap in Contrastive Multimodal Learning",
        "2412.07909",
    ),
    _chapter(
        "05",
        "loco-edit",
        "LOCO Edit",
        "Exploring Low-Dimensional Subspaces in Diffusion Models for Controllable Image Editing",
        "2409.02374",
    ),
    _chapter(
        "06",
        "shallow-diffuse",
        "Shallow Diffuse",
        "Shallow Diffuse: Robust and Invisible Watermarking through Low-Dimensional Subspaces in Diffusion Models",
        "2410.21088",
    ),
    _chapter(
        "07",
        "sitcom",
        "SITCOM",
        "SITCOM: Step-wise Triple-Consistent Diffusion Sampling For Inverse Problems",
        "2410.04479",
    ),
    _chapter(
        "08",
        "udig-dip",
        "uDiG-DIP",
        "Sequential Diffusion-Guided Deep Image Prior For Medical Image Reconstruction",
        "2410.04482",
    ),
    _chapter(
        "09",
        "blast",
        "BLAST matrices",
        "BLAST: Block-Level Adaptive Structured Matrices for Efficient Deep Neural Network Inference",
        "2410.21262",
    ),
    _chapter("10", "vididi", "ViDiDi", "Unfolding Videos Dynamics via Taylor Expansion", "2409.02371"),
)


def find(chapter: str | int) -> ChapterInfo:
    """The chapter with this number (``1`` or ``"01"``) or name (``"subspace-clustering"``, hyphens or underscores).

    Raises ``ValueError`` naming the choices when there is none.
    """
    key = str(chapter).strip().lower().replace("_", "-")
    if re.fullmatch(r"\d{1,2}", key):
        key = key.zfill(2)
    for info in CHAPTERS:
        if key in (info.number, info.name, info.stem):
            return info
    choices = ", ".join(f"{info.number} ({info.name})" for info in CHAPTERS)
    raise ValueError(f"chapter: {chapter!r} is unknown; choose one of {choices}")


def _is_root(folder: Path) -> bool:
    marked = (folder / "_config.yml").is_file() or (folder / "pyproject.toml").is_file()
    return marked and (folder / "lib" / "lowdim").is_dir()


def find_root(start: Path | None = None) -> Path | None:
    """The checkout of the book: the variable ``LOWDIM_ROOT``, else the first folder upwards from ``start`` (the current
    folder) that holds the book, else the checkout that this package is imported from; ``None`` for an installed wheel.
    """
    named = os.environ.get("LOWDIM_ROOT")
    if named:
        root = Path(named).expanduser().resolve()
        if not root.is_dir():
            raise ValueError(f"LOWDIM_ROOT: {named!r} is not a folder; give the folder of the checkout, or unset it")
        return root
    here = (start or Path.cwd()).resolve()
    own = Path(__file__).resolve().parents[3]
    return next((folder for folder in (here, *here.parents, own) if _is_root(folder)), None)


def run_folder(profile: str, root: Path | None = None) -> Path:
    """Where a run writes: the variable ``LOWDIM_RUN_DIR``, else ``build/runs/<profile>`` in the checkout (or, without a
    checkout, in the current folder).
    """
    named = os.environ.get("LOWDIM_RUN_DIR")
    if named:
        return Path(named).expanduser().resolve()
    return (root or find_root() or Path.cwd()) / "build" / "runs" / profile


def book_folder(root: Path | None = None) -> Path:
    """The folder with ``claims/`` and ``results/``: that of ``root``; else the variable ``LOWDIM_BOOK`` (set while
    pages are built from a staged copy), ``book/`` of the checkout, or the copy in the installed package.

    Raises ``FileNotFoundError`` saying how to get them when neither exists.
    """
    named = os.environ.get("LOWDIM_BOOK")
    if root is None and named:
        return Path(named)
    root = root or find_root()
    folder = root / "book" if root else Path(__file__).resolve().parents[1] / "_book"
    if not folder.is_dir():
        raise FileNotFoundError(
            f"the book's claims and results are not at {folder}; "
            "work in a checkout of the book, or set LOWDIM_ROOT to one"
        )
    return folder


def available(root: Path | None = None) -> list[ChapterInfo]:
    """The chapters that have a notebook in the checkout and a module in the package, in order."""
    root = root or find_root()
    if root is None:
        return []
    return [info for info in CHAPTERS if info.notebook(root).is_file() and has_module(info)]


def has_module(info: ChapterInfo) -> bool:
    """Whether the chapter's module is in the package (nothing is imported)."""
    return importlib.util.find_spec(info.module) is not None


def load_module(info: ChapterInfo) -> ModuleType:
    """Import the chapter's module.

    Raises ``ImportError`` saying which chapters have one when it does not exist; errors inside the module pass through.
    """
    try:
        return importlib.import_module(info.module)
    except ModuleNotFoundError as error:
        if error.name != info.module:
            raise
        there = ", ".join(other.number for other in CHAPTERS if has_module(other)) or "none"
        raise ImportError(
            f"chapter {info.number} ({info.name}) has no module {info.module} yet; chapters with one: {there}"
        ) from None
