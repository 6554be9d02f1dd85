"""Chapter 00: every experiment runs at the smallest size, its checks can fail, and its figures can be drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lowdim.companion.claims import load_claims
from lowdim.denoising.flows import gaussian_flow
from lowdim.distributions import MoLRG
from lowdim.papers import denoisers
from lowdim.papers.denoisers import identities, learning, paths, pictures, sets
from lowdim.papers.denoisers.models import add_noise, eight_dimensions, orthonormal, two_lines
from lowdim.record import Record
from lowdim.seeding import make_generator
from papers.contract import check_names_apart

# Claims whose bounds hold at the smallest size too: identities that need no large sample.
SIZE_FREE = {"00-D1", "00-D3", "00-D8", "00-D9", "00-D12", "00-D13", "00-D16"}


@pytest.fixture(scope="module")
def records() -> dict[str, Record]:
    return {name: run("smoke", 0, "cpu") for name, run in denoisers.EXPERIMENTS.items()}


@pytest.fixture
def generator() -> torch.Generator:
    return make_generator(0, "test", "denoisers")


def test_experiments_measure_exactly_the_claims(records):
    claims = load_claims("00")
    measured = {claim: name for name, record in records.items() for claim in record.claims}
    assert measured == {claim.id: claim.experiment for claim in claims}
    for record in records.values():
        assert all(np.isfinite(value) for value in record.claims.values())


@pytest.mark.parametrize("claim", sorted(SIZE_FREE))
def test_exact_claims_hold_at_any_size(claim, records):
    entry = load_claims("00")[claim]
    value = records[entry.experiment].claims[claim]
    low, high = entry.holds
    assert low is None or value >= low
    assert high is None or value <= high


def test_experiments_repeat_and_depend_on_the_seed():
    first, again, other = (denoisers.EXPERIMENTS["identities"]("smoke", seed, "cpu").claims for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_no_two_experiments_measure_the_same(records):
    check_names_apart(records)


@pytest.mark.parametrize("id", list(denoisers.FIGURES))
def test_figures_draw_from_their_records(id, records):
    plot = denoisers.FIGURES[id]
    figure = plot.draw(records[plot.experiment])
    assert figure.axes


@pytest.mark.parametrize("id", list(denoisers.FILMS))
def test_films_draw_a_frame_for_each_level(id, records):
    film = denoisers.FILMS[id]
    labels = [label for label, _ in film.frames(records[film.experiment])]
    assert labels == [f"σ = {sigma:.2f}" for sigma in records["flow"]["sigmas"]]


def test_the_film_shows_the_exact_flow_over_its_density():
    record = pictures.flow("quick", 0, "cpu")
    gaussian = two_lines().gaussian()
    start, end = (torch.from_numpy(record["path-gaussian"][i]).double() for i in (0, -1))
    torch.testing.assert_close(end, gaussian_flow(gaussian, start, *pictures.FLOW_SIGMAS), rtol=0, atol=4e-3)
    for name in ("gaussian", "lines", "points"):
        # The density under a point is int p^2 on average; its standard error here is 0.022 of the largest p.
        shade = torch.from_numpy(record[f"density-{name}"]).double().square()
        expected = shade.square().sum((1, 2)) / shade.sum((1, 2)) / 255**2
        size = shade.shape[1]
        for frame in (8, 16):
            place = (torch.from_numpy(record[f"path-{name}"][frame]).double() / pictures.FLOW_HALF_WIDTH + 1) / 2
            column, row = (place * (size - 1)).round().long().clamp(0, size - 1).unbind(1)
            found = shade[frame, row, column].mean() / 255**2
            assert abs(float(found - expected[frame])) < 0.07


def test_refused_arguments():
    with pytest.raises(ValueError, match="profile: 'fast' is unknown"):
        denoisers.EXPERIMENTS["fields"]("fast", 0, "cpu")
    with pytest.raises(ValueError, match="device"):
        denoisers.EXPERIMENTS["fields"]("smoke", 0, "abacus")


def test_importance_covariance_is_right_for_a_gaussian(generator):
    # Known without Tweedie: the posterior of a Gaussian has covariance S - S (S + s^2)^-1 S.
    gaussian = eight_dimensions(0)["Gaussian"]
    x = add_noise(gaussian.sample(1, generator), 1.5, generator)[0]
    covariance, error = identities.importance_covariance(gaussian, x, 1.5, 50_000, generator)
    prior = gaussian.covariance()
    exact = prior - prior @ torch.linalg.solve(prior + 1.5**2 * torch.eye(8, dtype=prior.dtype), prior)
    assert float(((covariance - exact).abs() / error).max()) < 5
    assert float((covariance - 1.1 * exact).abs().max() / error.max()) > 5


def test_shape_check_sees_a_skew_part_and_a_negative_eigenvalue():
    good = torch.eye(3, dtype=torch.float64)[None]
    skew = torch.tensor([[0.0, 1, 0], [-1, 0, 0], [0, 0, 0]], dtype=torch.float64)
    assert identities.asymmetry_or_negative_part(good) == 0
    assert identities.asymmetry_or_negative_part(good + 1e-3 * skew) == pytest.approx(2e-3)
    assert identities.asymmetry_or_negative_part(good - torch.diag(torch.tensor([0.0, 0.0, 1.01]))) > 0.009


def test_grid_posterior_mean_of_one_line():
    # y = 2 a + 0.5 n with a standard normal along (1, 0): E[a | y] = 2 y / (4 + 0.25).
    line = MoLRG([torch.tensor([[1.0], [0.0]], dtype=torch.float64)])
    operator, y = torch.tensor([[2.0, 7.0]], dtype=torch.float64), torch.tensor([1.3], dtype=torch.float64)
    mean = sets.grid_posterior_mean(line, y, operator, 0.5)
    torch.testing.assert_close(mean, torch.tensor([2 * 1.3 / 4.25, 0.0], dtype=torch.float64))


def test_copies_are_counted():
    points = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    samples = torch.tensor([[0.0, 5e-4], [1.0, 1.1]])
    assert sets.copied_share(samples, points) == 0.5
    torch.testing.assert_close(sets.nearest_of(samples, points), points)


def test_round_trips_notice_a_wrong_clock(generator, monkeypatch):
    mixture = eight_dimensions(0)["mixture"]
    x = add_noise(mixture.sample(4, generator), 2.0, generator)
    denoised = mixture(x, 2.0)
    assert max(paths.relative_rms(back, denoised) for back in paths.round_trips(x, denoised, 2.0)) < 1e-13
    monkeypatch.setattr(paths.to, "flow_time_to_sigma", lambda t: 1 / t)
    assert max(paths.relative_rms(back, denoised) for back in paths.round_trips(x, denoised, 2.0)) > 0.01


def test_geometric_grid_has_equal_ratios_and_keeps_its_ends():
    grid = paths.geometric_grid(10, 20.0, 0.02)
    assert len(grid) == 11
    torch.testing.assert_close(grid[[0, -1]], torch.tensor([20.0, 0.02], dtype=torch.float64))
    ratios = grid[1:] / grid[:-1]
    torch.testing.assert_close(ratios, ratios[:1].expand(10))


def test_corrected_inversion_returns_to_the_start(generator):
    mixture = eight_dimensions(0)["mixture"]
    x0 = add_noise(mixture.sample(16, generator), paths.SIGMA_MIN, generator)
    assert paths.round_trip(mixture, x0, 32, "current") > 0.01
    assert paths.round_trip(mixture, x0, 32, "current", corrections=25) < 1e-8


def test_learning_starts_above_the_floor_and_falls(records):
    record = records["learning"]
    assert record["losses"][:5].mean() > 1.15 * record["floor"]
    assert np.all(np.diff(record["distance"].sum(1)) < 0)
    assert list(record["snapshots"])[-1] == denoisers.PROFILES["smoke"].training_steps


def test_asymmetry_of_exact_and_rotated_denoisers(generator):
    lines = two_lines()
    x = add_noise(lines.sample(20, generator), 0.4, generator)
    assert learning.asymmetry(lines, x, 0.4) < 1e-12
    turn = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    assert learning.asymmetry(lambda z, sigma: lines(z, sigma) + 0.1 * z @ turn, x, 0.4) > 0.05


def test_plane_models_share_their_moments():
    models = pictures.plane_models(0, "cpu")
    torch.testing.assert_close(models["gaussian"].covariance(), models["lines"].covariance())
    assert models["points"].points.shape == (16, 2)


def test_orthonormal_columns(generator):
    basis = orthonormal(8, 3, generator)
    torch.testing.assert_close(basis.T @ basis, torch.eye(3, dtype=torch.float64))


def test_standard_error_of_a_variance_under_equal_weights(generator):
    # At very high noise all draws weigh the same: the error of a Gaussian's sample variance is variance * sqrt(2 / N).
    line = MoLRG([torch.ones(1, 1, dtype=torch.float64)], [torch.tensor([4.0], dtype=torch.float64)])
    x = torch.zeros(1, dtype=torch.float64)
    covariance, error = identities.importance_covariance(line, x, 1e4, 50_000, generator)
    assert float(error) == pytest.approx(4 * (2 / 50_000) ** 0.5, rel=0.05)
    assert abs(float(covariance) - 4) < 5 * float(error)
