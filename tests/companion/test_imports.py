import ast
import gc
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lowdim.companion.imports import (
    assigned,
    cell_code,
    defining_modules,
    import_closure,
    imported_names,
    module_file,
    package_folder,
)


@pytest.fixture
def package(tmp_path):
    """A package ``lowdim`` in which ``top`` reaches ``deep`` in several ways, and ``other`` is not reached."""
    files = {
        "__init__.py": "",
        "leaf.py": "X = 1",
        "top.py": "def late():\n    from lowdim.room import helper\n    return helper\n",
        "room/__init__.py": "from .side import thing\n",
        "room/side.py": "import lowdim.leaf\nthing = 1\n",
        "room/helper.py": "from . import deep\n",
        "room/deep.py": "from ..leaf import X\n",
        "room/other.py": "",
        "lazy/__init__.py": "TABLE = {'A': 'hidden'}\ndef __getattr__(name):\n    return name\n",
        "lazy/hidden.py": "",
        "lazy/unrelated.py": "",
        "dynamic.py": "import importlib\nimportlib.import_module('lowdim.room.other')\n",
    }
    for name, text in files.items():
        path = tmp_path / "lowdim" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "lowdim"


def test_closure_follows_imports_inside_functions_relative_imports_and_parents(package):
    found = import_closure(["lowdim.top"], folder=package)
    assert set(found) == {
        "lowdim",
        "lowdim.top",
        "lowdim.leaf",
        "lowdim.room",
        "lowdim.room.side",
        "lowdim.room.helper",
        "lowdim.room.deep",
    }


def test_closure_of_a_code_text(package):
    assert set(import_closure([], ["from lowdim import leaf"], package)) == {"lowdim", "lowdim.leaf"}


def test_lazy_packages_count_their_table_and_import_module_its_literal(package):
    assert "lowdim.lazy.hidden" in import_closure(["lowdim.lazy"], folder=package)
    assert "lowdim.lazy.unrelated" not in import_closure(["lowdim.lazy"], folder=package)
    assert "lowdim.room.other" in import_closure(["lowdim.dynamic"], folder=package)


def test_edited_file_is_read_again(package):
    assert "lowdim.room.other" not in import_closure(["lowdim.leaf"], folder=package)
    (package / "leaf.py").write_text("import lowdim.room.other")
    assert "lowdim.room.other" in import_closure(["lowdim.leaf"], folder=package)


def test_modules_apart_are_left_out_with_what_only_they_import(package):
    found = import_closure(["lowdim.top"], folder=package, apart=["lowdim.room.helper"])
    assert set(found) == {"lowdim", "lowdim.top", "lowdim.leaf", "lowdim.room", "lowdim.room.side"}


def test_the_module_of_each_function_in_a_table(package):
    (package / "table.py").write_text(
        "from lowdim import leaf\nfrom .room.side import thing as other\ndef own(): ...\n"
        "T: dict = {'a': leaf.X, 'b': other, 'c': own}\n"
    )
    found = defining_modules("lowdim.table", "T", package)
    assert found == {"a": "lowdim.leaf", "b": "lowdim.room.side", "c": "lowdim.table"}


@pytest.mark.parametrize("text", ["T = dict(a=own)", "T = {'a': make(own)}", "T = {**others}", "T = {'a': unknown}"])
def test_a_table_that_cannot_be_read_is_refused(package, text):
    (package / "table.py").write_text(f"def own(): ...\n{text}\n")
    with pytest.raises(ValueError, match=r"lowdim\.table: T (must map|is not written out)"):
        defining_modules("lowdim.table", "T", package)


def test_assignments_to_a_name_are_found_in_every_form():
    tree = ast.parse("A = B = 1\nA: int\nA: int = 2\n(A, B) = 3, 4\ndef f():\n    A = 5\n")
    assert [ast.literal_eval(value) for value in assigned(tree, "A")] == [1, 2]


def test_unknown_module_is_refused(package):
    with pytest.raises(ValueError, match=r"lowdim\.nowhere"):
        import_closure(["lowdim.nowhere"], folder=package)


def test_names_spelled_otherwise_are_no_modules(package):
    assert module_file("lowdim.Leaf", package) is None
    assert module_file("os.path", package) is None


def test_relative_names_of_a_module_and_of_a_package():
    assert "lowdim.a.c" in imported_names("from . import c", "lowdim.a.b")
    assert "lowdim.a.b.c" in imported_names("from . import c", "lowdim.a.b", is_package=True)
    assert "lowdim.x" in imported_names("from ..x import y", "lowdim.a.b")


def test_magic_lines_of_cells_are_no_code():
    ast.parse(cell_code("%matplotlib inline\n!ls\nx = 1"))
    assert cell_code("%%bash\nnot python at all(") == ""


def test_threads_may_read_sources_while_the_collector_runs():
    """The collector calls Python here, as under Hypothesis; the parser of CPython 3.11 alone does not bear it."""
    code = (package_folder() / "companion" / "imports.py").read_text(encoding="utf-8")

    def callback(phase, info):
        time.sleep(0)

    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    gc.callbacks.append(callback)
    sys.setswitchinterval(1e-6)
    gc.set_threshold(50)
    try:
        with ThreadPoolExecutor(4) as pool:
            assert len(set(map(frozenset, pool.map(imported_names, [code] * 60)))) == 1
    finally:
        gc.callbacks.remove(callback)
        sys.setswitchinterval(interval)
        gc.set_threshold(*threshold)


def test_closure_holds_every_module_that_really_gets_imported():
    """Python's own import system is the independent answer, for the modules that load without being called."""
    name = "lowdim.companion.results"
    code = f"import {name}, sys; print(*[m for m in sys.modules if m.split('.')[0] == 'lowdim'])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert name in loaded
    assert set(loaded) <= set(import_closure([name], folder=package_folder()))
