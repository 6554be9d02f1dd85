"""Tiny files in the two known formats; their checksums stand in for the published ones."""

import functools
import http.server
import threading

import pytest
import torch

from data.archives import damage, write_original, write_part
from lowdim.data import cifar10
from lowdim.data.cifar10 import ORIGINAL, PART, SOURCES, load_cifar10

WRITERS = {ORIGINAL: write_original, PART: write_part}


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Write one of the two files and let its own checksum stand in for the published one."""

    def write(name):
        record, truth = WRITERS[name](tmp_path)
        monkeypatch.setitem(SOURCES, name, record)
        return tmp_path / record.files[0].name, truth

    return write


def test_original_archive(put, tmp_path, monkeypatch):
    _, truth = put(ORIGINAL)
    monkeypatch.setenv("LOWDIM_DATA", str(tmp_path))
    images, labels, source = load_cifar10("train")
    assert source == "cifar-10-python"
    torch.testing.assert_close(images, torch.from_numpy(truth[:20]).float() / 127.5 - 1)
    assert labels[::4].tolist() == [0, 1, 2, 3, 4]
    assert torch.equal(load_cifar10("train", limit=6).images, images[:6])
    assert load_cifar10("test").images.shape == (4, 3, 32, 32)


def test_reencoded_part_is_named(put, tmp_path):
    _, truth = put(PART)
    images, labels, source = load_cifar10("train", limit=5, folder=tmp_path, dtype=torch.float64)
    assert source == "cifar10-jpeg75-subset"
    assert labels.tolist() == [0, 1, 2, 3, 4]
    assert images.dtype == torch.float64
    exact = torch.from_numpy(truth[:5]).double() / 127.5 - 1
    assert (images - exact).abs().mean() < 0.02  # JPEG is close, not equal
    assert not torch.equal(images, exact)


def test_the_original_comes_first_and_a_source_can_be_named(put, tmp_path):
    for name in WRITERS:
        put(name)
    assert load_cifar10("test", folder=tmp_path).source == ORIGINAL
    assert load_cifar10("test", folder=tmp_path, source=PART).source == PART


def test_smaller_images_are_means_of_larger_ones(put, tmp_path):
    """On a slope, a filter that keeps straight lines gives the mean of each block; without one, every other pixel."""
    _, truth = put(ORIGINAL)
    small = load_cifar10("test", folder=tmp_path, size=8).images
    blocks = torch.from_numpy(truth[20:]).float().unfold(2, 4, 4).unfold(3, 4, 4).mean((-2, -1)) / 127.5 - 1
    assert (small - blocks)[..., 1:-1, 1:-1].abs().max() < 1.5 / 127.5
    with pytest.raises(ValueError, match="size: 64 is not allowed; give 1 to 32"):
        load_cifar10("test", folder=tmp_path, size=64)


@pytest.mark.parametrize("how", ["truncated", "altered"])
@pytest.mark.parametrize("name", WRITERS)
def test_damaged_files_are_refused(put, tmp_path, name, how):
    path, _ = put(name)
    damage(path, how)
    with pytest.raises(ValueError, match="truncated or altered"):
        load_cifar10("train", folder=tmp_path)


def test_download_only_when_asked_and_only_once(put, tmp_path, monkeypatch):
    path, _ = put(ORIGINAL)
    content, calls = path.read_bytes(), []
    path.unlink()

    def fetch(file, root):
        calls.append((file.name, root))
        path.write_bytes(content)
        return path

    monkeypatch.setattr(cifar10, "_download", fetch)
    with pytest.raises(FileNotFoundError, match="download=True"):
        load_cifar10("train", folder=tmp_path)
    assert not calls
    load_cifar10("train", folder=tmp_path, download=True)
    load_cifar10("train", folder=tmp_path, download=True)
    assert calls == [("cifar-10-python.tar.gz", tmp_path)]


def test_a_download_that_fails_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(cifar10, "URL", "http://127.0.0.1:9/cifar-10-python.tar.gz")  # nobody listens there
    with pytest.raises(ConnectionError, match=r"could not be fetched from http.*; get it in another way and put it"):
        load_cifar10("train", folder=tmp_path, download=True)
    assert not list(tmp_path.iterdir())


def test_a_download_of_something_else_is_refused_and_removed(tmp_path, monkeypatch):
    (served := tmp_path / "served").mkdir()
    (served / "cifar-10-python.tar.gz").write_bytes(b"an error page")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=served)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(cifar10, "URL", f"http://127.0.0.1:{server.server_port}/cifar-10-python.tar.gz")
        with pytest.raises(ValueError, match="hash"):
            load_cifar10("train", folder=tmp_path / "data", download=True)
        server.shutdown()
    assert not list((tmp_path / "data").glob("*"))


def test_more_than_there_is_is_refused_with_the_number(put, tmp_path):
    put(PART)
    with pytest.raises(ValueError, match=f"limit: 7 .* the train split of {PART} holds 6 images"):
        load_cifar10("train", 7, folder=tmp_path)
    with pytest.raises(ValueError, match="limit: 0"):
        load_cifar10("train", 0, folder=tmp_path)


def test_refusals(tmp_path, monkeypatch):
    monkeypatch.delenv("LOWDIM_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="CIFAR-10: .*set LOWDIM_DATA"):
        load_cifar10("train")
    for arguments, match in (({"split": "val"}, "split: 'val'"), ({"source": "mnist"}, "source: 'mnist'")):
        with pytest.raises(ValueError, match=match):
            load_cifar10(**{"folder": tmp_path, **arguments})
