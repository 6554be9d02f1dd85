"""Where a result comes from: hashes of everything that decides it, package versions, and the commit.

A chapter's hashes cover the code it imports (:mod:`lowdim.companion.imports`), its notebook's sources, its claims, the
lock file and its weights. They are the key of the execution cache, and they tell whether a recorded result is current.
"""

from __future__ import annotations

import ast
import hashlib
import json
import platform
import subprocess
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lowdim.companion.imports import (
    PACKAGE,
    assigned,
    cell_code,
    defining_modules,
    import_closure,
    package_folder,
    parse,
)

if TYPE_CHECKING:
    from lowdim.companion.catalogue import ChapterInfo

PACKAGES = ("lowdim", "torch", "numpy", "scipy", "diffusers", "scikit-learn", "matplotlib", "deepinv", "torchvision")
HASHES = ("code", "notebook", "claims", "lock", "weights")
ABSENT = "absent"
EXPERIMENT = "experiment:"


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that decide numbers, and the kind of machine; nothing is imported."""
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit_label(root: Path) -> str:
    """The commit of the checkout at ``root`` as ``git describe`` names it, with ``-dirty`` for uncommitted changes.

    ``"unknown"`` without git or outside a checkout.
    """
    command = ["git", "-C", str(root), "describe", "--always", "--tags", "--dirty", "--abbrev=10"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip() or "unknown"


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes as they are."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def text_digest(path: Path) -> str:
    """SHA-256 of a file: of text with its line ends normalised, as a checkout may change them; of binary as it is."""
    data = path.read_bytes()
    if b"\0" not in data:
        data = data.replace(b"\r\n", b"\n")
    return hashlib.sha256(data).hexdigest()


def digest(value: Any) -> str:
    """SHA-256 of a JSON value, independent of the order of keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def notebook_cells(path: Path) -> list[tuple[str, str]]:
    """Kind and source of each cell of a notebook, never its outputs; a damaged file raises a ``ValueError``."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        pairs = [(cell["cell_type"], cell["source"]) for cell in cells]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path.name} is not a readable notebook: {error}") from error
    return [(kind, text if isinstance(text, str) else "".join(text)) for kind, text in pairs]


def declared_weights(module_files: Iterable[Path]) -> tuple[str, ...]:
    """The names in the ``WEIGHTS`` tuple of a chapter's module, read from the source without running it."""
    names: list[str] = []
    for path in module_files:
        for value in assigned(parse(path.read_text(encoding="utf-8")), "WEIGHTS"):
            try:
                names += [str(name) for name in ast.literal_eval(value)]
            except (ValueError, TypeError) as error:
                raise ValueError(f"{path.name}: WEIGHTS must be a literal tuple of names under models/") from error
    return tuple(dict.fromkeys(names))


def chapter_hashes(info: ChapterInfo, root: Path, parameters: Mapping[str, Any] | None = None) -> dict[str, str]:
    """The hashes that decide a chapter's result, one for each of :data:`HASHES`.

    ``info`` is the chapter's row of the catalogue and ``root`` the checkout. With ``parameters`` (profile, seed, device
    and whatever else decides a run) the entry ``key`` hashes all of it together. A file that does not exist hashes as
    ``"absent"``.
    """
    notebook = info.notebook(root)
    cells = notebook_cells(notebook) if notebook.is_file() else []
    found = {
        **module_hashes(info, root, [cell_code(text) for kind, text in cells if kind == "code"]),
        "notebook": digest(cells) if cells else ABSENT,
        "claims": _optional(root / "book" / "claims" / f"{info.stem}.yml"),
        "lock": _optional(root / "constraints.txt"),
    }
    if parameters is not None:
        found["key"] = digest([found, dict(parameters)])
    return found


def module_hashes(info: ChapterInfo, root: Path, sources: Iterable[str] = ()) -> dict[str, str]:
    """The hashes ``code`` (import closure of the chapter's module and of the texts ``sources``) and ``weights``."""
    folder = _package(root)
    closure = import_closure([info.module], sources, folder)
    return {"code": _code_digest(closure, folder), "weights": _weights_digest(info, root, closure)}


def measuring_hashes(info: ChapterInfo, root: Path) -> dict[str, str]:
    """What decides the chapter's numbers: ``weights`` and, for each experiment, ``experiment:NAME``.

    An experiment's hash covers what the module that defines it imports. The registry that gathers a chapter's
    experiments and figures is left out: a legend, or another experiment, costs no finished work.
    """
    folder = _package(root)
    modules = defining_modules(info.module, "EXPERIMENTS", folder)
    codes = {
        module: _code_digest(import_closure([module], (), folder, apart={info.module} - {module}), folder)
        for module in set(modules.values())
    }
    weights = _weights_digest(info, root, import_closure([info.module], (), folder))
    return {"weights": weights, **{f"{EXPERIMENT}{name}": codes[module] for name, module in modules.items()}}


def measured_otherwise(recorded: Mapping[str, str], current: Mapping[str, str]) -> list[str]:
    """Which :func:`measuring_hashes` of a recorded result are not the ``current`` ones. A result that does not say
    which experiments it holds was measured by other code.
    """
    held = [name for name in recorded if name.startswith(EXPERIMENT)]
    return [name for name in (*held, "weights") if recorded.get(name) != current.get(name)] if held else ["code"]


def _package(root: Path) -> Path:
    folder = root / "lib" / PACKAGE
    return folder if folder.is_dir() else package_folder()


def _weights_digest(info: ChapterInfo, root: Path, closure: Mapping[str, Path]) -> str:
    own = [path for name, path in closure.items() if f"{name}.".startswith(f"{info.module}.")]
    return digest({name: _tree(root / "models" / name) for name in declared_weights(own)})


def changed(recorded: Mapping[str, str], current: Mapping[str, str]) -> list[str]:
    """Which of :data:`HASHES` differ between a recorded result and the checkout."""
    return [name for name in HASHES if recorded.get(name) != current.get(name)]


def _optional(path: Path) -> str:
    return text_digest(path) if path.is_file() else ABSENT


def _code_digest(closure: Mapping[str, Path], folder: Path) -> str:
    # Data beside a module (a schema, a table, a folder of fonts) belongs to it as much as its code.
    files = set(closure.values())
    for parent in {path.parent for path in closure.values()}:
        folders = [p for p in parent.iterdir() if p.is_dir() and not any(p.glob("*.py")) and p.name != "__pycache__"]
        inside = [p for found in folders for p in found.rglob("*")]
        files.update(p for p in [*parent.iterdir(), *inside] if p.is_file() and _is_data(p))
    return digest({path.relative_to(folder).as_posix(): text_digest(path) for path in files})


def _is_data(path: Path) -> bool:
    return (
        path.suffix not in (".py", ".pyc", ".typed") and not path.name.startswith(".") and not path.name.endswith("~")
    )


def _tree(folder: Path) -> dict[str, str] | str:
    if not folder.is_dir():
        return ABSENT
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): text_digest(path) for path in files}
