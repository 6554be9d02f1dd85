"""FFHQ thumbnails: 70 000 photographs of faces at 128 x 128, from a folder or a zip archive in a local folder.

T. Karras, S. Laine and T. Aila, *A style-based generator architecture for generative adversarial networks* (2019).
The publisher gives a checksum for each picture, in the file of metadata; with that file beside them every picture
that is used is verified, without it only that all are there, are undamaged PNG files, and have the right size.
Nothing is fetched.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from lowdim.data.decode import decode_images, to_unit
from lowdim.data.local import find, is_intact, missing, require
from lowdim.data.records import DataFile, DataSet, Images

THUMBNAILS = "thumbnails128x128"
ARCHIVE = "thumbnails128x128.zip"
METADATA = "ffhq-dataset-v2.json"
SHAPE = (128, 128)
SIZE = 64
GROUP = 1000  # pictures in a folder
UNVERIFIED = "checksums not verified"

FFHQ = DataSet(
    name="ffhq",
    title="FFHQ thumbnails",
    kind="local",
    module="lowdim.data.ffhq",
    contents="photographs of faces, aligned, 3 × 128 × 128, without labels",
    licence="CC BY-NC-SA 4.0 (NVIDIA Corporation); each picture has its own, named in the metadata",
    credit="T. Karras, S. Laine and T. Aila, NVIDIA",
    key="karras2019ffhq",
    splits={"train": 60_000, "validation": 10_000},
    rule="the first 60 000 and the last 10 000, as its authors say",
    page="https://github.com/NVlabs/ffhq-dataset",
    files=(
        DataFile(THUMBNAILS, "folder of 70 000 PNG files, 1.95 GB"),
        DataFile(ARCHIVE, "the same as an archive"),
        DataFile(METADATA, "268 MB", "md5:425ae20f06a4da1d4dc0f46d40ba5fd6", optional=True),
    ),
    placing="Keep the layout thumbnails128x128/00000/00000.png; put the metadata beside it.",
    checked=(
        "that all names are there, and that each picture used is an undamaged PNG file of 128 × 128; with the "
        "metadata, which are verified against the checksum in the authors' script, also that it is the published one"
    ),
)
Read = Callable[[str], bytes]


def load_ffhq(
    split: str = "train",
    limit: int | None = None,
    *,
    size: int = SIZE,
    crop: int | None = None,
    folder: str | Path | None = None,
    dtype: torch.dtype = torch.float32,
) -> Images:
    """The first ``limit`` thumbnails of ``split``: ``"train"`` (the first 60 000) or ``"validation"`` (the last
    10 000).

    The central square of side ``crop`` (all of it by default) is resized to ``size``
    (:func:`lowdim.data.decode.decode_images`). There are no labels. ``folder`` overrides ``LOWDIM_DATA``. The source
    is ``ffhq``, or ``ffhq (checksums not verified)`` where the metadata are not there.

    Only the images asked for are decoded. Raises ``ValueError`` for an unknown split, a limit above what it holds, a
    size or crop out of range, pictures that are missing from the set, or one that is truncated or altered;
    ``FileNotFoundError`` where there is nothing, with where to get it.
    """
    count = FFHQ.count(split, limit)
    first = 0 if split == "train" else FFHQ.splits["train"]
    published = _published(require(FFHQ, METADATA, folder)) if find(FFHQ, METADATA, folder) else None
    with _open(_place(folder)) as read:
        names = (thumbnail_name(first + i) for i in range(count))
        files = ((name, _verified(name, read(name), published)) for name in names)
        pixels = decode_images(files, count, SHAPE, size, crop)
    source = FFHQ.name if published is not None else f"{FFHQ.name} ({UNVERIFIED})"
    return Images(to_unit(pixels, dtype), None, source)


def examine(folder: str | Path | None = None) -> list[str]:
    """What is there of the set and in what state, for ``lowdim doctor``: one line each for pictures and metadata."""
    try:
        with _open(_place(folder)):
            lines = [f"{THUMBNAILS}: all {_total()} there"]
    except FileNotFoundError:
        return [f"{THUMBNAILS}: not there"]
    except ValueError as error:
        lines = [f"DAMAGED: {error}"]
    metadata = find(FFHQ, METADATA, folder)
    if metadata is None:
        return [*lines, f"{METADATA}: not there, {UNVERIFIED}"]
    intact = is_intact(metadata, FFHQ.file(METADATA))
    return [*lines, f"{METADATA}: {'intact' if intact else 'DAMAGED: its checksum differs'}"]


def thumbnail_name(index: int) -> str:
    """``thumbnails128x128/12000/12345.png``: the place of a picture in the set."""
    return f"{THUMBNAILS}/{index // GROUP * GROUP:05d}/{index:05d}.png"


def _total() -> int:
    return sum(FFHQ.splits.values())


def _place(folder: str | Path | None) -> Path:
    """The folder of thumbnails, or else the archive."""
    place = find(FFHQ, THUMBNAILS, folder) or find(FFHQ, ARCHIVE, folder)
    if place is None:
        raise missing(FFHQ, [THUMBNAILS, ARCHIVE], folder, joint=" or ")
    return place


@contextmanager
def _open(place: Path) -> Iterator[Read]:
    """A function from the name of a picture to its bytes; ``ValueError`` where pictures are missing."""
    if place.is_dir():
        groups = [group for group in os.scandir(place) if group.is_dir()]
        _check_complete({f"{place.name}/{group.name}/{name}" for group in groups for name in os.listdir(group)})
        yield lambda name: (place.parent / name).read_bytes()
        return
    try:
        archive = zipfile.ZipFile(place)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{place.name}: {error}; it is truncated or altered, get it again") from error
    with archive:
        _check_complete(set(archive.namelist()))
        yield lambda name: _unpack(archive, name)


def _check_complete(names: set[str]) -> None:
    lost = [name for name in map(thumbnail_name, range(_total())) if name not in names]
    if lost:
        raise ValueError(f"{THUMBNAILS}: {len(lost)} of {_total()} pictures are missing, the first is {lost[0]}")


def _unpack(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise ValueError(f"{name}: {error}; it is truncated or altered, get the archive again") from error


def _verified(name: str, content: bytes, published: Mapping[str, tuple[int, str]] | None) -> bytes:
    """``content`` when it is what was published; where that is not known, when the file's own check sums agree."""
    if published is None:
        _check_png(name, content)
    elif (len(content), hashlib.md5(content).hexdigest()) != published.get(name):
        raise ValueError(f"{name}: size or md5 ({len(content)} bytes) is not the published; it is truncated or altered")
    return content


def _check_png(name: str, content: bytes) -> None:
    from PIL import Image

    try:
        Image.open(io.BytesIO(content)).verify()  # each part of a PNG file ends with its CRC
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{name}: {error}; it is truncated or altered") from error


def _published(metadata: Path) -> Mapping[str, tuple[int, str]]:
    stat = metadata.stat()
    return _read_metadata(metadata, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=1)  # a quarter of a gigabyte of JSON: some seconds
def _read_metadata(metadata: Path, size: int, modified: int) -> Mapping[str, tuple[int, str]]:
    """Name -> size and md5 of each thumbnail."""

    def keep_thumbnail(entry: dict[str, Any]) -> Any:  # the rest is dropped while it is read
        return entry.get("thumbnail", entry)

    with metadata.open(encoding="utf-8") as file:
        entries = json.load(file, object_hook=keep_thumbnail)
    return {entry["file_path"]: (entry["file_size"], entry["file_md5"]) for entry in entries.values()}
