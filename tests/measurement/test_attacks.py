"""Attacks: each does what its name says, repeats with its seed and refuses strengths without meaning."""

import numpy as np
import pytest
import torch

from lowdim.data.faces import sample_faces
from lowdim.measurement import attacks
from lowdim.seeding import make_generator

ALL = {
    "save": attacks.save(),
    "noise": attacks.gaussian_noise(0.05),
    "blur": attacks.gaussian_blur(0.8),
    "jpeg": attacks.jpeg(60),
    "median": attacks.median(3),
    "resize": attacks.resize(0.5),
    "crop": attacks.crop(0.8),
    "rotation": attacks.rotation(10.0),
    "brightness": attacks.brightness(0.8, 1.2),
    "saturation": attacks.saturation(0.5),
    "erase": attacks.erase(0.1),
    "salt": attacks.salt_and_pepper(0.05),
}
RANDOM = ("noise", "crop", "brightness", "erase", "salt")


def generator(*name):
    return make_generator(0, "attacks", *name)


@pytest.fixture(scope="module")
def faces():
    return sample_faces(4, generator("faces")).images


@pytest.mark.parametrize("name", ALL)
def test_bytes_in_bytes_out_and_the_seed_decides(name, faces):
    images = attacks.to_bytes(faces)
    first, again, other = (ALL[name](images, generator(seed)) for seed in ("a", "a", "b"))
    assert first.dtype == torch.uint8
    assert first.shape == images.shape
    assert torch.equal(first, again)
    assert torch.equal(first, other) == (name not in RANDOM)
    assert torch.equal(images, attacks.to_bytes(faces))  # the input is left alone


def test_pictures_pass_through_bytes(faces):
    saved = attacks.attack_pictures(faces, attacks.save(), generator())
    assert float((saved - faces).abs().max()) <= 1 / 255 + 1e-6
    assert saved.dtype == faces.dtype


def test_noise_has_its_size_and_does_not_wrap_around():
    grey = torch.full((8, 3, 64, 64), 128, dtype=torch.uint8)
    noisy = attacks.gaussian_noise(0.1)(grey, generator()).double()
    assert abs(float(noisy.std()) / 25.5 - 1) < 0.01
    assert abs(float(noisy[:, 0].mean() - noisy[:, 1].mean())) < 1  # independent pixels, not one number for all
    white = attacks.gaussian_noise(0.1)(torch.full_like(grey, 255), generator())
    assert int(white.min()) > 100


def test_blur_multiplies_a_wave_by_its_transfer_function():
    """A Gaussian of standard deviation s multiplies a wave of frequency f by exp(-2 (pi s f)^2)."""
    x = torch.arange(64)
    wave = (128 + 100 * torch.cos(2 * torch.pi * x / 8)).round().to(torch.uint8).expand(1, 3, 64, 64)
    blurred = attacks.gaussian_blur(1.2)(wave, generator()).double()[0, 0, 32, 16:48]
    expected = 100 * np.exp(-2 * (np.pi * 1.2 / 8) ** 2)
    assert abs((float(blurred.max() - blurred.min())) / 2 - expected) < 1.5


def test_jpeg_is_pillow_s(faces):
    import io

    from PIL import Image

    picture = attacks.to_bytes(faces)[0].permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=60, subsampling=2)
    ours = ALL["jpeg"](attacks.to_bytes(faces), generator())[0].permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(ours, np.asarray(Image.open(buffer)))


def test_erase_hides_its_share_and_rotation_keeps_the_middle(faces):
    white = torch.full((6, 3, 40, 40), 255, dtype=torch.uint8)
    hidden = attacks.erase(0.25)(white, generator()) == 0
    assert hidden.double().mean() == pytest.approx(0.25)
    images = attacks.to_bytes(faces)
    assert torch.equal(attacks.rotation(0.0)(images, generator()), images)
    quarter = attacks.rotation(90.0)(images, generator()).double()
    assert float((quarter - torch.rot90(images, 1, (2, 3)).double()).abs().mean()) < 1


def test_crop_of_everything_and_resize_by_one_change_nothing(faces):
    images = attacks.to_bytes(faces)
    assert torch.equal(attacks.crop(1.0)(images, generator()), images)
    assert torch.equal(attacks.resize(1.0)(images, generator()), images)


def test_attacks_follow_each_other(faces):
    images = attacks.to_bytes(faces)
    both = attacks.compose(attacks.resize(0.5), attacks.jpeg(60))(images, generator())
    assert torch.equal(both, attacks.jpeg(60)(attacks.resize(0.5)(images, generator()), generator()))


@pytest.mark.parametrize(
    ("make", "value", "name"),
    [
        (attacks.jpeg, 0, "quality"), (attacks.jpeg, 96, "quality"), (attacks.gaussian_noise, -0.1, "std"),
        (attacks.gaussian_blur, 0.0, "std"), (attacks.resize, 0.0, "scale"), (attacks.crop, 1.5, "keep"),
        (attacks.rotation, float("nan"), "degrees"), (attacks.erase, 0.0, "area"), (attacks.median, 4, "size"),
        (attacks.salt_and_pepper, 2.0, "share"), (attacks.saturation, -1.0, "low"),
    ],
)  # fmt: skip
def test_strengths_without_meaning_are_refused(make, value, name):
    with pytest.raises(ValueError, match=name):
        make(value)


def test_bad_pictures_are_refused(faces):
    for bad in (faces[0], faces[:, :1]):
        with pytest.raises(ValueError, match="pictures: shape"):
            attacks.attack_pictures(bad, attacks.save(), generator())
    with pytest.raises(ValueError, match="NaN"):
        attacks.attack_pictures(faces * float("nan"), attacks.save(), generator())
    with pytest.raises(ValueError, match="subsampling"):
        attacks.jpeg(50, 3)
    with pytest.raises(ValueError, match="high"):
        attacks.brightness(1.2, 0.8)
