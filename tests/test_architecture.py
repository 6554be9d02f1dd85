"""The rules of the house: which room may import which, what loads when, and nothing of one machine in the files."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from lowdim.companion.imports import imported_names, module_file

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "lib" / "lowdim"

LEAVES = {"profile", "record", "checks", "style", "compat", "seeding", "model_store"}
BELOW = {"distributions", "denoising", "training", "measurement", "metrics", "data"}
# Which rooms a room may import, beside itself.
ALLOWED = {
    "distributions": LEAVES,
    "metrics": LEAVES,
    "data": LEAVES,
    "measurement": LEAVES | {"distributions", "denoising"},
    "denoising": LEAVES | {"distributions"},
    "training": LEAVES | {"distributions"},
    "recipes": LEAVES | BELOW,
    "papers": LEAVES | BELOW,
    "companion": LEAVES | BELOW | {"recipes"},
    **dict.fromkeys(LEAVES, LEAVES),
}
WITHOUT_VISION = ("distributions", "denoising", "metrics", "training")
HEAVY = ("diffusers", "transformers", "sklearn", "skimage", "deepinv", "torchvision", "matplotlib.pyplot", "dask")
FILE_LINES, FUNCTION_LINES = 300, 40


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def imports(name: str) -> frozenset[str]:
    """The modules of the package that a module imports at any depth of its code."""
    path = FILES[name]
    found = imported_names(path.read_text(encoding="utf-8"), name, is_package=path.name == "__init__.py")
    return frozenset(other for other in found if module_file(other, PACKAGE))


def room(name: str) -> str:
    """The room (or leaf) of a module; empty for the package itself."""
    return name.partition(".")[2].partition(".")[0]


def test_every_room_is_known():
    assert {room(name) for name in FILES} - {""} <= set(ALLOWED)


@pytest.mark.parametrize("name", FILES)
def test_imports_go_downwards(name):
    if name == "lowdim":
        assert not imports(name)
        return
    allowed = ALLOWED[room(name)] | {room(name), ""}
    wrong = sorted(other for other in imports(name) if room(other) not in allowed)
    assert not wrong, f"{name} must not import {', '.join(wrong)}"


def test_no_chapter_imports_another():
    for name in FILES:
        parts = name.split(".")
        if parts[1:2] != ["papers"] or len(parts) < 3:
            continue
        own = ".".join(parts[:3])
        others = [
            other
            for other in imports(name)
            if other.startswith("lowdim.papers.") and not f"{other}.".startswith(f"{own}.")
        ]
        assert not others, f"{name} imports {', '.join(others)}"


def test_nothing_imports_the_notebooks():
    for name, path in FILES.items():
        assert not any(other.split(".")[0] == "notebooks" for other in imported_names(path.read_text(), name)), name


def at_import(path: Path) -> str:
    """The part of a file that runs when it is imported: no function bodies, nothing for type checkers alone."""

    class Strip(ast.NodeTransformer):
        def visit_FunctionDef(self, node):
            node.body = [ast.Pass()]
            return node

        visit_AsyncFunctionDef = visit_FunctionDef

        def visit_If(self, node):
            return None if "TYPE_CHECKING" in ast.dump(node.test) else self.generic_visit(node)

    return ast.unparse(Strip().visit(ast.parse(path.read_text(encoding="utf-8"))))


def test_no_circles_among_modules():
    graph = {}
    for name, path in FILES.items():
        found = imported_names(at_import(path), name, is_package=path.name == "__init__.py")
        # `from package import module` names the package too; the module is what is meant.
        graph[name] = {
            other for other in found if other in FILES and other != name and not name.startswith(f"{other}.")
        }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name not in done:
            for other in sorted(graph[name]):
                if not other.startswith(f"{name}."):  # a package gathers its own modules
                    visit(other, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def loaded_by(code: str) -> set[str]:
    """The modules that a fresh Python has loaded after ``code``."""
    program = f"{code}\nimport sys\nprint(*[name for name, module in sys.modules.items() if module is not None])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_the_package_and_the_companion_load_nothing_heavy():
    loaded = loaded_by("import lowdim, lowdim.companion, lowdim.companion.cli")
    assert not loaded & {"torch", "numpy", "scipy", "papermill", "nbformat", "yaml", *HEAVY}


def test_rooms_load_heavy_libraries_only_where_they_are_used():
    rooms = [name for name in FILES if name.count(".") == 1 and FILES[name].name == "__init__.py"]
    loaded = loaded_by("\n".join(f"import {name}" for name in rooms))
    assert "torch" in loaded
    assert not loaded & set(HEAVY)


def test_the_core_works_without_torchvision_and_deepinv():
    modules = [name for name in FILES if room(name) in WITHOUT_VISION]
    code = "import sys\nsys.modules['torchvision'] = sys.modules['deepinv'] = None\n"
    loaded_by(code + "\n".join(f"import {name}" for name in modules))


def tracked() -> list[Path]:
    done = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in done.stdout.splitlines()]
    return [
        path
        for path in paths
        if path.is_file() and path.suffix not in (".png", ".npz", ".ttf", ".woff2", ".safetensors")
    ]


def test_no_file_names_a_folder_of_this_machine():
    here = [str(folder) for folder in (ROOT, sys.prefix) if len(Path(folder).parts) > 2]
    for path in tracked():
        text = path.read_text(encoding="utf-8", errors="ignore")
        assert not any(f"{folder}/" in text for folder in here), path


def sizes() -> list[str]:
    """Files and functions above the usual size."""
    found = []
    for name, path in FILES.items():
        text = path.read_text(encoding="utf-8")
        lines = len(text.splitlines())
        if lines > FILE_LINES:
            found.append(f"{name}: {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno + 1 > FUNCTION_LINES:
                found.append(f"{name}.{node.name}: {node.end_lineno - node.lineno + 1} lines")
    return found


def test_files_and_functions_are_of_usual_size(record_property):
    """A report; only what is twice as long as usual fails."""
    found = sizes()
    record_property("large", found)
    print("\n".join(found))
    for entry in found:
        limit = FUNCTION_LINES if entry.partition(":")[0] not in FILES else FILE_LINES
        assert int(entry.split()[-2]) <= 2 * limit, entry
