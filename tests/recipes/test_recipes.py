"""The machinery of recipes on the smallest profile: names, resume, the card; shipped weights play no part."""

import dataclasses

import pytest
import torch

from lowdim import recipes
from lowdim.denoising.weights import load_model
from lowdim.model_store import load_card
from lowdim.recipes import recipe as machinery


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return recipes.train("digits", "smoke", seed=3, out=tmp_path_factory.mktemp("models") / "digits")


def test_smoke_run_leaves_a_model_with_its_card(trained, capsys):
    denoiser, card = load_model(trained), load_card(trained)
    assert denoiser(torch.zeros(2, 1, 8, 8), 1.0).shape == (2, 1, 8, 8)
    settings = dataclasses.asdict(recipes.load_recipe("digits").profiles["smoke"])
    assert {k: v for k, v in card.settings.items() if k != "parameters"} == {**settings, "channels": [8, 16]}
    assert (card.profile, card.seed, card.command) == ("smoke", 3, "lowdim train digits --profile smoke --seed 3")
    assert [p.name for p in trained.parent.iterdir()] == ["digits"]  # no checkpoints left
    assert "".join(capsys.readouterr()) == ""


@pytest.mark.parametrize("stop", [3, 6])
def test_interrupted_run_ends_at_the_same_files(trained, tmp_path, monkeypatch, stop):
    real = machinery.progress

    def interrupted(steps, total, name):
        for step in real(steps, total, name):
            if step.step == stop:
                raise KeyboardInterrupt
            yield step

    seen = []

    def watched(steps, total, name):
        for step in real(steps, total, name):
            seen.append(step.step)
            yield step

    monkeypatch.setattr(machinery, "progress", interrupted)
    with pytest.raises(KeyboardInterrupt):
        recipes.train("digits", "smoke", seed=3, out=tmp_path / "digits")
    monkeypatch.setattr(machinery, "progress", watched)
    folder = recipes.train("digits", "smoke", seed=3, out=tmp_path / "digits")
    assert seen[0] == 4 * (stop // 4) + 1
    assert load_card(folder) == load_card(trained)  # the hashes of the weights among them


def test_another_seed_in_the_same_folder_is_refused_and_can_start_afresh(tmp_path, monkeypatch):
    def stop(steps, total, name):
        yield from (next(steps) for _ in range(5))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(machinery, "progress", stop)
        with pytest.raises(KeyboardInterrupt):
            recipes.train("digits", "smoke", seed=3, out=tmp_path / "digits")
    with pytest.raises(ValueError, match="belongs to another run"):
        recipes.train("digits", "smoke", seed=4, out=tmp_path / "digits")
    fresh = recipes.train("digits", "smoke", seed=4, out=tmp_path / "digits", resume=False)
    assert load_card(fresh).seed == 4


def test_default_folder_is_under_build_and_not_the_shipped_one(monkeypatch, tmp_path):
    monkeypatch.setenv("LOWDIM_ROOT", str(tmp_path))
    assert recipes.train("digits", "smoke") == tmp_path / "build/models/smoke/digits"


def test_unknown_arguments_name_the_choices(tmp_path):
    assert "digits" in recipes.names()
    with pytest.raises(ValueError, match="name: 'faces' has no recipe; choose one of digits"):
        recipes.train("faces")
    with pytest.raises(ValueError, match="profile: 'tiny' is unknown"):
        recipes.train("digits", "tiny")
    with pytest.raises(ValueError, match="device: 'abacus'"):
        recipes.train("digits", "smoke", device="abacus")
    with pytest.raises(ValueError, match="seed: -1"):
        recipes.train("digits", "smoke", seed=-1)
