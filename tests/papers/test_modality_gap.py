"""Chapter 04's experiments, figures and settings, all in the smoke profile; towers and training."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from lowdim.companion.claims import load_claims
from lowdim.data.captions import Tokens
from lowdim.papers.modality_gap import EXPERIMENTS, FIGURES, FILMS, PROFILES
from lowdim.papers.modality_gap.captioned import face_sets, make_face_towers, train_faces
from lowdim.papers.modality_gap.latent import StackedMLP, determination, make_towers, sample_toys, train_method
from lowdim.papers.modality_gap.methods import METHODS, fixed, swapped
from lowdim.papers.modality_gap.swap import hard_weights
from lowdim.papers.modality_gap.tables import FIGURE_ROWS, ROWS
from lowdim.papers.modality_gap.temperature import Exponential, Fixed
from lowdim.papers.modality_gap.towers import ImageTower, TextTower
from lowdim.papers.modality_gap.train import Method, TwoTowers, step_loss, steps_to_show, train_pair
from lowdim.seeding import make_generator
from lowdim.training.contrastive import contrastive_loss
from papers.contract import (
    check_figures,
    check_names_apart,
    check_profiles_grow,
    check_seed_decides,
    check_unknown_refused,
)

CLAIMS = load_claims("04")


@pytest.fixture(scope="module")
def records():
    return {name: experiment("smoke", 0, "cpu") for name, experiment in EXPERIMENTS.items()}


def test_every_experiment_measures_its_claims(records):
    for name, record in records.items():
        wanted = {claim.id for claim in CLAIMS if claim.experiment == name and claim.profile != "full"}
        assert wanted == record.claims.keys(), name
        assert all(math.isfinite(value) for value in record.claims.values())


def test_claims_of_the_full_profile_are_measured_there(monkeypatch):
    """The full settings at smoke size: three temperatures and the collapse side among them."""
    from dataclasses import replace

    from lowdim.papers.modality_gap import captioned, portraits
    from lowdim.profile import Profiles

    small = replace(PROFILES["smoke"], face_temperatures=(0.01, 0.07, 0.4), face_steps=2)
    for module in (captioned, portraits):
        monkeypatch.setattr(module, "PROFILES", Profiles(small, small, small, small))
    measured = {
        **portraits.faces_temperature("full", 0, "cpu").claims,
        **portraits.faces_mitigation("full", 0, "cpu").claims,
    }
    assert {claim.id for claim in CLAIMS if claim.profile == "full" and claim.experiment} <= measured.keys()


def test_no_two_experiments_measure_the_same(records):
    check_names_apart(records)


def test_every_figure_draws_and_is_small(records, tmp_path):
    check_figures(FIGURES, records, tmp_path)


def test_film_moves(records):
    labels, shots = [], []
    for label, fig in FILMS["sphere"].frames(records["sphere"]):
        labels.append(label)
        shots.append([line.get_data()[1] for line in fig.axes[0].lines[-2:]])
    assert len(set(labels)) == len(labels) >= 2
    assert not np.allclose(shots[0], shots[-1])


@pytest.mark.parametrize("name", ["parallel", "sphere", "latent-start", "faces-mitigation"])
def test_the_seed_decides_everything(records, name):
    train_faces.cache_clear()
    check_seed_decides(EXPERIMENTS[name], records[name])


def test_unknown_profile_and_device_are_refused():
    check_unknown_refused(EXPERIMENTS.values())


def test_profiles_grow():
    check_profiles_grow(PROFILES)


def test_exact_claims_hold_even_in_smoke(records):
    exact = [
        claim for claim in CLAIMS if claim.kind == "theorem" and claim.holds and claim.id not in ("04-M6b", "04-M6c")
    ]
    assert len(exact) > 15
    for claim in exact:
        low, high = (-math.inf if b is None else b for b in claim.holds[:1]), claim.holds[1]
        value = records[claim.experiment].claims[claim.id]
        assert next(low) <= value <= (math.inf if high is None else high), claim.id


def test_tables_are_complete():
    """26 rows of six numbers, gaps and percentages in their ranges, and the correlation that the figure suggests."""
    table = np.array(list(ROWS.values()))
    assert table.shape == (26, 6)
    assert set(FIGURE_ROWS) <= set(ROWS)
    assert (table[:, 0] > 0).all()
    assert (table[:, 0] < 2).all()
    assert (table[:, 1] < 0).all()
    assert (table[:, 1] > -math.sqrt(2)).all()


# Towers and training


def test_stacked_networks_are_independent_and_agree_with_one():
    stack = StackedMLP(3, 5, 7, 2, make_generator(0, "test", "stack"))
    x = torch.randn(3, 4, 5, generator=make_generator(1, "test", "stack"))
    out = stack(x)
    one = torch.relu(x[1] @ stack.first[1] + stack.first_bias[1]) @ stack.second[1] + stack.second_bias[1]
    torch.testing.assert_close(out[1], one)
    (gradient,) = torch.autograd.grad(out[0].sum(), stack.first)
    assert bool((gradient[1:] == 0).all())


def test_stacked_training_is_the_training_of_each():
    """Two toys side by side, and one of them alone on the same batches, end at the same weights."""
    both = make_towers(2, Exponential(0.07, copies=2), make_generator(0, "test"))
    alone = make_towers(1, Exponential(0.07, copies=1), make_generator(0, "test"))
    with torch.no_grad():
        for mine, theirs in zip(alone.parameters(), both.parameters(), strict=True):
            mine.copy_(theirs[1:])
    images, texts = torch.randn(2, 16, 64), torch.randn(2, 16, 32)
    for pair, part in ((both, slice(None)), (alone, slice(1, None))):
        list(
            train_pair(
                pair, lambda _, p=part: (images[p], texts[p]), METHODS["learned 0.07"], 5, make_generator(0, "t")
            )
        )
    for mine, theirs in zip(alone.parameters(), both.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs[1:], rtol=1e-4, atol=1e-6)


def test_step_loss_by_hand():
    u, v = torch.randn(2, 6, 4, generator=make_generator(0, "test", "step"))
    pair = TwoTowers(torch.nn.Identity(), torch.nn.Identity(), Fixed(0.1))
    generator = make_generator(1, "test")
    loss = step_loss(pair, u, v, generator, fixed(0.1))
    torch.testing.assert_close(loss, contrastive_loss(10 * normalize(u, dim=-1) @ normalize(v, dim=-1).T))
    raw = step_loss(pair, u, v, generator, METHODS["no normalisation"])
    torch.testing.assert_close(raw, contrastive_loss(10 * u @ v.T))
    assert float(step_loss(pair, u, v, generator, swapped(hard_weights, 1.0))) != float(loss)


def test_logits_are_not_computed_in_half_precision():
    u, v = torch.randn(2, 64, 16, generator=make_generator(0, "test", "half"))
    pair = TwoTowers(torch.nn.Identity(), torch.nn.Identity(), Fixed(0.01))
    exact = step_loss(pair, u, v, make_generator(1, "test"), fixed(0.01))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(step_loss(pair, u, v, make_generator(1, "test"), fixed(0.01)), exact)


def test_empty_and_unequal_batches_are_refused():
    pair = TwoTowers(torch.nn.Identity(), torch.nn.Identity(), Fixed(0.1))
    for texts, words in ((torch.ones(0, 4), "empty|as many"), (torch.ones(3, 4), "as many")):
        with pytest.raises(ValueError, match=words):
            step_loss(pair, torch.ones(len(texts) and 2, 4), texts, make_generator(0, "t"), fixed(0.1))


def test_schedule_and_slower_rate_reach_the_temperature():
    images, texts = torch.randn(1, 16, 64), torch.randn(1, 16, 32)
    moved = {}
    for name in ("schedule", "slower rate", "learned 0.07"):
        pair = make_towers(1, METHODS[name].temperature(1), make_generator(0, "test"))
        start = float(pair.temperature().detach())
        list(train_pair(pair, lambda _: (images, texts), METHODS[name], 10, make_generator(0, "t")))
        moved[name] = float(pair.temperature().detach()) / start
    assert moved["schedule"] == pytest.approx(0.01 / 0.05)
    assert abs(math.log(moved["slower rate"])) == pytest.approx(0.1 * abs(math.log(moved["learned 0.07"])), rel=0.1)


def test_determination_of_an_affine_map_is_one_and_of_noise_is_none():
    generator = make_generator(0, "test", "probe")
    x, noise = torch.randn(2, 1, 400, 5, generator=generator, dtype=torch.float64)
    y = 2 + x @ torch.randn(5, 3, generator=generator, dtype=torch.float64)
    assert float(determination(x[:, :200], y[:, :200], x[:, 200:], y[:, 200:])) == pytest.approx(1, abs=1e-6)
    assert float(determination(noise[:, :200], y[:, :200], noise[:, 200:], y[:, 200:])) < 0.05


def test_text_tower_reads_words_and_not_padding():
    tower = TextTower(20, 12, 16, 2, 4).eval()
    ids = torch.tensor([[2, 5, 7, 3]])
    padded = torch.cat([ids, torch.zeros(1, 3, dtype=torch.long)], 1)
    torch.testing.assert_close(tower(Tokens(ids, ids > 0)), tower(Tokens(padded, padded > 0)), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="empty"):
        tower(Tokens(padded, torch.zeros_like(padded, dtype=torch.bool)))
    with pytest.raises(ValueError, match="empty"):
        tower(Tokens(ids[:0], ids[:0] > 0))
    with pytest.raises(ValueError, match="too many"):
        tower(Tokens(ids.repeat(1, 4), ids.repeat(1, 4) > 0))


def test_image_tower_is_independent_of_the_batch():
    tower = ImageTower(16, (8, 16), 4, blocks=1)
    x = torch.randn(3, 3, 16, 16, generator=make_generator(0, "test", "images"))
    torch.testing.assert_close(tower(x)[:1], tower(x[:1]), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="multiple"):
        ImageTower(18, (8, 16), 4)


def test_mismatch_rates_are_checked_and_matter():
    with pytest.raises(ValueError, match="rate"):
        train_faces("smoke", 0, "cpu", "learned 0.07", 1.5)
    clean, mixed = (train_faces("smoke", 0, "cpu", "learned 0.07", rate) for rate in (0.0, 0.5))
    assert clean.diagnoses[0] == mixed.diagnoses[0]
    assert clean.last != mixed.last


def test_first_weights_depend_on_the_seed_alone():
    where = torch.device("cpu")
    towers = [make_face_towers(PROFILES["smoke"], name, 3, where) for name in ("learned 0.07", "softplus")]
    other = make_face_towers(PROFILES["smoke"], "learned 0.07", 4, where)
    first, second, third = (next(pair.parameters()) for pair in (*towers, other))
    assert torch.equal(first, second)
    assert not torch.equal(first, third)
    training, test = face_sets("smoke", 3, where)
    assert len(training.captions) == 96
    assert not torch.equal(training.images[:48], test.images)


def test_toys_share_their_latent():
    training, test = sample_toys(2, make_generator(0, "test", "toys"))
    assert training.images.shape == (2, 2048, 64)
    fit = determination(training.texts.double(), training.latents.double(), test.texts.double(), test.latents.double())
    assert bool((fit > 0.6).all())


def test_methods_start_from_the_same_towers():
    """One step by two temperatures from the same seed: the gap starts alike and the temperatures differ."""
    cold, warm = (train_method(name, 2, 2, 0) for name in ("fixed 0.01", "fixed 0.4"))
    torch.testing.assert_close(cold.gap, warm.gap, atol=0.05, rtol=0)
    assert float(cold.temperature[0]) == pytest.approx(0.01)
    assert float(warm.temperature[0]) == pytest.approx(0.4)


def test_steps_to_show():
    shown = steps_to_show(100, 12)
    assert (shown[0], shown[-1]) == (1, 100)
    assert sorted(set(shown)) == list(shown)
    assert isinstance(METHODS["fixed 1"], Method)
