"""CIFAR-10 from a local folder: the original archive, or a re-encoded part of it.

Two files are known by their checksums, the original and a part of it re-encoded as JPEG. A result that used the part
says so by the name of its source. Nothing is fetched unless ``download=True``.
"""

from __future__ import annotations

import pickle
import tarfile
from pathlib import Path

import numpy as np
import torch

from lowdim.data.decode import decode_images, resize_images, to_unit
from lowdim.data.local import data_folder, find, missing, verify
from lowdim.data.records import DataFile, DataSet, Images

ORIGINAL = "cifar-10-python"
PART = "cifar10-jpeg75-subset"
URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIDE = 32

SOURCES = {
    ORIGINAL: DataSet(
        name=ORIGINAL,
        title="CIFAR-10",
        kind="local",
        module="lowdim.data.cifar10",
        contents="photographs of ten classes, 3 × 32 × 32, with the class",
        licence="none stated; its author asks to be cited",
        credit="A. Krizhevsky, V. Nair and G. Hinton",
        key="krizhevsky2009learning",
        splits={"train": 50_000, "test": 10_000},
        rule="the five training batches in their order; the test batch",
        page="https://www.cs.toronto.edu/~kriz/cifar.html",
        files=(DataFile("cifar-10-python.tar.gz", "170 MB", "md5:c58f30108f718f92721af3b95e74349a"),),
        placing="Put it there as it is, or call load_cifar10(download=True) once.",
        checked="the whole archive, against the checksum on its page",
    ),
    PART: DataSet(
        name=PART,
        title="A part of CIFAR-10, re-encoded",
        kind="local",
        module="lowdim.data.cifar10",
        contents="photographs of ten classes, 3 × 32 × 32, as JPEG of quality 75, with the class",
        licence="as CIFAR-10",
        credit="made for this book from CIFAR-10, for machines without a network",
        key="krizhevsky2009learning",
        splits={"train": 20_000, "test": 5_000},
        rule="the images in the order of the file",
        files=(
            DataFile(
                "cifar10-jpeg75-subset.npz",
                "23 MB",
                "sha256:899911f399bad35a54a21df8d610740524629663f4ba3abf37d49666d780adb9",
            ),
        ),
        placing="Where somebody gave it to you, put it there as it is; the original serves as well.",
        checked="the whole file, against the checksum written here; not that its images are those of CIFAR-10",
    ),
}


def load_cifar10(
    split: str = "train",
    limit: int | None = None,
    *,
    size: int = SIDE,
    source: str | None = None,
    folder: str | Path | None = None,
    download: bool = False,
    dtype: torch.dtype = torch.float32,
) -> Images:
    """The first ``limit`` images of ``split`` (``"train"`` or ``"test"``), with labels (N,) from 0 to 9.

    ``source`` picks one of :data:`SOURCES`; by default the original archive is taken where it is present, else the
    part. ``folder`` overrides ``LOWDIM_DATA``. A ``size`` below 32 shrinks the images
    (:func:`lowdim.data.decode.decode_images`). With ``download=True`` a missing original archive is fetched once into
    the folder (170 MB).

    Raises ``ValueError`` for an unknown split or source, a limit above what the source holds, or a file whose
    checksum is not the published one (truncated or altered); ``FileNotFoundError`` where no file is found, with what
    to do; ``ConnectionError`` where a download fails.
    """
    if source is not None and source not in SOURCES:
        raise ValueError(f"source: {source!r} is unknown; choose one of {', '.join(SOURCES)}")
    candidates = [SOURCES[source]] if source else [SOURCES[ORIGINAL], SOURCES[PART]]
    for candidate in candidates:
        candidate.count(split)  # an unknown split is told before a missing file
    data_set, path = _find(candidates, folder, download)
    count = data_set.count(split, limit)
    verify(path, data_set.files[0])
    pixels, labels = (_read_original if data_set.name == ORIGINAL else _read_part)(path, split, count)
    images = to_unit(resize_images(pixels, size), dtype)
    return Images(images, torch.from_numpy(labels.astype(np.int64)), data_set.name)


def _find(candidates: list[DataSet], folder: str | Path | None, download: bool) -> tuple[DataSet, Path]:
    for data_set in candidates:
        path = find(data_set, data_set.files[0].name, folder)
        if path is not None:
            return data_set, path
    root, first = data_folder(folder), candidates[0]
    if download and root is not None and first.name == ORIGINAL:
        return first, _download(first.files[0], root)
    part = "" if len(candidates) == 1 else f" The part {SOURCES[PART].files[0].name} serves as well."
    raise missing(first, [first.files[0].name], folder, advice=part)


def _download(file: DataFile, root: Path) -> Path:
    import pooch

    try:
        return Path(pooch.retrieve(URL, known_hash=file.checksum, fname=file.name, path=root, progressbar=True))
    except OSError as error:  # of the network, which requests reports as one of these, or of the disk
        advice = f"get it in another way and put it into {root}"
        raise ConnectionError(f"{file.name} could not be fetched from {URL}; {advice} ({error})") from error


def _read_original(path: Path, split: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    names = [f"data_batch_{i}" for i in range(1, 6)] if split == "train" else ["test_batch"]
    pixels: list[np.ndarray] = []
    labels: list[int] = []
    with tarfile.open(path, "r:gz") as archive:
        for name in names:
            member = archive.extractfile(f"cifar-10-batches-py/{name}")
            if member is None:
                raise ValueError(f"{path.name}: {name} is missing from the archive")
            batch = pickle.load(member, encoding="bytes")  # the checksum vouches for these bytes
            pixels.append(batch[b"data"])
            labels += batch[b"labels"]
            if len(labels) >= count:
                break
    return np.concatenate(pixels).reshape(-1, 3, SIDE, SIDE)[:count], np.asarray(labels[:count])


def _read_part(path: Path, split: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    with np.load(path, allow_pickle=False) as part:
        stream, offsets, labels = part[f"{split}_jpeg"], part[f"{split}_offsets"], part[f"{split}_labels"]
    files = ((f"{path.name}, image {i}", stream[offsets[i] : offsets[i + 1]].tobytes()) for i in range(count))
    return decode_images(files, count, (SIDE, SIDE), SIDE), labels[:count]
