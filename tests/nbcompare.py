"""Pytest plugin: compare freshly executed notebooks with the committed ones, without a kernel.

    pytest -p nbcompare --nb-executed build/runs/quick/notebooks notebooks

Cells, tags, sanitising and reports are nbval's; the fresh outputs come from copies executed elsewhere. Added to its
rules: numbers are compared with a tolerance, and what nbval passes in silence fails here: cells that were never
executed, stored errors, pictures that vanished or changed their size, copies that are missing or of other sources.
"""

from __future__ import annotations

import base64
import copy
import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbval.plugin import IPyNbCell, IPyNbFile, coalesce_streams

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?")
TEXT_TYPES = ("text/plain", "text/html", "text/markdown", "text/latex")
PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
SIZE_TOLERANCE = 0.02


def close(reference: str, fresh: str, rtol: float, atol: float) -> bool:
    """Whether two texts say the same: equal words, equal whole numbers, and other numbers within the tolerance.

    A number printed with three or more significant digits may also differ by one unit of its last digit, since a value
    between two roundings can go either way on another machine.
    """
    if NUMBER.sub("#", reference).split() != NUMBER.sub("#", fresh).split():
        return False
    pairs = zip(NUMBER.findall(reference), NUMBER.findall(fresh), strict=True)
    return all(_close_numbers(old, new, rtol, atol) for old, new in pairs)


def _close_numbers(old: str, new: str, rtol: float, atol: float) -> bool:
    if _is_whole(old) and _is_whole(new):
        return int(old) == int(new)
    a, b = float(old), float(new)
    allowed = atol + rtol * abs(a)
    unit = max(_last_digit(text) for text in (old, new) if not _is_whole(text))
    if unit <= 0.01 * min(abs(a), abs(b)):
        allowed = max(allowed, unit)
    return abs(a - b) <= allowed * (1 + 1e-9)  # the digits printed are decimal, their difference is not


def _is_whole(text: str) -> bool:
    return re.fullmatch(r"[-+]?\d+", text) is not None


def _last_digit(text: str) -> float:
    """What one unit of the last printed digit is worth."""
    mantissa, _, exponent = text.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return 10.0 ** (int(exponent or 0) - decimals)


def take_close_text(reference: Sequence[Any], fresh: Sequence[Any], rtol: float, atol: float) -> None:
    """Put the reference's text into ``fresh`` wherever the two are close, so that nbval's exact comparison passes."""
    for old, new in zip(reference, fresh, strict=False):
        if old.output_type == new.output_type == "stream":
            if old.name == new.name and close(old.text, new.text, rtol, atol):
                new.text = old.text
            continue
        for kind, text in new.get("data", {}).items():
            stored = old.get("data", {}).get(kind)
            if kind in TEXT_TYPES and isinstance(stored, str) and close(stored, text, rtol, atol):
                new.data[kind] = stored


def picture_difference(reference: Sequence[Any], fresh: Sequence[Any]) -> str:
    """What differs in the presence or the size of pictures, in words; empty when nothing does."""
    old, new = (
        [
            (kind, data[kind])
            for data in (output.get("data", {}) for output in outputs)
            for kind in PICTURES
            if kind in data
        ]
        for outputs in (reference, fresh)
    )
    if [kind for kind, _ in old] != [kind for kind, _ in new]:
        return f"pictures differ: stored {[kind for kind, _ in old]}, fresh {[kind for kind, _ in new]}"
    for (kind, before), (_, after) in zip(old, new, strict=True):
        if kind != "image/png":
            continue
        (w0, h0), (w1, h1) = png_size(before), png_size(after)
        if abs(w1 - w0) > SIZE_TOLERANCE * w0 or abs(h1 - h0) > SIZE_TOLERANCE * h0:
            return f"a picture's size differs: stored {w0} x {h0}, fresh {w1} x {h1}"
    return ""


def png_size(encoded: str) -> tuple[int, int]:
    """Width and height of a base64 PNG in pixels; zeros when it is none."""
    head = base64.b64decode("".join(encoded.split())[:64])
    if not head.startswith(b"\x89PNG") or len(head) < 24:
        return 0, 0
    width, height = struct.unpack(">II", head[16:24])
    return width, height


class CopyItem(pytest.Item):
    """Checks the executed copy as a whole: it exists and was made from the committed sources."""

    def runtest(self) -> None:
        """Fail with a sentence unless the copy belongs to the notebook."""
        problem = self.parent.problem  # type: ignore[union-attr]
        if problem:
            raise CopyError(problem)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:
        """One line for what the copy lacks."""
        return str(excinfo.value) if excinfo.errisinstance(CopyError) else super().repr_failure(excinfo)


class CopyError(Exception):
    """The executed copy cannot stand for the notebook."""


class ExecutedCell(IPyNbCell):
    """A code cell whose fresh outputs are read from the executed copy."""

    def runtest(self) -> None:
        """Compare the stored outputs with the fresh ones."""
        if self.options["skip"]:
            pytest.skip()
        fresh = self.parent.fresh.get(self.cell.id)
        if fresh is None or fresh.source != self.cell.source:
            self.raise_cell_error("the executed copy was made from another source")
        if not self.cell.source.strip():
            return
        for name, cell in (("stored", self.cell), ("fresh", fresh)):
            if cell.execution_count is None:
                self.raise_cell_error(f"the {name} cell was never executed")
            errors = [output for output in cell.outputs if output.output_type == "error"]
            if errors and not self.options["check_exception"]:
                self.raise_cell_error(f"the {name} cell holds an error", "\n".join(errors[0].traceback))
        if self.options["check"]:
            self._compare(fresh)

    def _compare(self, fresh: Any) -> None:
        option = self.config.option
        reference, outputs = (coalesce_streams(copy.deepcopy(cell.outputs)) for cell in (self.cell, fresh))
        difference = picture_difference(reference, outputs)
        if difference:
            self.raise_cell_error(difference)
        take_close_text(reference, outputs, option.nb_rtol, option.nb_atol)
        if not self.compare_outputs(outputs, reference):
            self.raise_cell_error("the outputs differ", "\n".join(self.comparison_traceback))


class ExecutedFile(IPyNbFile):
    """A committed notebook and its executed copy."""

    problem = ""

    def setup(self) -> None:
        """Read nbval's sanitising file; there is no kernel to start."""
        self.setup_sanitize_files()

    def teardown(self) -> None:
        """Nothing was started."""

    def collect(self) -> Iterator[pytest.Item]:
        """One item for the copy, then one for each code cell where the copy can be read."""
        self.fresh: dict[str, Any] = {}
        cells = list(super().collect())
        self.problem = self._read_copy()
        yield CopyItem.from_parent(self, name="copy")
        for item in cells if self.fresh or not self.problem else []:
            yield ExecutedCell.from_parent(
                self, name=item.name, cell_num=item.cell_num, cell=item.cell, options=item.options
            )

    def _read_copy(self) -> str:
        path = Path(self.config.option.nb_executed) / self.path.name
        if not path.is_file():
            return f"there is no executed copy {path}; run the chapter first"
        try:
            notebook = nbformat.read(path, as_version=4)
        except Exception as error:  # nbformat raises many kinds
            return f"the executed copy {path} cannot be read: {error}"
        self.fresh = {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}
        stored, fresh = ([(c.id, c.cell_type, c.source) for c in nb.cells] for nb in (self.nb, notebook))
        if stored != fresh:
            return f"the executed copy {path} was made from other sources; run the chapter again"
        return ""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of this plugin."""
    group = parser.getgroup("nbcompare", "compare executed notebooks with the committed ones")
    group.addoption("--nb-executed", metavar="DIR", help="the folder of the executed copies; switches the plugin on")
    group.addoption("--nb-rtol", type=float, default=1e-3, help="relative tolerance of numbers (default: 1e-3)")
    group.addoption("--nb-atol", type=float, default=1e-6, help="absolute tolerance of numbers (default: 1e-6)")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect notebooks when ``--nb-executed`` is given."""
    if parent.config.option.nb_executed and file_path.suffix == ".ipynb":
        return ExecutedFile.from_parent(parent, path=file_path)
    return None
