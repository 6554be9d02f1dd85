"""The committed notebooks as files: executed, normalised, and free of what differs from machine to machine."""

import re

import nbformat
import pytest

from lowdim.companion import normalise
from lowdim.companion.imports import cell_code
from notebooks.chapters import CHAPTERS, ROOT, stem

PARAMETERS = {"profile": "quick", "seed": 0, "device": "cpu"}
CELL_LINES = 25
STANDALONE_LINES = 40
# Folders of a machine, and objects printed with their address.
LOCAL = re.compile(r"(/home/|/root/|/Users/|/tmp/|[A-Z]:\\\\|site-packages|\bat 0x[0-9a-f]{6,})")


@pytest.fixture(params=CHAPTERS, ids=stem)
def path(request):
    return request.param.notebook(ROOT)


@pytest.fixture
def cells(path):
    """The code cells that hold code."""
    return [c for c in normalise.read_notebook(path).cells if c.cell_type == "code" and c.source.strip()]


def text_of(output):
    """All text of an output, whatever its kind."""
    data = output.get("data", {})
    parts = [output.get("text", ""), *(value for kind, value in data.items() if kind.startswith("text/"))]
    return "\n".join("".join(part) for part in parts)


def test_normalised(path, tmp_path):
    notebook = normalise.read_notebook(path)
    nbformat.validate(notebook)
    normalise.write_notebook(normalise.normalise(notebook, notebook), tmp_path / "again.ipynb")
    assert (tmp_path / "again.ipynb").read_bytes() == path.read_bytes(), "run the chapter and `lowdim record`"


def test_every_cell_was_executed_without_errors_and_warnings(cells):
    for number, cell in enumerate(cells, start=1):
        assert cell.execution_count == number, cell.source
        kinds = [output.output_type if output.output_type != "stream" else output.name for output in cell.outputs]
        assert "error" not in kinds, cell.source
        assert "stderr" not in kinds, cell.source


def test_one_parameters_cell_with_the_defaults(cells):
    found = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(found) == 1
    assert normalise.assign(found[0].source, PARAMETERS) == found[0].source
    names: dict = {}
    exec(found[0].source, {"__builtins__": {}}, names)
    assert names == PARAMETERS


def test_outputs_are_free_of_paths_and_addresses(cells):
    for cell in cells:
        for output in cell.outputs:
            found = LOCAL.search(text_of(output))
            assert found is None, f"{found and found.group()} in the output of:\n{cell.source}"


def test_cells_are_short(cells):
    for cell in cells:
        limit = STANDALONE_LINES if "standalone" in cell.metadata.get("tags", []) else CELL_LINES
        assert len(cell.source.splitlines()) <= limit, cell.source


def test_cells_are_python(cells):
    for cell in cells:
        compile(cell_code(cell.source), "cell", "exec")


def test_every_notebook_is_a_chapter():
    stems = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert stems == {info.stem for info in CHAPTERS}
