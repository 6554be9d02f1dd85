"""Tiny archives in the layouts of the real ones, and records whose checksums and sizes are theirs."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from lowdim.data import celeba, cifar10, ffhq
from lowdim.data.records import DataSet


def smooth_images(count: int, seed: int, height: int = 32, width: int = 32) -> np.ndarray:
    """Slopes of colour (count, 3, height, width), as bytes."""
    slopes = np.random.default_rng(seed).uniform(0, 120, (count, 3, 2))
    rows, columns = np.linspace(0, 1, height), np.linspace(0, 1, width)
    return (slopes[..., :1, None] * rows[:, None] + slopes[..., 1:, None] * columns).astype(np.uint8)


def encoded(image: np.ndarray, kind: str, **options: int) -> bytes:
    """A picture (3, height, width) as a file."""
    buffer = io.BytesIO()
    Image.fromarray(image.transpose(1, 2, 0)).save(buffer, kind, **options)
    return buffer.getvalue()


def vouched(data_set: DataSet, folder: Path, **splits: int) -> DataSet:
    """The record with the sizes of a tiny set, and with the checksums of those of its files that are in ``folder``."""
    files = []
    for file in data_set.files:
        kind, path = file.checksum.partition(":")[0], folder / file.name
        if kind and path.is_file():
            file = replace(file, checksum=f"{kind}:{hashlib.new(kind, path.read_bytes()).hexdigest()}")
        files.append(file)
    return replace(data_set, files=tuple(files), splits=splits or data_set.splits)


def damage(path: Path, how: str) -> None:
    """Cut the end off a file, or flip one bit in its middle."""
    content = bytearray(path.read_bytes())
    if how == "truncated":
        del content[-10:]
    else:
        content[len(content) // 2] ^= 1
    path.write_bytes(content)


def write_original(folder: Path) -> tuple[DataSet, np.ndarray]:
    """The archive of CIFAR-10 with four images a batch."""
    record = cifar10.SOURCES[cifar10.ORIGINAL]
    truth = []
    with tarfile.open(folder / record.files[0].name, "w:gz") as archive:
        for i, name in enumerate([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]):
            truth.append(smooth_images(4, i))
            payload = pickle.dumps({b"data": truth[i].reshape(4, -1), b"labels": [i, 1, 2, 3]})
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(payload)
            archive.addfile(info, io.BytesIO(payload))
    return vouched(record, folder, train=20, test=4), np.concatenate(truth)


def write_part(folder: Path) -> tuple[DataSet, np.ndarray]:
    """The re-encoded part of CIFAR-10 with six and three images."""
    record = cifar10.SOURCES[cifar10.PART]
    arrays, truth = {}, smooth_images(6, 9)
    for split, images in (("train", truth), ("test", truth[:3])):
        codes = [np.frombuffer(encoded(image, "JPEG", quality=75), dtype=np.uint8) for image in images]
        arrays[f"{split}_jpeg"] = np.concatenate(codes)
        arrays[f"{split}_offsets"] = np.cumsum([0, *map(len, codes)])
        arrays[f"{split}_labels"] = np.arange(len(images), dtype=np.uint8)
    np.savez(folder / record.files[0].name, **arrays)
    return vouched(record, folder, train=6, test=3), truth


def write_celeba(folder: Path, attributes: bool = True) -> tuple[DataSet, np.ndarray]:
    """CelebA with nine images, whose partition is 0 1 2 0 1 2 and so on."""
    truth = smooth_images(9, 4, *celeba.SHAPE)
    names = [f"{i + 1:06d}.jpg" for i in range(9)]
    with zipfile.ZipFile(folder / celeba.ARCHIVE, "w") as archive:
        for name, image in zip(names, truth, strict=True):
            archive.writestr(f"img_align_celeba/{name}", encoded(image, "JPEG", quality=95))
    (folder / celeba.PARTITION).write_text("".join(f"{name} {i % 3}\n" for i, name in enumerate(names)))
    if attributes:
        signs = [" ".join("-1" if (i + k) % 9 else " 1" for k in range(40)) for i in range(9)]
        lines = ["9", " ".join(celeba.ATTRIBUTES) + " ", *(f"{n}  {s}" for n, s in zip(names, signs, strict=True))]
        (folder / celeba.ATTRIBUTE_FILE).write_text("\n".join(lines) + "\n")
    return vouched(celeba.CELEBA, folder, train=3, validation=3, test=3), truth


def write_ffhq(folder: Path, packed: bool = False, metadata: bool = True) -> tuple[DataSet, np.ndarray]:
    """FFHQ with nine thumbnails, six of them for training."""
    pictures = smooth_images(9, 8, 128, 128)
    files = {ffhq.thumbnail_name(i): encoded(picture, "PNG") for i, picture in enumerate(pictures)}
    if packed:
        with zipfile.ZipFile(folder / ffhq.ARCHIVE, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    if metadata:
        (folder / ffhq.METADATA).write_text(json.dumps(_metadata(files)))
    return vouched(ffhq.FFHQ, folder, train=6, validation=3), pictures


def _metadata(files: dict[str, bytes]) -> dict[str, dict]:
    def entry(name: str, content: bytes) -> dict:
        other = {"file_path": "elsewhere.png", "file_size": 1, "file_md5": "0" * 32}
        found = {"file_path": name, "file_size": len(content), "file_md5": hashlib.md5(content).hexdigest()}
        return {"category": "training", "metadata": {}, "image": other, "thumbnail": found, "in_the_wild": other}

    return {str(i): entry(name, content) for i, (name, content) in enumerate(files.items())}
