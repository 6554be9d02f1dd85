"""The data page: the catalogue of data sets as MyST text, who uses each, and sheets of examples."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from lowdim.companion.catalogue import CHAPTERS, has_module
from lowdim.companion.imports import imported_names, package_folder, parse
from lowdim.data.catalogue import DATA_SETS, EXAMPLES, SHOWN, data_set
from lowdim.data.images import LOADERS
from lowdim.data.records import DataFile, DataSet

BY_NAME = "lowdim.data.images"
NO_BREAK = "\N{NO-BREAK SPACE}"
DRAWN = {"Data set": 30, "One sample": 42, "Used by": 28}  # columns and their widths in per cent
GIVEN = {"Data set": 32, "Images": 34, "Licence": 18, "Used by": 16}
FILES = {"File": 38, "Size": 20, "Checksum": 42}


def table_text(kind: str) -> str:
    """The data sets of one kind (``generated``, ``installed``, ``local``) as a table, citations included.

    Raises ``ValueError`` for a kind that has none.
    """
    chosen = [found for found in DATA_SETS if found.kind == kind]
    if not chosen:
        kinds = dict.fromkeys(found.kind for found in DATA_SETS)
        raise ValueError(f"kind: {kind!r} has no data sets; choose one of {', '.join(kinds)}")
    return list_table(DRAWN if kind == "generated" else GIVEN, [_row(found) for found in chosen])


def files_text(name: str) -> str:
    """The files of one data set, how to put them in place, and what is verified."""
    found = data_set(name)
    if not found.files:
        raise ValueError(f"name: {name!r} has no files; it is {found.kind}")
    page = f"Page of its publisher: <{found.page}>. " if found.page else ""
    table = list_table(FILES, [_file_row(file) for file in found.files])
    return f"{table}\n\n{page}{found.placing}\n\nVerified: {found.checked}."


def _row(found: DataSet) -> tuple[str, ...]:
    cite = f" {{cite:p}}`{found.key}`" if found.key else ""
    page = f"/book/api/{found.module.split('.')[1]}.md"
    name = f"[**{found.title}**]({page}), {found.credit}{cite}"
    by = "; ".join(users(found)) or "nothing yet"
    contents = found.contents.replace(" × ", f"{NO_BREAK}×{NO_BREAK}")
    if found.kind == "generated":
        return name, contents, by
    sizes = ", ".join(f"{split} {grouped(count)}" for split, count in found.splits.items())
    return name, f"{contents}; {sizes} ({found.rule})", found.licence, by


def grouped(count: int) -> str:
    """``162 770``: thousands apart."""
    return f"{count:,}".replace(",", NO_BREAK)


def _file_row(file: DataFile) -> tuple[str, ...]:
    kind, _, digest = file.checksum.partition(":")
    name = f"`{file.name}`" + " (optional)" * file.optional
    return name, file.size, f"{kind} `{digest}`{{.lowdim-digest}}" if digest else "none published"


def list_table(columns: Mapping[str, int], rows: Iterable[Sequence[str]]) -> str:
    """A MyST list table with these columns, whose values are widths; the cells are MyST."""
    widths = " ".join(map(str, columns.values()))
    lines = ["```{list-table}", ":header-rows: 1", f":widths: {widths}", ""]
    for row in (tuple(columns), *rows):
        lines += [f"{'  ' if i else '* '}- {cell}" for i, cell in enumerate(row)]
    return "\n".join([*lines, "```"])


# -- users ----------------------------------------------------------------------------------------------------------


def users(found: DataSet) -> list[str]:
    """``["chapters 00, 01", "model `digits`"]``: what uses a data set, read from the source.

    A module counts when it imports the data set's module or that of a data set made from it, or loads it by name
    (:mod:`lowdim.data.images`).
    """
    chapters = [
        info.number
        for info in CHAPTERS
        if has_module(info) and any(_uses(path, found) for path in _sources(info.module))
    ]
    models = _models(found)
    text = [f"chapter{'s' * (len(chapters) > 1)} {', '.join(chapters)}"] if chapters else []
    return text + ([f"model{'s' * (len(models) > 1)} {', '.join(models)}"] if models else [])


def _models(found: DataSet) -> list[str]:
    from lowdim import recipes

    modules: dict[Path, list[str]] = {}
    for name in recipes.names():
        modules.setdefault(recipe_source(name), []).append(name)
    used = [names for path, names in modules.items() if _uses(path, found)]
    return [f"`{names[0]}`" + (f" and {len(names) - 1} like it" if len(names) > 1 else "") for names in used]


def recipe_source(name: str) -> Path:
    """The file that holds the recipe of a model."""
    from lowdim import recipes

    build = recipes.load_recipe(name).build
    return Path(build.__code__.co_filename)


def _sources(module: str) -> list[Path]:
    place = package_folder().joinpath(*module.split(".")[1:])
    return sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]


def _uses(path: Path, found: DataSet) -> bool:
    names, texts = _read(path)
    modules = (found.module, *_made_from(found))
    imported = any(f"{name}.".startswith(f"{module}.") for name in names for module in modules)
    known = LOADERS.keys() & {found.name, found.module.rpartition(".")[2]}
    return imported or (BY_NAME in names and bool(texts & known))


def _made_from(found: DataSet) -> list[str]:
    """The modules of other data sets that draw on this one: the moving clips show the photographs."""
    others = [other.module for other in DATA_SETS if other.module != found.module]
    sources = {module: path for module in others for path in _sources(module) if path.is_file()}
    return [module for module, path in sources.items() if found.module in _read(path)[0]]


@cache
def _read(path: Path) -> tuple[frozenset[str], frozenset[str]]:
    """What a file imports, and the string constants in it."""
    code = path.read_text(encoding="utf-8")
    parts = path.relative_to(package_folder().parent).with_suffix("").parts
    names = imported_names(code, ".".join(parts), is_package=parts[-1] == "__init__")
    constants = (node.value for node in ast.walk(parse(code)) if isinstance(node, ast.Constant))
    return frozenset(names), frozenset(value for value in constants if isinstance(value, str))


# -- examples -------------------------------------------------------------------------------------------------------


def sheet_png(name: str) -> bytes:
    """A PNG with :data:`SHOWN` examples of a data set that needs no files, eight in a row.

    Raises ``ValueError`` for a data set without examples.
    """
    if name not in EXAMPLES:
        raise ValueError(f"name: {name!r} has no examples; choose one of {', '.join(EXAMPLES)}")
    from lowdim.recipes.denoisers import sheet

    images = EXAMPLES[name]()
    return sheet(images, SHOWN // 2, scale=max(1, 96 // images.shape[-1]), gap=4)
