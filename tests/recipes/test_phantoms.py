"""The shipped denoiser of phantoms: it does what its card says, and is told both kinds of pictures."""

import pytest
import torch

from lowdim.denoising.weights import load_model
from lowdim.model_store import load_card
from lowdim.recipes import load_recipe
from lowdim.recipes.phantoms import draw


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def psnr(found, pictures):
    return float(-10 * (found - pictures).square().mean((1, 2, 3)).log10().mean())


def test_half_of_a_batch_is_as_it_is_and_half_under_a_phase():
    pictures = draw(6, generator())
    assert pictures.shape == (12, 1, 64, 64)
    assert float(pictures[:6].min()) == 0
    assert float(pictures[6:].min()) < -0.1
    assert bool((pictures[6:].abs() <= pictures[:6] + 1e-6).all())


@pytest.mark.parametrize("sigma", [0.05, 0.2])
def test_the_card_is_true_on_other_pictures(sigma):
    denoiser, card = load_model("phantoms-64"), load_card("phantoms-64")
    (table,) = card.scores.values()
    row = next(row for row in table if row["sigma"] == sigma)
    pictures = draw(8, generator(5))
    noisy = pictures + sigma * torch.randn(pictures.shape, generator=generator(6))
    found = psnr(denoiser(noisy, sigma), pictures)
    assert found == pytest.approx(float(row["this model"]), abs=1.5)
    assert found > float(row["noisy"]) + 5
    assert float(row["this model"]) > float(row["total variation"]) + 1


def test_the_recipe_makes_the_shipped_architecture():
    recipe, card = load_recipe("phantoms-64"), load_card("phantoms-64")
    network = recipe.build(recipe.profiles["quick"])
    assert sum(p.numel() for p in network.parameters()) == card.settings["parameters"]
    assert recipe.profiles["quick"].steps == card.settings["steps"]
