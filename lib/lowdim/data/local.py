"""Files of real data sets in a local folder: found, verified against their published checksums, never fetched
unasked.

The folder is named by the environment variable ``LOWDIM_DATA``. A file lies in it directly, or in a folder with the
data set's name (``LOWDIM_DATA/celeba/img_align_celeba.zip``).
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from lowdim.data.records import DataFile, DataSet

VARIABLE = "LOWDIM_DATA"


def data_folder(folder: str | Path | None = None) -> Path | None:
    """``folder``, else the one named by ``LOWDIM_DATA``, else ``None``."""
    place = folder if folder is not None else os.environ.get(VARIABLE)
    return Path(place).expanduser() if place else None


def find(data_set: DataSet, name: str, folder: str | Path | None = None) -> Path | None:
    """The file or folder ``name`` of a data set where it is there, unverified."""
    root = data_folder(folder)
    places = [root / name, root / data_set.name / name] if root else []
    return next((path for path in places if path.exists()), None)


def require(data_set: DataSet, name: str, folder: str | Path | None = None) -> Path:
    """The file ``name`` of a data set, verified.

    Raises ``FileNotFoundError`` where there is none, naming all that are missing (:func:`missing`), and ``ValueError``
    where it is damaged.
    """
    path = find(data_set, name, folder)
    if path is None:
        needed = [file.name for file in data_set.files if not file.optional]
        raise missing(data_set, [other for other in needed if find(data_set, other, folder) is None], folder)
    verify(path, data_set.file(name))
    return path


def missing(
    data_set: DataSet, names: list[str], folder: str | Path | None, *, joint: str = " and ", advice: str = ""
) -> FileNotFoundError:
    """The error that says which files are missing, where to get them, their size and licence, and where to put them."""
    root = data_folder(folder)
    wanted = joint.join(f"{name} ({data_set.file(name).size})" for name in names)
    where = f"not in {root}" if root else f"needed; set {VARIABLE} to the folder that has them, or pass folder=..."
    source = f"The data set's page: {data_set.page} . " if data_set.page else ""
    return FileNotFoundError(
        f"{data_set.title}: {where}: {wanted}. Nothing is fetched by itself. {source}"
        f"Licence: {data_set.licence}. {data_set.placing}{advice}"
    )


def is_intact(path: Path, file: DataFile) -> bool:
    """Whether a file has its published checksum; one without any counts as intact."""
    kind, _, expected = file.checksum.partition(":")
    return not kind or _digest(path, kind) == expected


def verify(path: Path, file: DataFile) -> None:
    """Raise ``ValueError`` unless the file's checksum is the published one."""
    if not is_intact(path, file):
        kind, _, expected = file.checksum.partition(":")
        raise ValueError(
            f"{path.name}: {kind} {_digest(path, kind)} is not the published {expected}; the file "
            f"({path.stat().st_size} bytes) is truncated or altered, delete it and get it again"
        )


def _digest(path: Path, kind: str) -> str:
    stat = path.stat()
    return _digest_of(path, kind, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)  # a run loads several splits of an archive of a gigabyte or more
def _digest_of(path: Path, kind: str, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()
