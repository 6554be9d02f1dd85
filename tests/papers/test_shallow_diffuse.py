"""Chapter 06's experiments, figures, film and settings, all in the smoke profile."""

import numpy as np
import pytest
import torch

from lowdim.companion.claims import load_claims
from lowdim.denoising.grids import vp_sigmas
from lowdim.distributions.stationary import StationaryGaussian
from lowdim.papers.shallow_diffuse import EXPERIMENTS, FIGURES, FILMS, PROFILES, spectral, world
from lowdim.papers.shallow_diffuse.exact import GAUSSIAN_SIZE, gaussian_key
from lowdim.papers.shallow_diffuse.watermark import ShallowDiffuse, coefficients
from lowdim.seeding import make_generator
from papers.contract import (
    check_figures,
    check_names_apart,
    check_profiles_grow,
    check_seed_decides,
    check_unknown_refused,
)

CLAIMS = load_claims("06")
EVERY_ATTACK = ("06-S8", "06-S15a", "06-S15c", "06-S18c")  # of the study, which tries all of them


@pytest.fixture(scope="module")
def records():
    return {name: experiment("smoke", 0, "cpu") for name, experiment in EXPERIMENTS.items()}


def test_every_experiment_measures_its_claims(records):
    for name, record in records.items():
        wanted = {claim.id for claim in CLAIMS if claim.experiment == name} - set(EVERY_ATTACK)
        assert wanted <= record.claims.keys(), name
        assert all(CLAIMS[claim].experiment == name for claim in record.claims)
        assert all(np.isfinite(value) for value in record.claims.values()), name


def test_no_two_experiments_measure_the_same(records):
    check_names_apart(records)


def test_every_figure_draws_and_is_small(records, tmp_path):
    check_figures(FIGURES, records, tmp_path, alt=25, end=(".", "**"))


def test_the_film_has_a_frame_for_each_level(records):
    film = FILMS["level-film"]
    frames = list(film.frames(records[film.experiment]))
    assert len({label for label, _ in frames}) == len(frames) == PROFILES["smoke"].steps
    assert len({tuple(figure.get_size_inches()) for _, figure in frames}) == 1


def test_exact_claims_hold_even_in_smoke(records):
    for id in ("S1a", "S2a", "S2b", "S2c", "S3a", "S3b", "S4a", "S5a", "S5b", "S9c", "S19a", "S19b"):
        claim = CLAIMS[f"06-{id}"]
        value = records[claim.experiment].claims[claim.id]
        low, high = (np.inf * sign if end is None else end for sign, end in zip((-1, 1), claim.holds, strict=True))
        assert low <= value <= high, id


def test_the_short_way_through_fourier_space_is_the_method():
    """The trial coefficient by coefficient gives what the full method gives for the same state."""
    law, grid = StationaryGaussian.power_law(GAUSSIAN_SIZE), vp_sigmas(50)[-4:]
    key = gaussian_key("middle", 0, strength=2.0)
    trial = spectral.Trial(law, key, grid, 3, make_generator(0, "trial"))
    method = ShallowDiffuse(law, key, grid, average=False)
    full = torch.zeros(3, *key.mask.shape, dtype=torch.complex128)
    full[:, key.mask] = trial.clean / trial.down
    state = torch.fft.ifft2(full, norm="ortho").real[:, None]
    found = method.embed_state(state)
    torch.testing.assert_close(coefficients(found.marked, key)[:, 0], trial.marked)
    torch.testing.assert_close(coefficients(found.clean, key)[:, 0], trial.clean)
    read = method.read(found.marked)[:, 0]
    torch.testing.assert_close(read, trial.up * trial.marked / trial.scale)


def test_a_blur_multiplies_coefficients_as_it_does_pictures():
    law, key = StationaryGaussian.power_law(GAUSSIAN_SIZE), gaussian_key("middle", 0)
    trial = spectral.Trial(law, key, vp_sigmas(50)[-4:], 2, make_generator(0, "trial"))
    from lowdim.measurement.attacks import gaussian_blur

    wave = torch.zeros(1, 3, 64, 64)
    wave[:] = torch.cos(2 * torch.pi * 12 * torch.arange(64) / 64)
    levels = ((wave + 1) * 127).round().to(torch.uint8)
    blurred = gaussian_blur(spectral.BLUR)(levels, make_generator(0, "b")).float()[0, 0, 20:44, 20:44]
    ratio = trial.attacked(trial.clean, "blur", make_generator(0, "b")) / trial.clean
    at = (key.mask.nonzero() == torch.tensor([0, 12])).all(1).nonzero()[0, 0]
    assert float(blurred.max() - blurred.min()) / 254 == pytest.approx(float(ratio[0, at].real), abs=0.02)


def test_the_tail_of_the_schedule():
    assert len(world.tail(20, 0.3)) == 7
    assert float(world.tail(20, 0.3)[0]) == pytest.approx(float(vp_sigmas(20)[-7]))
    with pytest.raises(ValueError, match="share"):
        world.tail(5, 0.1)
    with pytest.raises(ValueError, match="is unknown"):
        world.attack_named("gravity", None, 20, 0)


@pytest.mark.parametrize("name", ["gaussian-pictures", "gallery", "robustness"])
def test_the_seed_decides_everything(records, name):
    check_seed_decides(EXPERIMENTS[name], records[name])


def test_unknown_profile_and_device_are_refused():
    check_unknown_refused(EXPERIMENTS.values())


def test_profiles_grow():
    check_profiles_grow(PROFILES)
