"""Tiny files in the two known formats; their checksums stand in for the published ones."""

import hashlib
import io
import pickle
import tarfile

import numpy as np
import pytest
import torch

from lowdim.data import cifar10
from lowdim.data.cifar10 import ORIGINAL, PART, load_cifar10


def smooth_images(count, seed):
    line = np.linspace(0, 1, 32)
    slopes = np.random.default_rng(seed).uniform(0, 120, (count, 3, 2))
    ramp = slopes[..., :1, None] * line[:, None] + slopes[..., 1:, None] * line
    return ramp.astype(np.uint8)  # (count, 3, 32, 32)


def write_original(folder):
    path = folder / cifar10.FILES[ORIGINAL]
    truth = {}
    with tarfile.open(path, "w:gz") as archive:
        for i, name in enumerate([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]):
            truth[name] = smooth_images(4, i)
            payload = pickle.dumps({b"data": truth[name].reshape(4, -1), b"labels": [i, 1, 2, 3]})
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(payload)
            archive.addfile(info, io.BytesIO(payload))
    return path, np.concatenate(list(truth.values()))


def write_part(folder):
    from PIL import Image

    path = folder / cifar10.FILES[PART]
    arrays, truth = {}, smooth_images(6, 9)
    for split, images in (("train", truth), ("test", truth[:3])):
        codes = []
        for image in images:
            buffer = io.BytesIO()
            Image.fromarray(image.transpose(1, 2, 0)).save(buffer, "JPEG", quality=75)
            codes.append(np.frombuffer(buffer.getvalue(), dtype=np.uint8))
        arrays[f"{split}_jpeg"] = np.concatenate(codes)
        arrays[f"{split}_offsets"] = np.cumsum([0, *map(len, codes)])
        arrays[f"{split}_labels"] = np.arange(len(images), dtype=np.uint8)
    np.savez(path, **arrays)
    return path, truth


def vouch(monkeypatch, name, path):
    """Let the file's own checksum stand in for the published one."""
    kind = cifar10.CHECKSUMS[name].split(":")[0]
    monkeypatch.setitem(cifar10.CHECKSUMS, name, f"{kind}:{hashlib.new(kind, path.read_bytes()).hexdigest()}")


def test_original_archive(tmp_path, monkeypatch):
    path, truth = write_original(tmp_path)
    vouch(monkeypatch, ORIGINAL, path)
    monkeypatch.setenv("LOWDIM_DATA", str(tmp_path))
    images, labels, source = load_cifar10("train")
    assert source == "cifar-10-python"
    torch.testing.assert_close(images, torch.from_numpy(truth[:20]).float() / 127.5 - 1)
    assert labels[::4].tolist() == [0, 1, 2, 3, 4]
    assert torch.equal(load_cifar10("train", limit=6).images, images[:6])
    assert load_cifar10("test").images.shape == (4, 3, 32, 32)


def test_reencoded_part_is_named(tmp_path, monkeypatch):
    path, truth = write_part(tmp_path)
    vouch(monkeypatch, PART, path)
    images, labels, source = load_cifar10("train", limit=5, folder=tmp_path, dtype=torch.float64)
    assert source == "cifar10-jpeg75-subset"
    assert labels.tolist() == [0, 1, 2, 3, 4]
    assert images.dtype == torch.float64
    exact = torch.from_numpy(truth[:5]).double() / 127.5 - 1
    assert (images - exact).abs().mean() < 0.02  # JPEG is close, not equal
    assert not torch.equal(images, exact)


def test_the_original_comes_first_and_a_source_can_be_named(tmp_path, monkeypatch):
    for name, write in ((ORIGINAL, write_original), (PART, write_part)):
        vouch(monkeypatch, name, write(tmp_path)[0])
    assert load_cifar10("test", folder=tmp_path).source == ORIGINAL
    assert load_cifar10("test", folder=tmp_path, source=PART).source == PART


@pytest.mark.parametrize("damage", ["truncated", "altered"])
@pytest.mark.parametrize(("name", "write"), [(ORIGINAL, write_original), (PART, write_part)])
def test_damaged_files_are_refused(tmp_path, monkeypatch, name, write, damage):
    path, _ = write(tmp_path)
    vouch(monkeypatch, name, path)
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        del content[-10:]
    else:
        content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="truncated or altered"):
        load_cifar10("train", folder=tmp_path)


def test_download_only_when_asked_and_only_once(tmp_path, monkeypatch):
    calls = []

    def fetch(root):
        calls.append(root)
        path, _ = write_original(root)
        vouch(monkeypatch, ORIGINAL, path)
        return path

    monkeypatch.setattr(cifar10, "_download", fetch)
    with pytest.raises(FileNotFoundError, match="download=True"):
        load_cifar10("train", folder=tmp_path)
    assert not calls
    load_cifar10("train", folder=tmp_path, download=True)
    load_cifar10("train", folder=tmp_path, download=True)
    assert calls == [tmp_path]


def test_refusals(tmp_path, monkeypatch):
    monkeypatch.delenv("LOWDIM_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="LOWDIM_DATA"):
        load_cifar10("train")
    for arguments, match in (({"split": "val"}, "split"), ({"source": "mnist"}, "source"), ({"limit": 0}, "limit")):
        with pytest.raises(ValueError, match=match):
            load_cifar10(**{"folder": tmp_path, **arguments})
