"""Chapter 07's experiments, figures and settings, all in the smoke profile; images, scans, tuning."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from lowdim.companion.claims import load_claims
from lowdim.data.faces import sample_faces
from lowdim.data.records import Images
from lowdim.measurement.level_solver import Solution
from lowdim.measurement.tasks import make_task
from lowdim.papers.sitcom import EXPERIMENTS, FIGURES, PROFILES, larger, network, tasks
from lowdim.papers.sitcom.network import face_solvers, tuning_values
from lowdim.papers.sitcom.noise import Either
from lowdim.papers.sitcom.phase import best_of, turned_psnr
from lowdim.papers.sitcom.scan import complex_faces, error_db
from lowdim.papers.sitcom.stopping import Fixed
from lowdim.profile import Profiles
from papers.contract import check_names_apart

CLAIMS = load_claims("07")


@pytest.fixture(scope="module")
def records():
    return {name: experiment("smoke", 0, "cpu") for name, experiment in EXPERIMENTS.items()}


def test_every_experiment_measures_its_claims(records):
    """All claims but those of the full profile, which need a GPU."""
    for name, record in records.items():
        wanted = {claim.id for claim in CLAIMS if claim.experiment == name and claim.profile != "full"}
        assert wanted == record.claims.keys(), name
        assert all(np.isfinite(value) for value in record.claims.values()), name


def test_no_two_experiments_measure_the_same(records):
    check_names_apart(records)


def test_every_figure_draws_and_is_small(records, tmp_path):
    from lowdim.style import use_style

    use_style()
    for id, plot in FIGURES.items():
        path = tmp_path / f"{id}.svg"
        plot.draw(records[plot.experiment]).savefig(path)
        assert path.stat().st_size < 2_000_000, id
        assert plot.caption.startswith("**"), id
        assert plot.alt, id


def test_the_second_scan_has_less_noise(records):
    scores = records["scan"]["scores"]
    assert (scores[1, -1] > scores[0, -1] + 3).all()  # the posterior mean knows the level


def test_exact_claims_hold_even_in_smoke(records):
    assert records["closed-form"].claims["07-S1a"] < 1e-8
    assert records["closed-form"].claims["07-S1b"] < 1e-8
    assert records["coordinates"].claims["07-S2a"] < 1e-9
    assert records["consistency"].claims["07-S8c"] < 1e-6


def test_experiments_repeat_and_depend_on_the_seed():
    for name in ("consistency", "noise-levels"):
        again, other = EXPERIMENTS[name]("smoke", 0, "cpu"), EXPERIMENTS[name]("smoke", 1, "cpu")
        same = EXPERIMENTS[name]("smoke", 0, "cpu")
        assert same.claims == again.claims
        assert same.claims != other.claims


def test_an_unknown_device_is_refused():
    for experiment in EXPERIMENTS.values():
        with pytest.raises(ValueError, match="device: 'tpu'"):
            experiment("smoke", 0, "tpu")


def test_larger_profiles_are_larger():
    for field in fields(PROFILES["smoke"]):
        small, middle, large = (getattr(PROFILES[name], field.name) for name in ("smoke", "quick", "study"))
        if isinstance(middle, int):
            assert small <= middle <= large, field.name


def test_two_rules_share_a_batch():
    rule = Either(Fixed(0.5), None)
    assert rule(torch.ones(4).double(), torch.full((4,), 8)).tolist() == [2, 2, -1, -1]


def test_the_best_of_a_group_is_chosen_by_residual_alone():
    scores = torch.tensor([[10.0], [30.0], [20.0], [5.0], [7.0], [1.0], [2.0], [3.0], [99.0]])
    residual = torch.tensor([[3.0], [2.0], [1.0], [4.0], [1.0], [2.0], [3.0], [4.0], [0.0]])
    assert best_of(scores, residual, 4)[:, 0].tolist() == [20, 7]


def test_a_reversed_signal_counts_as_found_up_to_reversal():
    x = torch.linspace(-1, 1, 64).reshape(1, 1, 64)
    assert float(turned_psnr(x.flip(2) + 0.02, x)) == pytest.approx(40, abs=1e-3)


def test_every_solver_of_the_comparison_runs_and_is_counted():
    """With a denoiser that knows nothing but the mean grey."""

    def grey(x, sigma):
        return 0.3 * x / (1 + torch.as_tensor(sigma).to(x).reshape(-1, 1, 1, 1) ** 2)

    settings = replace(PROFILES["smoke"], face_dps_levels=(3, 5, 6))
    physics = make_task("random-inpainting", (3, 32, 32), 0.1, torch.Generator().manual_seed(0))
    y = physics(sample_faces(1, torch.Generator().manual_seed(1)).images)
    solvers = face_solvers(grey, settings, 0.5)
    for name, run in solvers.items():
        solution = run(y, physics, torch.Generator().manual_seed(2))
        assert solution.estimate.shape == (1, 3, 32, 32), name
        assert int(solution.forward) > 0, name
        assert (len(tuning_values(name)) > 1) == name.startswith(("DAPS", "DiffPIR", "deepinv's DPS"))
    for name, evaluations in (("DPS 5", 5), ("DiffPIR 10", 10), ("DAPS 10", 10)):
        assert int(solvers[name](y, physics, torch.Generator().manual_seed(2)).forward) == evaluations


def test_all_tasks_are_measured_at_both_levels_and_lost_guidance_is_not_chosen(monkeypatch):
    record = EXPERIMENTS["all-tasks"]("smoke", 0, "cpu")
    assert record["scores"].shape == (8, 2, 2, 2, 1)
    rows = record.tables["every-task"].rows
    assert [row[:3] for row in rows[:4]] == [
        ("SITCOM", "super-resolution", 0.01), ("DPS", "super-resolution", 0.01),
        ("SITCOM", "super-resolution", 0.05), ("DPS", "super-resolution", 0.05),
    ]  # fmt: skip
    assert all(row[7] > 0 and row[8] > 0 for row in rows)

    class Spoilt:
        """Guidance of 3 overflows; the smaller, the better."""

        def __init__(self, denoiser, sigmas, guidance):
            self.guidance = guidance

        def __call__(self, y, physics, generator):
            value = torch.where(self.guidance > 2, torch.nan, self.guidance)
            return value[:, None, None, None].expand(-1, 3, 32, 32)

    monkeypatch.setattr(tasks, "DPS", Spoilt)
    images = torch.zeros(2, 3, 32, 32)
    found = [tasks.tuned_guidance(None, levels, images, images, None, None) for levels in (4, 100, 1000)]
    assert found == [1.0, 0.3, 0.1]  # of the values that do not overflow the smallest, where zero is right


def test_summary_is_a_t_interval_over_images():
    scores = torch.tensor([[20.0, 22.0, 24.0], [0.5, 0.6, 0.7]])
    mean, half, similarity = tasks.summary(scores)
    assert (mean, similarity) == (pytest.approx(22), pytest.approx(0.6))
    assert half == pytest.approx(4.3027 * 2 / 3**0.5, rel=1e-4)


def test_tuning_takes_the_value_with_the_smallest_error(monkeypatch):
    images = torch.zeros(2, 3, 4, 4)

    def solvers(denoiser, settings, value=0.0):
        found = Solution(images + abs(value - 0.1), *[torch.zeros(2)] * 4)
        return {"DAPS 10": lambda y, physics, generator: found, "SITCOM": None}

    monkeypatch.setattr(network, "face_solvers", solvers)
    assert network._tune(None, None, "DAPS 10", images, None, None, lambda name: None) == 0.1
    assert network._tune(None, None, "SITCOM", images, None, None, lambda name: None) == 0.0


def test_complex_faces_have_the_magnitude_of_faces():
    magnitude = complex_faces(3, torch.Generator().manual_seed(0)).square().sum(1).sqrt()
    grey = (sample_faces(3, torch.Generator().manual_seed(0), dtype=torch.float64).images.mean(1) + 1) / 2
    torch.testing.assert_close(magnitude, grey, rtol=0, atol=1e-5)


def test_error_in_decibels():
    x = torch.ones(2, 2, 4, 4)
    assert error_db(1.1 * x, x).tolist() == pytest.approx([20, 20], abs=1e-3)


def test_the_larger_experiments_measure_their_claims(monkeypatch):
    """The full profile at toy size, photographs from a stand-in."""
    tiny = replace(PROFILES.smoke, photographs="cifar10", grid=((1, 2), (1, 2)), task_images=2)
    monkeypatch.setattr(larger, "PROFILES", Profiles(smoke=tiny, quick=tiny, study=tiny, full=tiny))
    asked = []

    def stand_in(name, split, number):
        asked.append((name, split, number))
        return Images(sample_faces(6, torch.Generator().manual_seed(len(asked)), 16).images, None, "a stand-in")

    monkeypatch.setattr(larger, "load_images", stand_in)
    record = larger.larger_faces("full", 0, "cpu")
    assert record.claims.keys() == {"07-S10d", "07-S13b"}
    assert [row[:2] for row in record.tables["levels-and-inner-steps"].rows] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert record["face"].shape == (3, 16, 16)
    found = larger.photographs("full", 0, "cpu")
    assert found.claims.keys() == {"07-S10e", "07-S13c"}
    assert asked == [("cifar10", "train", None), ("cifar10", "test", None)]
    assert found["scores"].shape == (8, 2, 2, 2, 2)


def test_dps_is_tuned_by_the_score_that_is_compared(monkeypatch):
    """Mean PSNR prefers one good picture of two where the mean squared error, ruled by the failure, does not."""

    class Uneven:
        def __init__(self, denoiser, sigmas, guidance):
            self.guidance = guidance

        def __call__(self, y, physics, generator):
            first = torch.arange(len(y)) % 2 == 0
            value = torch.where(self.guidance == 1, torch.where(first, 0.001, 0.9), 0.5)
            return value[:, None, None, None].expand(-1, 3, 32, 32)

    monkeypatch.setattr(tasks, "DPS", Uneven)
    images = torch.zeros(2, 3, 32, 32)
    assert tasks.tuned_guidance(None, 20, images, images, None, None) == 1.0
