"""Notebooks in one stable form: true parameters before a run, and nothing but sources and outputs after it."""

from __future__ import annotations

import ast
import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from lowdim.companion.imports import parse

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def read_notebook(path: Path) -> NotebookNode:
    """A notebook in format 4; a damaged file raises a ``ValueError`` naming it."""
    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat raises many kinds
        raise ValueError(f"{path.name} is not a readable notebook: {error}") from error


def notebook_bytes(notebook: NotebookNode) -> bytes:
    """A notebook as its file: ``\\n`` line ends on every system and one at the end."""
    return (nbformat.writes(notebook, version=4).rstrip("\n") + "\n").encode()


def write_notebook(notebook: NotebookNode, path: Path) -> None:
    """Write :func:`notebook_bytes` to ``path``, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(notebook_bytes(notebook))


def with_parameters(notebook: NotebookNode, values: Mapping[str, Any]) -> NotebookNode:
    """A copy whose ``parameters`` cell assigns ``values``; a line that has its value already keeps its spelling.

    The page then shows the values that ran, and the defaults give the committed source back, character by character.
    Raises a ``ValueError`` when there is not exactly one such cell or when it does not assign every name.
    """
    result = copy.deepcopy(notebook)
    cells = [c for c in result.cells if c.cell_type == "code" and "parameters" in c.metadata.get("tags", [])]
    if len(cells) != 1:
        raise ValueError(f"the notebook has {len(cells)} cells tagged 'parameters'; it must have one")
    cells[0].source = assign(cells[0].source, values)
    return result


def assign(source: str, values: Mapping[str, Any]) -> str:
    """``source`` with the literal on the right of each assignment ``name = ...`` replaced by the value of that name."""
    lines = source.splitlines()
    waiting = dict(values)
    for node in parse(source).body:
        if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
            continue
        name = node.targets[0].id
        if name not in waiting:
            continue
        value = waiting.pop(name)
        old = node.value
        if old.lineno != old.end_lineno or node.lineno != old.lineno:
            raise ValueError(f"the parameters cell must assign {name} on one line")
        if isinstance(old, ast.Constant) and type(old.value) is type(value) and old.value == value:
            continue
        # Column offsets of the syntax tree count bytes.
        line = lines[old.lineno - 1].encode()
        text = json.dumps(value) if isinstance(value, str) else repr(value)
        lines[old.lineno - 1] = (line[: old.col_offset] + text.encode() + line[old.end_col_offset :]).decode()
    if waiting:
        raise ValueError(f"the parameters cell does not assign {', '.join(waiting)}")
    return "\n".join(lines)


def normalise(executed: NotebookNode, source: NotebookNode) -> NotebookNode:
    """``source`` with the outputs of ``executed``, in a form that is the same for every run with the same outputs.

    Cells are paired by position. Counts run from 1, consecutive chunks of one stream are joined, and the metadata that
    execution adds (times, versions, widgets) is left behind.
    """
    result = copy.deepcopy(source)
    result.nbformat, result.nbformat_minor = 4, 5
    result.metadata = NotebookNode({**source.metadata, **_METADATA})
    result.metadata.pop("papermill", None)
    run = [cell for cell in executed.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    if len(run) != len(result.cells):
        raise ValueError(f"the executed copy has {len(run)} cells, its source {len(result.cells)}")
    count = 0
    for position, (cell, done) in enumerate(zip(result.cells, run, strict=True)):
        _clean_cell(cell, position)
        if cell.cell_type != "code":
            continue
        if not cell.source.strip():
            cell.execution_count, cell.outputs = None, []
            continue
        count += 1
        cell.execution_count = count
        cell.outputs = [_clean_output(output, count) for output in joined_streams(done.outputs)]
    return result


def _clean_cell(cell: NotebookNode, position: int) -> None:
    cell.setdefault("id", f"cell-{position:02d}")
    for key in ("papermill", "execution", "collapsed", "scrolled"):
        cell.metadata.pop(key, None)
    if not cell.metadata.get("tags", True):
        cell.metadata.pop("tags")
    for key in ("outputs", "execution_count"):
        if cell.cell_type != "code":
            cell.pop(key, None)


def _clean_output(output: NotebookNode, count: int) -> NotebookNode:
    output = copy.deepcopy(output)
    output.pop("transient", None)
    if output.output_type == "execute_result":
        output.execution_count = count
    return output


def joined_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Outputs with neighbouring chunks of one stream joined: where a kernel cuts them depends on the clock."""
    result: list[NotebookNode] = []
    for output in outputs:
        last = result[-1] if result else None
        if last is not None and output.output_type == "stream" == last.output_type and output.name == last.name:
            last.text += output.text
        else:
            result.append(copy.deepcopy(output))
    return result
