"""Shipped weights: folders that hold a network, a card saying where it comes from, and the hash of every file.

``card.json`` is the card for machines and ``README.md`` the same for people. What kind of network a folder holds, and
how to read it, is known to the room that defines the network (:mod:`lowdim.denoising.weights` for denoisers).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

CARD = "card.json"
Scores = dict[str, list[dict[str, str | float]]]  # tables by title, each a list of rows
_OPTIONAL = {"loader", "use"}  # of a card
_VERSIONS = ("lowdim", "torch", "diffusers", "safetensors")


class DamagedModel(RuntimeError):
    """A model folder of which a file is missing or differs from the hash in its card."""


@dataclass(frozen=True)
class Card:
    """Where a model comes from: its data, the command that trains it, its settings, and tables of scores.

    ``files`` (hashes, SHA-256) and ``versions`` (of the packages) are filled in by :func:`save_folder`. ``loader``
    names the function that reads the folder and ``use`` says in a comment how the result is called.
    """

    name: str
    description: str
    data: str
    licence: str
    command: str
    profile: str
    seed: int
    settings: dict[str, Any] = field(default_factory=dict)
    scores: Scores = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    loader: str = "lowdim.denoising.weights.load_model"
    use: str = "denoiser(x, sigma), x in [-1, 1]"


def save_folder(
    folder: Path, write: Callable[[Path], None], card: Card, extra: Mapping[str, bytes] | None = None
) -> Path:
    """Write a model folder, replacing what was there: ``write(path)`` puts the network into it, then come ``extra``
    files (by name) and the ``card`` with versions and hashes. A kill leaves the old folder or the new one.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    write(partial)
    for name, content in (extra or {}).items():
        (partial / name).write_bytes(content)
    files = {path.relative_to(partial).as_posix(): path for path in sorted(partial.rglob("*")) if path.is_file()}
    values = asdict(card) | {
        "versions": {name: importlib.metadata.version(name).split("+")[0] for name in _VERSIONS},
        "files": {name: _sha256(path) for name, path in files.items()},
    }
    (partial / CARD).write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    (partial / "README.md").write_text(card_page(Card(**values)), encoding="utf-8", newline="\n")
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partial, folder)
    return folder


def load_card(name: str | Path, models_dir: Path | None = None) -> Card:
    """The card of a model, after checking every file of its folder against the hashes.

    Raises ``FileNotFoundError`` when there is no such model and :class:`DamagedModel` when a file is missing or
    damaged; both say how to get it.
    """
    folder = find_model(name, models_dir)
    try:
        values = json.loads((folder / CARD).read_text(encoding="utf-8"))
        card = Card(
            **{
                key.name: values[key.name]
                for key in fields(Card)
                if key.name in values or key.name not in ("loader", "use")
            }
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedModel(f"{folder / CARD} cannot be read ({error}); {_how_to_get(folder.name)}") from error
    for file, digest in card.files.items():
        path = folder / file
        if not path.is_file():
            raise DamagedModel(f"{path} is missing; {_how_to_get(card.name)}")
        if _sha256(path) != digest:
            raise DamagedModel(f"{path} does not match the hash in {CARD}; {_how_to_get(card.name)}")
    return card


def find_model(name: str | Path, models_dir: Path | None = None) -> Path:
    """The folder of a model: ``name`` itself when it is a folder with a card, else the first of :func:`model_folders`
    that has it. Raises ``FileNotFoundError`` naming the places, the models there, and how to get it.
    """
    places = [models_dir] if models_dir is not None else model_folders()
    candidates = [Path(name)] if len(Path(name).parts) > 1 else [place / name for place in places]
    for folder in candidates:
        if (folder / CARD).is_file():
            return folder
    places = [folder.parent for folder in candidates]
    there = sorted({card.parent.name for place in places for card in place.glob(f"*/{CARD}")})
    raise FileNotFoundError(
        f"model {Path(name).name!r} is not in {', '.join(map(str, places))}; there are {', '.join(there) or 'none'}. "
        f"Give one of these, or, if it has a recipe, {_how_to_get(Path(name).name)}"
    )


def model_folders() -> list[Path]:
    """Where models are looked for, in order: the variable ``LOWDIM_MODELS``, ``models/`` of the :func:`checkout`, of
    the current folder and of those above it, and the copy inside an installed package.
    """
    root = checkout()
    roots = [*([root] if root else []), Path.cwd(), *Path.cwd().parents]
    places = [root / "models" for root in roots] + [Path(__file__).resolve().parent / "_models"]
    if os.environ.get("LOWDIM_MODELS"):
        places.insert(0, Path(os.environ["LOWDIM_MODELS"]).expanduser())
    return [place for place in dict.fromkeys(places) if place.is_dir()]


def checkout() -> Path | None:
    """The repository: the variable ``LOWDIM_ROOT``, else the one this package is imported from, if it is in one."""
    if os.environ.get("LOWDIM_ROOT"):
        return Path(os.environ["LOWDIM_ROOT"]).expanduser()
    own = Path(__file__).resolve().parents[2]
    return own if (own / "models").is_dir() else None


def card_page(card: Card) -> str:
    """The card as a Markdown page."""
    facts = {
        "data": card.data,
        "licence": card.licence,
        "trained by": f"`{card.command}`",
        "profile, seed": f"{card.profile}, {card.seed}",
        **{key: json.dumps(value) for key, value in card.settings.items()},
        "versions": ", ".join(f"{key} {value}" for key, value in card.versions.items()),
    }
    lines = [f"# {card.name}", "", card.description, ""]
    if "samples.png" in card.files:
        lines += ["![samples](samples.png)", ""]
    lines += _table([{"": key, " ": value} for key, value in facts.items()])
    for title, rows in card.scores.items():
        lines += [f"## {title}", "", *_table(rows)]
    module, _, function = card.loader.rpartition(".")
    lines += ["## Use", "", "```python", f"from {module} import {function}", ""]
    lines += [f'{card.use.partition("(")[0]} = {function}("{card.name}")  # {card.use}', "```", ""]
    lines += ["## Files", "", *_table([{"file": f"`{k}`", "SHA-256": f"`{v}`"} for k, v in card.files.items()])]
    return "\n".join(lines).rstrip() + "\n"


def _table(rows: list[dict[str, Any]]) -> list[str]:
    columns = list(rows[0])
    cells = [[f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows]
    lines = [columns, ["---"] * len(columns), *cells]
    return [*("| " + " | ".join(line) + " |" for line in lines), ""]


def _how_to_get(name: str) -> str:
    return (
        f"restore it from the repository (git checkout -- models/{name}), or train it with 'lowdim train {name}' and "
        "set LOWDIM_MODELS to the folder above the one that it prints"
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
