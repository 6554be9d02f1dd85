"""Which modules of the package a chapter uses, found by reading the source (nothing is imported)."""

from __future__ import annotations

import ast
import os
import re
import threading
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

PACKAGE = "lowdim"
_PARSER = threading.Lock()
_MAGIC = re.compile(r"^\s*[%!?]")


def parse(code: str) -> ast.Module:
    """The syntax tree of ``code``, from one thread at a time.

    CPython 3.11 counts the depth of the tree in one place for all threads: when the garbage collector calls Python code
    while a tree is made, another thread can spoil the count, and ``ast.parse`` raises ``SystemError``.
    """
    with _PARSER:
        return ast.parse(code)


def package_folder() -> Path:
    """The folder of the package that is running."""
    return Path(__file__).resolve().parents[1]


def cell_code(source: str) -> str:
    """The Python of a notebook cell: magic lines are emptied, a cell magic empties the whole cell."""
    if source.lstrip().startswith("%%"):
        return ""
    return "\n".join("" if _MAGIC.match(line) else line for line in source.splitlines())


def module_file(name: str, folder: Path) -> Path | None:
    """The file of module ``name`` (``lowdim.a.b``) when the package in ``folder`` has it, else ``None``."""
    parts = name.split(".")
    if parts[0] != PACKAGE or not all(part.isidentifier() for part in parts):
        return None
    base = folder.joinpath(*parts[1:])
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if len(parts) == 1 and path.name != "__init__.py":
            continue
        if path.is_file() and _spelled(path, folder):
            return path
    return None


def _spelled(path: Path, folder: Path) -> bool:
    """Whether the disk spells ``path`` so below ``folder``: some file systems ignore case, and Python does not."""
    while path != folder:
        if path.name not in os.listdir(path.parent):
            return False
        path = path.parent
    return True


def imported_names(code: str, module: str = "", *, is_package: bool = False) -> set[str]:
    """Every dotted name that ``code`` imports at any depth, relative ones resolved against ``module``.

    ``from a import b`` gives ``a`` and ``a.b``, since ``b`` may be a module. Literal arguments of ``import_module``
    count as well, and so do all string constants of a module that defines ``__getattr__`` (a lazy package).
    """
    tree = parse(code)
    package = module if is_package else module.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute("." * node.level + (node.module or ""), package)
            found.add(base)
            found.update(f"{base}.{alias.name}" for alias in node.names if alias.name != "*")
        elif isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__"):
            found.update(_absolute(text, package) for text in _strings(node))
    if any(isinstance(node, ast.FunctionDef) and node.name == "__getattr__" for node in tree.body):
        for text in _strings(tree):
            found.add(_absolute(text, package))
            found.add(f"{package}.{text}")
    return found


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _strings(node: ast.AST) -> Iterator[str]:
    return (n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str))


def _absolute(name: str, package: str) -> str:
    level = len(name) - len(name.lstrip("."))
    if not level:
        return name
    parts = package.split(".")
    base = parts[: len(parts) - level + 1]
    return ".".join([*base, name[level:]] if name[level:] else base)


@lru_cache(maxsize=4096)
def _file_imports(path: Path, module: str, stamp: tuple[int, int]) -> frozenset[str]:
    code = path.read_text(encoding="utf-8")
    return frozenset(imported_names(code, module, is_package=path.name == "__init__.py"))


def defining_modules(module: str, table: str, folder: Path) -> dict[str, str]:
    """Where the functions of ``table`` come from, a mapping of names to functions written out in ``module``.

    Key -> the module that defines its function, which is imported by name, by its module, or defined beside the table.
    Raises ``ValueError`` when there is no such table or an entry is something else.
    """
    path = module_file(module, folder)
    tree = parse(path.read_text(encoding="utf-8")) if path else ast.Module([], [])
    package = module if path and path.name == "__init__.py" else module.rpartition(".")[0]
    origin: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            origin[node.name] = module
        elif isinstance(node, ast.ImportFrom):
            base = _absolute("." * node.level + (node.module or ""), package)
            for alias in node.names:
                name = f"{base}.{alias.name}"
                origin[alias.asname or alias.name] = name if module_file(name, folder) else base
    found: dict[str, str] = {}
    for key, value in _entries(tree, table, module):
        source = value.value if isinstance(value, ast.Attribute) else value
        if not isinstance(key, ast.Constant) or not isinstance(source, ast.Name) or source.id not in origin:
            raise ValueError(f"{module}: {table} must map names to functions of modules; {ast.dump(value)} is none")
        found[str(key.value)] = origin[source.id]
    return found


def _entries(tree: ast.Module, table: str, module: str) -> list[tuple[ast.expr | None, ast.expr]]:
    for value in assigned(tree, table):
        if isinstance(value, ast.Dict):
            return list(zip(value.keys, value.values, strict=True))
    raise ValueError(f"{module}: {table} is not written out there as a mapping")


def assigned(tree: ast.Module, name: str) -> Iterator[ast.expr]:
    """What the body of a module assigns to ``name``, in order; a bare annotation assigns nothing."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if value is not None and any(isinstance(target, ast.Name) and target.id == name for target in targets):
            yield value


def import_closure(
    modules: Iterable[str],
    sources: Iterable[str] = (),
    folder: Path | None = None,
    *,
    apart: Iterable[str] = (),
) -> dict[str, Path]:
    """The modules of the package that ``modules`` and the code texts ``sources`` import, directly or not, and their
    files.

    The ``__init__`` of every parent package is included, and so are imports inside functions. Names outside the
    package are ignored, and so are the modules named ``apart`` with all that only they import. A module in ``modules``
    that does not exist raises a ``ValueError``.
    """
    folder, apart = folder or package_folder(), set(apart)
    start = list(modules)
    for name in start:
        if module_file(name, folder) is None:
            raise ValueError(f"modules: {name!r} is not a module of {folder}")
    waiting = start + [name for code in sources for name in imported_names(code)]
    found: dict[str, Path] = {}
    while waiting:
        name = waiting.pop()
        path = module_file(name, folder)
        if path is None or name in found or name in apart:
            continue
        found[name] = path
        stat = path.stat()
        waiting.extend(_file_imports(path, name, (stat.st_mtime_ns, stat.st_size)))
        waiting.append(name.rpartition(".")[0])
    return dict(sorted(found.items()))
