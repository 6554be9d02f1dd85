"""Draw the figures of recorded slow results again, after the code that draws them has changed.

A result keeps the arrays that its figures are drawn from, and the hash that ages it leaves drawing code out: so a
clearer label costs no hour of measuring. What was measured stays as it is.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lowdim.companion import results
from lowdim.record import Number, Record

if TYPE_CHECKING:
    from lowdim.companion.catalogue import ChapterInfo


class NotDrawn(ValueError):
    """A recorded result cannot be drawn by today's code; the message says why."""


def redraw(info: ChapterInfo, profile: str, root: Path) -> list[str]:
    """Draw the recorded figures of a slow ``profile`` from their arrays; returns the ids of those that changed.

    A figure or film that the chapter has gained since is drawn too where its experiment is recorded; one that it has
    lost goes. Nothing is written unless all can be drawn. Raises :class:`NotDrawn` when there is no such result or a
    drawing needs what the result does not hold, and :class:`~lowdim.companion.results.ResultError` for damaged arrays.
    """
    from lowdim.companion.chapter import Chapter

    result = results.load_recorded(info, profile, root)
    if result is None:
        raise NotDrawn(f"chapter {info.number} has no recorded {profile} result")
    path = results.recorded_path(info, profile, root)
    chapter = Chapter(info.number, profile=profile)
    chapter.records = recorded_experiments(result, results.read_arrays(path))
    with tempfile.TemporaryDirectory() as folder:
        chapter.folder = Path(folder)
        try:
            chapter.draw()
        except (KeyError, IndexError, ValueError) as error:
            raise NotDrawn(f"chapter {info.number}, {profile}: {error}; run it again") from error
        old, new = result["figures"], chapter.drawn()
        changed = sorted(id for id in old.keys() | new.keys() if old.get(id) != new.get(id))
        if changed:
            _replace(path, result, new, chapter.folder)
    return changed


def recorded_experiments(result: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Record]:
    """The records that figures are drawn from: each experiment's arrays, and the numbers of all of them."""
    numbers = {
        name: Number(float("nan") if entry["value"] is None else entry["value"], entry["unit"], entry["tolerance"])
        for name, entry in result["numbers"].items()
    }
    parts: dict[str, dict[str, Any]] = defaultdict(dict)
    for key, value in arrays.items():
        experiment, _, name = key.partition(".")
        parts[experiment][name] = value
    return {experiment: Record(numbers=dict(numbers), arrays=own) for experiment, own in parts.items()}


def _replace(path: Path, result: dict[str, Any], entries: dict[str, Any], folder: Path) -> None:
    """Put the new files beside the result, then the result that names them; then remove what it no longer names."""
    files = {entry["file"] for entry in results.files({"figures": entries})}
    for file in files:
        results.write_atomic(path.parent / file, (folder / file).read_bytes())
    results.write_result(
        path, {key: value for key, value in result.items() if key != "integrity"} | {"figures": entries}
    )
    for entry in results.files({"figures": result["figures"]}):
        if entry["file"] not in files:
            (path.parent / entry["file"]).unlink()
