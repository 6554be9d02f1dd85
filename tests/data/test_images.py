"""One interface for every set, and disjoint halves."""

import pytest
import torch

from data.archives import write_celeba, write_ffhq, write_original, write_part
from lowdim.data import celeba, cifar10, ffhq
from lowdim.data.digits import load_digits
from lowdim.data.images import LOADERS, disjoint_halves, load_images
from lowdim.seeding import make_generator

HELD_OUT = {
    "cifar10": "test",
    "cifar10-jpeg75-subset": "test",
    "celeba": "test",
    "ffhq": "validation",
    "digits": "test",
}
SIZES = {"cifar10": 32, "cifar10-jpeg75-subset": 32, "celeba": 64, "ffhq": 64, "digits": 8}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(cifar10.SOURCES, cifar10.ORIGINAL, write_original(place)[0])
        patch.setitem(cifar10.SOURCES, cifar10.PART, write_part(place)[0])
        patch.setattr(celeba, "CELEBA", write_celeba(place)[0])
        patch.setattr(ffhq, "FFHQ", write_ffhq(place)[0])
        yield place


@pytest.mark.parametrize("name", LOADERS)
def test_every_set_gives_images_by_the_same_call(name, folder):
    train = load_images(name, "train", 3, folder=folder)
    channels = 1 if name == "digits" else 3
    assert train.images.shape == (3, channels, SIZES[name], SIZES[name])
    assert train.images.dtype == torch.float32
    assert -1 <= train.images.min() < train.images.max() <= 1
    assert train.source in ("cifar-10-python", "cifar10-jpeg75-subset", "celeba", "ffhq", "digits")
    assert (train.labels is None) == (name == "ffhq")
    held_out = load_images(name, HELD_OUT[name], 3, folder=folder, dtype=torch.float64)
    assert held_out.images.dtype == torch.float64
    if name != "cifar10-jpeg75-subset":  # whose tiny stand-in repeats its pictures
        assert torch.cdist(train.images.flatten(1).double(), held_out.images.flatten(1)).min() > 0.1


@pytest.mark.parametrize("name", LOADERS)
def test_size_limit_and_split_are_checked_everywhere(name, folder):
    if name != "digits":
        assert load_images(name, "train", 1, size=16, folder=folder).images.shape == (1, 3, 16, 16)
    with pytest.raises(ValueError, match="size: 1000"):
        load_images(name, "train", 1, size=1000, folder=folder)
    with pytest.raises(ValueError, match="limit: 5000 .* holds"):
        load_images(name, "train", 5000, folder=folder)
    with pytest.raises(ValueError, match="split: 'held-out' is unknown; .* has train"):
        load_images(name, "held-out", folder=folder)


def test_the_part_can_be_asked_for_beside_the_original(folder):
    assert load_images("cifar10", folder=folder).source == "cifar-10-python"
    assert load_images("cifar10-jpeg75-subset", folder=folder).source == "cifar10-jpeg75-subset"


def test_digits_need_no_folder(monkeypatch):
    monkeypatch.delenv("LOWDIM_DATA", raising=False)
    found = load_images("digits", "test")
    assert torch.equal(found.images, load_digits("test").images)
    assert len(found.images) == len(found.labels) == 297


def test_unknown_names_name_the_choices():
    with pytest.raises(ValueError, match="name: 'imagenet' is unknown; choose one of cifar10, .*celeba, ffhq, digits"):
        load_images("imagenet")


def test_halves_share_no_image():
    images = torch.arange(20.0).reshape(20, 1, 1, 1)
    one, other = disjoint_halves(images, 9, make_generator(0, "test"))
    seen = torch.cat([one, other]).flatten()
    assert one.shape == other.shape == (9, 1, 1, 1)
    assert len(seen.unique()) == 18
    again, _ = disjoint_halves(images, 9, make_generator(0, "test"))
    different, _ = disjoint_halves(images, 9, make_generator(1, "test"))
    assert torch.equal(one, again)
    assert not torch.equal(one, different)
    assert not torch.equal(one.flatten(), torch.arange(9.0))


@pytest.mark.parametrize("per_half", [0, 11])
def test_halves_of_more_than_there_is_are_refused(per_half):
    with pytest.raises(ValueError, match=f"per_half: {per_half} .* 20 images hold two halves of 1 to 10"):
        disjoint_halves(torch.zeros(20, 1), per_half, make_generator(0, "test"))
