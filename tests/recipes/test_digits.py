"""The shipped digits model: its card is that of the present recipe, and it does what a denoiser of digits must."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from lowdim import recipes
from lowdim.compat import import_diffusers
from lowdim.data.digits import load_digits
from lowdim.denoising.weights import load_model
from lowdim.distributions import Empirical, Gaussian
from lowdim.model_store import checkout, load_card
from lowdim.recipes.denoisers import sample
from lowdim.recipes.digits import LEVELS, _sample_scores

pytestmark = pytest.mark.skipif(checkout() is None, reason="the shipped models are in the repository")


@pytest.fixture(scope="module")
def folder():
    return checkout() / "models" / "digits"


@pytest.fixture(scope="module")
def denoiser(folder):
    return load_model(folder)


def test_card_belongs_to_the_present_recipe(folder):
    card, recipe = load_card(folder), recipes.load_recipe("digits")
    settings = {k: v for k, v in card.settings.items() if k != "parameters"}
    settings["channels"] = tuple(settings["channels"])
    assert settings == dataclasses.asdict(recipe.profiles[card.profile])
    assert (card.data, card.licence, card.description) == (recipe.data, recipe.licence, recipe.description)
    assert sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) < 1_000_000


def test_it_beats_two_exact_denoisers_of_the_training_digits_on_held_out_ones(folder, denoiser):
    train, test = load_digits("train", torch.float64).images, load_digits("test").images
    recorded = {
        row["sigma"]: row["this model"]
        for row in load_card(folder).scores["Mean squared error a pixel on held-out digits"]
    }
    gaussian, memory = Gaussian.from_samples(train), Empirical(train)
    for i, sigma in enumerate(LEVELS[:4]):
        noisy = test + sigma * torch.randn(test.shape, generator=torch.Generator().manual_seed(i))
        ours, linear, copies = (
            float((denoised - test).square().mean())
            for denoised in (denoiser(noisy, sigma), gaussian(noisy.double(), sigma), memory(noisy.double(), sigma))
        )
        assert ours < 0.95 * linear
        if sigma < 1:  # a net that had memorised the training digits would come out at their posterior mean
            assert ours < 0.95 * copies
        # Other noise on the same 297 digits of 64 pixels moves the error by about 2 %.
        assert ours == pytest.approx(recorded[sigma], rel=0.1)


def test_samples_are_digits_to_two_classifiers_and_not_copies(denoiser):
    samples = sample(denoiser, (200, 1, 8, 8), torch.Generator().manual_seed(0), torch.device("cpu"))
    ours, held_out = _sample_scores(samples)
    agreement = "share on which an SVM and 3 nearest neighbours agree"
    distance = "median distance to the nearest training digit"
    # Binomial spread of the difference of two shares near 0.95, over 200 and 297 pictures: 2.0 %; 3.5 times that.
    assert ours[agreement] > held_out[agreement] - 0.07
    assert ours["rarest class's share"] > 0.02
    assert 0.8 < ours[distance] / held_out[distance] < 1.2


def test_diffusers_alone_gives_the_same_denoiser(folder, denoiser):
    diffusers = import_diffusers()
    unet = diffusers.UNet2DModel.from_pretrained(folder / "unet", low_cpu_mem_usage=False)
    scheduler = diffusers.EDMEulerScheduler.from_pretrained(folder / "scheduler")
    x = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    for sigma in (0.01, 1.0, 50.0):
        with torch.no_grad():
            output = unet(scheduler.precondition_inputs(x, sigma), scheduler.precondition_noise(sigma)).sample
        torch.testing.assert_close(
            scheduler.precondition_outputs(x, output, sigma), denoiser(x, sigma), rtol=1e-5, atol=1e-5
        )


def test_sheet_shows_a_hundred_samples(folder):
    picture = np.asarray(Image.open(folder / "samples.png"))
    assert picture.shape == (500, 500)
    assert picture.std() > 50
