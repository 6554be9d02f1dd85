import copy

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from companion.toybook import PARAMETERS, write_notebook
from lowdim.companion import normalise as module
from lowdim.companion.normalise import assign, joined_streams, normalise, read_notebook, with_parameters

DEFAULTS = {"profile": "quick", "seed": 0, "device": "cpu"}


def test_defaults_give_the_source_back_character_by_character():
    for source in (PARAMETERS, "profile = 'quick'\nseed=0\ndevice  =  'cpu'  # where"):
        assert assign(source, DEFAULTS) == source


def test_other_values_replace_the_literals_and_keep_comments():
    found = assign(PARAMETERS, {"profile": "full", "seed": 3, "device": "cuda:0"})
    assert found == 'profile = "full"  # how large\nseed = 3\ndevice = "cuda:0"'


def test_values_after_letters_of_several_bytes():
    assert assign('"σ"; profile = "quick"', {"profile": "smoke"}) == '"σ"; profile = "smoke"'


def test_true_is_not_one():
    assert assign("seed = True", {"seed": 1}) == "seed = 1"


def test_missing_assignment_and_missing_cell_are_named(tmp_path):
    with pytest.raises(ValueError, match="device"):
        assign("profile = 'quick'\nseed = 0", DEFAULTS)
    notebook = new_notebook(cells=[new_code_cell("seed = 0")])
    with pytest.raises(ValueError, match="0 cells tagged 'parameters'"):
        with_parameters(notebook, DEFAULTS)


def test_with_parameters_leaves_its_argument_alone(tmp_path):
    notebook = read_notebook(write_notebook(tmp_path / "a.ipynb", ()))
    before = copy.deepcopy(notebook)
    changed = with_parameters(notebook, DEFAULTS | {"seed": 2})
    assert notebook == before
    assert "seed = 2" in changed.cells[1].source


def executed(times: str) -> nbformat.NotebookNode:
    """A copy as papermill leaves it, with things that differ from run to run."""
    first = new_code_cell("print(1)", id="a", execution_count=4, metadata={"papermill": {"duration": times}})
    first.outputs = [new_output("stream", name="stdout", text=text) for text in ("o", "ne\n")]
    first.metadata["execution"] = {"iopub.status.busy": times}
    second = new_code_cell("2", id="b", execution_count=9, metadata={"tags": []})
    second.outputs = [new_output("execute_result", data={"text/plain": "2"}, execution_count=9)]
    injected = new_code_cell("seed = 1", id="c", metadata={"tags": ["injected-parameters"]})
    cells = [new_markdown_cell("# T", id="t"), injected, first, second, new_code_cell("", id="e", execution_count=None)]
    metadata = {"papermill": {"start_time": times}, "language_info": {"name": "python", "version": times}}
    return new_notebook(cells=cells, metadata=metadata)


def source() -> nbformat.NotebookNode:
    cells = [new_markdown_cell("# T", id="t"), new_code_cell("print(1)", id="a"), new_code_cell("2", id="b")]
    return new_notebook(cells=[*cells, new_code_cell("", id="e")], metadata={"mystnb": {"x": 1}})


def test_two_runs_give_the_same_bytes(tmp_path):
    for name, times in (("a", "1.5"), ("b", "2.5")):
        module.write_notebook(normalise(executed(times), source()), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    text = (tmp_path / "a").read_text()
    assert "papermill" not in text
    assert "1.5" not in text
    assert text.endswith("}\n")


def test_normalised_is_the_source_with_outputs():
    found = normalise(executed("1"), source())
    nbformat.validate(found)
    assert [cell.id for cell in found.cells] == ["t", "a", "b", "e"]
    assert [cell.get("execution_count") for cell in found.cells] == [None, 1, 2, None]
    assert [output.text for output in found.cells[1].outputs] == ["one\n"]
    assert found.cells[2].outputs[0].execution_count == 2
    assert found.metadata["mystnb"] == {"x": 1}
    assert found.metadata["language_info"] == {"name": "python"}


def test_normalising_twice_changes_nothing():
    once = normalise(executed("1"), source())
    assert normalise(once, once) == once


def test_copies_of_other_notebooks_are_refused():
    other = source()
    other.cells.pop()
    with pytest.raises(ValueError, match="4 cells"):
        normalise(executed("1"), other)


def test_streams_are_joined_only_with_their_own_kind():
    outputs = [new_output("stream", name=name, text=text) for name, text in (("stdout", "a"), ("stderr", "b"))]
    outputs += [new_output("stream", name="stderr", text="c"), new_output("display_data", data={})]
    outputs += [new_output("stream", name="stderr", text="d")]
    assert [o.get("text") for o in joined_streams(outputs)] == ["a", "bc", None, "d"]


def test_damaged_notebook_is_named(tmp_path):
    (tmp_path / "bad.ipynb").write_text("{")
    with pytest.raises(ValueError, match=r"bad\.ipynb"):
        read_notebook(tmp_path / "bad.ipynb")
