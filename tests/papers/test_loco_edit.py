"""Chapter 05's experiments, figures, film and settings, all in the smoke profile."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lowdim.companion.claims import load_claims
from lowdim.data.faces import NAMES, sample_faces
from lowdim.data.records import Images
from lowdim.denoising.jacobian import full_jacobian
from lowdim.denoising.weights import load_model
from lowdim.distributions import Gaussian
from lowdim.papers import loco_edit
from lowdim.papers.loco_edit import EXPERIMENTS, FIGURES, FILMS, PROFILES, scale
from lowdim.papers.loco_edit.faces import PAIRS, matched
from lowdim.papers.loco_edit.portraits import CHANGE, WISHES, attribute_change, studio
from lowdim.papers.loco_edit.spectra import along_paths, rank_ratios
from lowdim.papers.loco_edit.told import ORDERS, told
from lowdim.profile import Profiles
from papers.contract import check_figures, check_names_apart, check_profiles_grow, check_seed_decides

CLAIMS = load_claims("05")
LARGE = {"05-L7c"}  # measured where the full matrix has 3072 rows


@pytest.fixture(scope="module")
def records():
    return {name: experiment("smoke", 0, "cpu") for name, experiment in EXPERIMENTS.items()}


def test_every_experiment_measures_its_claims(records):
    """All claims but those of the full profile, which need a GPU."""
    for name, record in records.items():
        wanted = {claim.id for claim in CLAIMS if claim.experiment == name and claim.profile != "full"} - LARGE
        assert wanted <= record.claims.keys(), name
        assert all(CLAIMS[claim].experiment == name for claim in record.claims)


def test_no_two_experiments_measure_the_same(records):
    check_names_apart(records)


def test_every_figure_draws_and_is_small(records, tmp_path):
    check_figures(FIGURES, records, tmp_path, largest=700_000)


def test_the_film_goes_there_and_back(records):
    film, strengths = FILMS["edits"], PROFILES.smoke.strengths
    frames = list(film.frames(records[film.experiment]))
    assert len(frames) == 2 * strengths - 2
    labels = [label for label, _ in frames]
    assert labels[1] == labels[-1]
    assert len({tuple(figure.get_size_inches()) for _, figure in frames}) == 1


@pytest.mark.parametrize("name", ["bound", "rank", "transfer"])
def test_the_seed_decides_everything(records, name):
    studio.cache_clear()
    check_seed_decides(EXPERIMENTS[name], records[name])


def test_profiles_grow():
    check_profiles_grow(PROFILES, ("smoke", "quick", "study", "full"))


def test_exact_claims_hold_already_in_smoke(records):
    for id in ("05-L1a", "05-L1b", "05-L2a", "05-L2b", "05-L2c", "05-L3b", "05-L4", "05-L8b", "05-L11b"):
        claim = CLAIMS[id]
        value = records[claim.experiment].claims[id]
        low, high = claim.holds
        assert low is None or value >= low, id
        assert high is None or value <= high, id


def test_edits_raise_their_attribute_and_change_the_mask_as_asked():
    at = studio("smoke", 0, "cpu")
    assert [edit.wish for edit in at.edits[0]] == list(WISHES)
    for edit in at.edits[0]:
        editor, x = at.editors[edit.wish.sigma], at.points[edit.wish.sigma]
        assert abs(float(edit.v.norm()) - 1) < 1e-4
        assert abs(float(edit.plain.norm()) - 1) < 1e-4
        small = editor.predict(x, edit.strength * edit.v, [-0.02, 0.02])[:, 0]
        change = (small[1] - small[0]).square().mean(0)[edit.mask].mean().sqrt() / 0.04
        assert abs(float(change) / CHANGE - 1) < 0.05, edit.wish.name
        moved = editor.predict(x, edit.strength * edit.v, [-1.0, 1.0])
        assert float(attribute_change(moved[1], moved[0])[0, NAMES.index(edit.wish.attribute)]) > 0


def test_matched_edits_change_the_mask_equally():
    at = studio("smoke", 0, "cpu")
    edit = at.edits[0][3]
    base = at.editors[edit.wish.sigma].sample(at.points[edit.wish.sigma])[0]
    for v in (edit.v, edit.plain):
        spill, made = matched(at, 0, edit, v)
        change = (made - base).square().mean(0)
        inside, outside = (float(change[part].mean().sqrt()) for part in (edit.mask, ~edit.mask))
        assert abs(inside / CHANGE - 1) < 0.3  # both ways together are matched, this is one
        assert 0.3 < spill / (outside / inside) < 3


def test_pairs_are_of_one_noise_level_and_of_different_parts():
    for a, b in PAIRS:
        assert WISHES[a].sigma == WISHES[b].sigma
        assert WISHES[a].part != WISHES[b].part


def test_rank_of_a_gaussian_is_counted_as_the_formula_says():
    law = Gaussian.from_samples(sample_faces(60, torch.Generator().manual_seed(0), 8, dtype=torch.float64).images)
    gains = law.eigenvalues / (law.eigenvalues + 0.25)
    energy = gains.sort(descending=True).values.square().cumsum(0)
    want = int((energy <= 0.99**2 * energy[-1]).sum()) + 1
    assert float(rank_ratios(law, law.mean()[None], 0.5)[0]) == pytest.approx(want / law.n)


def test_the_ranks_of_denoiser_and_noise_make_up_the_dimension():
    net = load_model("digits")
    x = along_paths(net, torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(1)), (1.2,))[0]
    J = full_jacobian(net, x, 1.2)[0]
    s, noise = torch.linalg.svdvals(J), torch.linalg.svdvals(torch.eye(64) - J)
    for r in range(63):
        assert float(noise[63 - r]) >= 1 - float(s[r]) - 1e-4


def test_orders_ask_for_another_label():
    for order in ORDERS:
        for label in range(8):
            other, sign = order.other(label)
            assert 0 <= other < 8
            assert other != label
            if order.attribute == "smile":
                assert other // 2 == label // 2
                assert sign == (1.0 if other % 2 else -1.0)
            else:
                assert other % 2 == label % 2
                assert sign == np.sign(other - label)


def test_the_gpu_experiments_walk_their_own_paths(monkeypatch):
    """The full profile at toy size, photographs from a stand-in."""
    tiny = replace(PROFILES.smoke, trained_size=16, photographs="cifar10")
    profiles = Profiles(smoke=tiny, quick=tiny, study=tiny, full=tiny)
    monkeypatch.setattr(scale, "PROFILES", profiles)
    monkeypatch.setattr(scale, "LEVELS", (0.6,))
    images = sample_faces(8, torch.Generator().manual_seed(2), 8).images
    monkeypatch.setattr(scale, "load_images", lambda *_: Images(images, None, "stand-in"))
    monkeypatch.setattr(scale, "SIZE_OF", {"cifar10": 8, "faces": 8})
    assert scale.larger("full", 0, "cpu").claims.keys() == {"05-L8e"}
    record = scale.photographs("full", 0, "cpu")
    assert record.claims.keys() == {"05-L5f", "05-L5g"}
    assert str(record["source"]) == "stand-in"


def test_unknown_profile_and_device_are_refused():
    with pytest.raises(ValueError, match="profile"):
        told("tiny", 0, "cpu")
    with pytest.raises(ValueError, match="device"):
        told("smoke", 0, "quantum")
    assert set(loco_edit.WEIGHTS) >= {"faces-32", "faces-32-labels", "digits"}
