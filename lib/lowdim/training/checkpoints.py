"""Checkpoints: nested state of tensors and plain values as safetensors beside JSON, written so that a kill leaves
none half.

A checkpoint is two files, ``step-00001000.safetensors`` and ``step-00001000.json``. The JSON is written last and
holds a digest over both, so a checkpoint without it, or one that was damaged, is recognised. The newest two are kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

KEEP = 2
_TENSOR = "__tensor__"


class DamagedCheckpoint(RuntimeError):
    """A checkpoint whose content does not match its digest, or cannot be read."""


def save_checkpoint(folder: Path, step: int, state: dict[str, Any]) -> Path:
    """Write ``state`` (dictionaries and lists of tensors, numbers, texts, ``None``) as the checkpoint of ``step``."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {}
    plain = _split(state, "", tensors)
    payload = save(tensors)
    text = json.dumps(plain, sort_keys=True)
    path = folder / f"step-{step:08d}.json"
    write_atomically(path.with_suffix(".safetensors"), payload)
    write_atomically(path, json.dumps({"digest": _digest(payload, text), "state": plain}, sort_keys=True).encode())
    for old in _checkpoints(folder)[KEEP:]:
        old.unlink()
        old.with_suffix(".safetensors").unlink(missing_ok=True)
    for unfinished in folder.glob(".step-*.partial"):  # of a process that was killed
        unfinished.unlink()
    return path


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The state in one checkpoint, named by its JSON file. Raises :class:`DamagedCheckpoint` naming the file."""
    try:
        payload = path.with_suffix(".safetensors").read_bytes()
        record = json.loads(path.read_bytes())
        if record["digest"] != _digest(payload, json.dumps(record["state"], sort_keys=True)):
            raise DamagedCheckpoint(f"checkpoint {path.name} in {path.parent} does not match its digest")
        return _join(record["state"], load(payload))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise DamagedCheckpoint(f"checkpoint {path.name} in {path.parent} cannot be read: {error}") from error


def load_newest(folder: Path) -> dict[str, Any] | None:
    """The state of the newest sound checkpoint in ``folder``; ``None`` where there is none at all.

    A damaged one is refused with a warning that names it. Raises :class:`DamagedCheckpoint` when all are damaged.
    """
    found = _checkpoints(folder)
    for path in found:
        try:
            return load_checkpoint(path)
        except DamagedCheckpoint as error:
            warnings.warn(f"{error}; going back to the one before", stacklevel=2)
    if found:
        raise DamagedCheckpoint(f"no sound checkpoint in {folder}; delete that folder to start from the beginning")
    return None


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old one or the whole new one, also after a crash of the machine."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with open(partial, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def _checkpoints(folder: Path) -> list[Path]:
    """The JSON files of the checkpoints, newest first."""
    return sorted(folder.glob("step-*.json"), reverse=True)


def _digest(payload: bytes, text: str) -> str:
    return hashlib.sha256(payload + text.encode()).hexdigest()


def _split(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """The value with each tensor replaced by its name among ``tensors``."""
    if isinstance(value, Tensor):
        tensors[name] = value.detach().cpu().clone().contiguous()
        return {_TENSOR: name}
    if isinstance(value, dict):
        return {str(key): _split(item, f"{name}/{key}", tensors) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_split(item, f"{name}/{i}", tensors) for i, item in enumerate(value)]
    return value


def _join(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, dict):
        return tensors[value[_TENSOR]] if _TENSOR in value else {k: _join(item, tensors) for k, item in value.items()}
    if isinstance(value, list):
        return [_join(item, tensors) for item in value]
    return value
