"""Results as files: one JSON for each run of a chapter, checked when written and when read.

Plain keys, so that anything can read it. ``integrity`` is a SHA-256 over the rest, so that a damaged or hand-edited
result is refused. Results of runs lie under ``build/``, recorded ones under ``book/results/``.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lowdim.companion.catalogue import ChapterInfo, book_folder
from lowdim.companion.claims import Judgement
from lowdim.companion.schemas import complaint, schema
from lowdim.record import Number, Table

MAX_ARRAY_BYTES = 3_000_000
_AGAIN = "make it again (`lowdim run`; then `lowdim record`, if it is a recorded one), or restore the file"


class ResultError(ValueError):
    """A result file is missing a key, damaged or edited; the message names the file and what to do."""


@dataclass(frozen=True)
class Drift:
    """One difference between a recorded result and a fresh one. ``kind`` is ``claims`` (the sets differ), ``verdict``,
    ``numbers`` (the sets or units differ) or ``number`` (a value moved by more than its tolerance).
    """

    kind: str
    name: str
    recorded: Any
    fresh: Any
    message: str


def result_path(info: ChapterInfo, folder: Path) -> Path:
    """The result of a chapter in the run folder ``folder``."""
    return folder / f"{info.stem}.json"


def recorded_path(info: ChapterInfo, profile: str, root: Path | None = None) -> Path:
    """Where the recorded result of a chapter and profile lies, whether or not it exists."""
    return result_path(info, book_folder(root) / "results" / profile)


def load_recorded(info: ChapterInfo, profile: str, root: Path | None = None) -> dict[str, Any] | None:
    """The recorded result, or ``None`` when there is none; a damaged one raises :class:`ResultError`."""
    path = recorded_path(info, profile, root)
    return read_result(path) if path.is_file() else None


def claims_section(judgements: Mapping[str, Judgement]) -> dict[str, dict[str, Any]]:
    """The ``claims`` part of a result; NaN and infinities become null."""
    return {key: {**asdict(j), "value": _finite(j.value)} for key, j in sorted(judgements.items())}


def numbers_section(numbers: Mapping[str, Number]) -> dict[str, dict[str, Any]]:
    """The ``numbers`` part of a result; NaN and infinities become null."""
    return {key: {**asdict(n), "value": _finite(n.value)} for key, n in sorted(numbers.items())}


def tables_section(tables: Mapping[str, Table]) -> dict[str, dict[str, Any]]:
    """The ``tables`` part of a result; NaN and infinities become null."""
    return {
        key: {
            "columns": list(table.columns),
            "rows": [[cell if isinstance(cell, str) else _finite(cell) for cell in row] for row in table.rows],
        }
        for key, table in sorted(tables.items())
    }


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def integrity(data: Mapping[str, Any]) -> str:
    """``sha256:...`` over the canonical JSON (sorted keys, no spaces) of everything but ``integrity`` itself."""
    rest = {key: value for key, value in data.items() if key != "integrity"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def write_result(path: Path, result: Mapping[str, Any]) -> None:
    """Seal ``result`` with its integrity field, check it against the schema and write it atomically."""
    write_sealed(path, result, "result")


def read_result(path: Path) -> dict[str, Any]:
    """The result in ``path``; raises :class:`ResultError` when it is not JSON, not a result, or was changed."""
    return read_sealed(path, "result")


def write_sealed(path: Path, data: Mapping[str, Any], kind: str) -> None:
    """Write ``data`` with a fresh integrity field; nothing is written when the schema ``kind`` is not met."""
    sealed = {**data, "integrity": integrity(data)}
    _check_schema(sealed, kind, path)
    text = json.dumps(sealed, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomic(path, text.encode())


def read_sealed(path: Path, kind: str) -> dict[str, Any]:
    """Read what :func:`write_sealed` wrote."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ResultError(f"{shown(path)}: not readable as JSON ({error}); {_AGAIN}") from error
    _check_schema(data, kind, path)
    if data["integrity"] != integrity(data):
        raise ResultError(f"{shown(path)}: damaged or edited by hand, its integrity does not match; {_AGAIN}")
    return data


def shown(path: Path) -> str:
    """A result's file in messages: below the checkout, ``book/results/...`` or ``build/runs/...``."""
    return "/".join(path.parts[-4:])


def _check_schema(data: Any, kind: str, path: Path) -> None:
    error = complaint(data, schema(kind))
    if error is not None:
        spot = ".".join(map(str, error.absolute_path)) or "top level"
        raise ResultError(f"{shown(path)}: {spot}: {error.message}")


def write_atomic(path: Path, content: bytes) -> None:
    """Write beside ``path`` and move over it, so that a killed process leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(name, 0o644)  # mkstemp makes it private
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Save ``arrays`` as a compressed ``.npz`` and return its ``arrays`` entry for the result.

    Raises ``ValueError`` for an array of Python objects, and when the file would exceed :data:`MAX_ARRAY_BYTES`.
    """
    objects = sorted(key for key, value in arrays.items() if value.dtype.hasobject)
    if objects:
        raise ValueError(f"arrays: {', '.join(objects)} hold Python objects; give numbers or text")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **{key: arrays[key] for key in sorted(arrays)})
    content = buffer.getvalue()
    if len(content) > MAX_ARRAY_BYTES:
        largest = max(arrays, key=lambda key: arrays[key].nbytes)
        raise ValueError(
            f"arrays: {len(content)} bytes are more than the {MAX_ARRAY_BYTES} allowed; largest is {largest!r}; "
            "record summaries or fewer points"
        )
    write_atomic(path, content)
    return {"file": path.name, "sha256": hashlib.sha256(content).hexdigest()}


def read_arrays(result_file: Path) -> dict[str, np.ndarray]:
    """The arrays saved with the result in ``result_file`` (empty when it has none); their hash is checked."""
    entry = read_result(result_file).get("arrays")
    if entry is None:
        return {}
    path = result_file.with_name(entry["file"])
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise ResultError(f"{shown(path)}: missing or damaged; {_AGAIN}")
    with np.load(io.BytesIO(content), allow_pickle=False) as saved:
        return {key: saved[key] for key in saved.files}


def files(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The entries of a result that name a file and its hash: figures, films and arrays."""
    figures = list(result["figures"].values())
    films = [entry["film"] for entry in figures if "film" in entry]
    return [*figures, *films, *([result["arrays"]] if "arrays" in result else [])]


def compare(recorded: Mapping[str, Any], fresh: Mapping[str, Any]) -> list[Drift]:
    """Every difference that matters between a recorded result and a fresh one of the same chapter, profile and seed:
    the set of claims, verdicts, and numbers beyond their recorded tolerance.
    """
    for key in ("chapter", "profile", "seed"):
        if recorded[key] != fresh[key]:
            raise ValueError(f"{key}: {recorded[key]!r} and {fresh[key]!r} cannot be compared; run the same {key}")
    drifts = _set_drift("claims", recorded["claims"], fresh["claims"])
    drifts += _set_drift("numbers", recorded["numbers"], fresh["numbers"])
    for name in sorted(recorded["claims"].keys() & fresh["claims"].keys()):
        old, new = recorded["claims"][name]["verdict"], fresh["claims"][name]["verdict"]
        if old != new:
            drifts.append(Drift("verdict", name, old, new, f"{name}: recorded {old!r}, now {new!r}"))
    for name in sorted(recorded["numbers"].keys() & fresh["numbers"].keys()):
        drifts += _number_drift(name, recorded["numbers"][name], fresh["numbers"][name])
    return drifts


def _set_drift(kind: str, recorded: Mapping[str, Any], fresh: Mapping[str, Any]) -> list[Drift]:
    gone = [Drift(kind, n, n, None, f"{n}: recorded, not measured now") for n in sorted(recorded.keys() - fresh.keys())]
    new = [Drift(kind, n, None, n, f"{n}: measured now, not recorded") for n in sorted(fresh.keys() - recorded.keys())]
    return gone + new


def _number_drift(name: str, recorded: Mapping[str, Any], fresh: Mapping[str, Any]) -> list[Drift]:
    if recorded["unit"] != fresh["unit"]:
        message = f"{name}: unit {recorded['unit']!r} recorded, now {fresh['unit']!r}"
        return [Drift("numbers", name, recorded["unit"], fresh["unit"], message)]
    old, new, tolerance = recorded["value"], fresh["value"], recorded["tolerance"]
    if old == new or (old is not None and new is not None and abs(old - new) <= tolerance):
        return []
    return [Drift("number", name, old, new, f"{name}: recorded {old}, now {new}, tolerance {tolerance}")]
