"""CIFAR-10 from a local folder: the original archive, or a re-encoded part of it.

Two files are known, by their checksum:

* ``cifar-10-python.tar.gz`` (163 MB): the original 50 000 + 10 000 images by A. Krizhevsky (2009), free to use with
  citation.
* ``cifar10-jpeg75-subset.npz`` (23 MB): 20 000 + 5 000 of them, re-encoded as JPEG at quality 75. A result that used
  it says so by that name: :attr:`Cifar10.source`.

Both are looked for in the folder named by the environment variable ``LOWDIM_DATA``. Nothing is fetched unless
``download=True``.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import tarfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

ORIGINAL = "cifar-10-python"
PART = "cifar10-jpeg75-subset"
FILES = {ORIGINAL: "cifar-10-python.tar.gz", PART: "cifar10-jpeg75-subset.npz"}
CHECKSUMS = {
    ORIGINAL: "md5:c58f30108f718f92721af3b95e74349a",
    PART: "sha256:899911f399bad35a54a21df8d610740524629663f4ba3abf37d49666d780adb9",
}
URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class Cifar10(NamedTuple):
    """``images`` (N, 3, 32, 32) in [-1, 1], ``labels`` (N,) from 0 to 9, and the name of the ``source`` they came
    from.
    """

    images: Tensor
    labels: Tensor
    source: str


def load_cifar10(
    split: str = "train",
    limit: int | None = None,
    *,
    source: str | None = None,
    folder: str | Path | None = None,
    download: bool = False,
    dtype: torch.dtype = torch.float32,
) -> Cifar10:
    """The first ``limit`` images of ``split`` (``"train"`` or ``"test"``).

    ``source`` picks one of :data:`FILES`; by default the original archive is taken where it is present, else the
    part. ``folder`` overrides ``LOWDIM_DATA``. With ``download=True`` a missing original archive is fetched once into
    the folder (163 MB).

    Raises ``ValueError`` for an unknown split or source, a bad limit, or a file whose checksum is not the published
    one (truncated or altered); ``FileNotFoundError`` where no file is found, with what to do.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split: {split!r} is unknown; choose one of train, test")
    if source is not None and source not in FILES:
        raise ValueError(f"source: {source!r} is unknown; choose one of {', '.join(FILES)}")
    if limit is not None and limit < 1:
        raise ValueError(f"limit: {limit!r} is not allowed; give at least 1, or None for all")
    name, path = _find(source, folder, download)
    _verify(name, path)
    pixels, labels = (_read_original if name == ORIGINAL else _read_part)(path, split, limit)
    images = torch.from_numpy(pixels).to(dtype).div_(127.5).sub_(1.0)
    return Cifar10(images, torch.from_numpy(labels.astype(np.int64)), name)


def _find(source: str | None, folder: str | Path | None, download: bool) -> tuple[str, Path]:
    place = folder if folder is not None else os.environ.get("LOWDIM_DATA")
    if place is None:
        raise FileNotFoundError("CIFAR-10 needs a local folder: set LOWDIM_DATA, or pass folder=...")
    root = Path(place).expanduser()
    wanted = [source] if source else [ORIGINAL, PART]
    for name in wanted:
        if (root / FILES[name]).is_file():
            return name, root / FILES[name]
    if download and ORIGINAL in wanted:
        return ORIGINAL, _download(root)
    raise FileNotFoundError(
        f"none of {', '.join(FILES[name] for name in wanted)} is in {root}; put one there, "
        f"or call load_cifar10(download=True) to fetch the original archive (163 MB)"
    )


def _download(root: Path) -> Path:
    import pooch

    return Path(pooch.retrieve(URL, known_hash=CHECKSUMS[ORIGINAL], fname=FILES[ORIGINAL], path=root, progressbar=True))


def _verify(name: str, path: Path) -> None:
    kind, expected = CHECKSUMS[name].split(":")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, kind).hexdigest()
    if found != expected:
        raise ValueError(
            f"{path.name}: {kind} {found} is not the published {expected}; the file ({path.stat().st_size} bytes) is "
            "truncated or altered, delete it and get it again"
        )


def _read_original(path: Path, split: str, limit: int | None) -> tuple[np.ndarray, np.ndarray]:
    names = [f"data_batch_{i}" for i in range(1, 6)] if split == "train" else ["test_batch"]
    pixels: list[np.ndarray] = []
    labels: list[int] = []
    with tarfile.open(path, "r:gz") as archive:
        for name in names:
            member = archive.extractfile(f"cifar-10-batches-py/{name}")
            if member is None:
                raise ValueError(f"{path.name}: {name} is missing from the archive")
            batch = pickle.load(member, encoding="bytes")  # the checksum above vouches for these bytes
            pixels.append(batch[b"data"])
            labels += batch[b"labels"]
            if limit is not None and len(labels) >= limit:
                break
    return np.concatenate(pixels).reshape(-1, 3, 32, 32)[:limit], np.asarray(labels[:limit])


def _read_part(path: Path, split: str, limit: int | None) -> tuple[np.ndarray, np.ndarray]:
    from PIL import Image

    with np.load(path, allow_pickle=False) as part:
        stream, offsets, labels = part[f"{split}_jpeg"], part[f"{split}_offsets"], part[f"{split}_labels"]
    count = len(labels) if limit is None else min(limit, len(labels))
    pixels = np.empty((count, 3, 32, 32), dtype=np.uint8)
    for i in range(count):
        with Image.open(io.BytesIO(stream[offsets[i] : offsets[i + 1]].tobytes())) as image:
            pixels[i] = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    return pixels, labels[:count]
