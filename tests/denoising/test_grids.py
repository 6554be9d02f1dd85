from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lowdim.compat import import_diffusers
from lowdim.denoising.conversions import sigma_to_alpha_bar
from lowdim.denoising.grids import check_sigmas, edm_sigmas, log_sigmas, vp_sigmas

GRIDS = [edm_sigmas, log_sigmas, vp_sigmas]


@pytest.mark.parametrize("grid", GRIDS)
@settings(deadline=None)
@given(steps=st.integers(1, 300))
def test_grids_descend_to_zero(grid: Callable, steps: int) -> None:
    sigmas = grid(steps)
    assert sigmas.dtype == torch.float64
    assert sigmas.shape == (steps + 1,)
    assert float(sigmas[-1]) == 0
    assert torch.equal(check_sigmas(sigmas), sigmas)


def test_edm_grid_is_that_of_diffusers() -> None:
    scheduler = import_diffusers().EDMEulerScheduler(sigma_min=0.01, sigma_max=50.0, rho=5.0)
    scheduler.set_timesteps(18)
    # diffusers stores its grid in float32.
    torch.testing.assert_close(edm_sigmas(18, 0.01, 50.0, 5.0), scheduler.sigmas.double(), rtol=1e-6, atol=0)


@pytest.mark.parametrize("steps", [1, 7, 50, 1000])
def test_vp_grid_is_that_of_ddim(steps: int) -> None:
    scheduler = import_diffusers().DDIMScheduler()
    scheduler.set_timesteps(steps)
    want = scheduler.alphas_cumprod[scheduler.timesteps].double()
    # diffusers multiplies up to a thousand factors in float32.
    torch.testing.assert_close(sigma_to_alpha_bar(vp_sigmas(steps)[:-1]), want, rtol=1e-4, atol=0)


def test_vp_grid_may_start_at_an_earlier_timestep() -> None:
    every = vp_sigmas(1000)
    # Timesteps 600, 500, ..., 0: the grid of all timesteps, counted from its last positive level.
    assert torch.equal(vp_sigmas(7, last=700)[:-1], every[:-1].flip(0)[torch.arange(600, -1, -100)])


def test_log_grid_has_equal_ratios_and_its_ends() -> None:
    sigmas = log_sigmas(9, 0.01, 100.0)
    torch.testing.assert_close(sigmas[1:-1] / sigmas[:-2], torch.full((8,), 10**-0.5, dtype=torch.float64))
    torch.testing.assert_close(sigmas[[0, -2]], torch.tensor([100.0, 0.01], dtype=torch.float64))


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("steps", [0, -1, 2.0, True])
def test_bad_numbers_of_steps_are_refused(grid: Callable, steps: object) -> None:
    with pytest.raises(ValueError, match="steps"):
        grid(steps)


@pytest.mark.parametrize("grid", [edm_sigmas, log_sigmas])
@pytest.mark.parametrize("ends", [(0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (0.1, float("inf")), (float("nan"), 1.0)])
def test_bad_ends_are_refused(grid: Callable, ends: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="sigma_min"):
        grid(5, *ends)


def test_other_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="rho"):
        edm_sigmas(5, rho=0.0)
    with pytest.raises(ValueError, match="last"):
        vp_sigmas(5, last=1001)
    with pytest.raises(ValueError, match="steps"):
        vp_sigmas(1001)


@pytest.mark.parametrize(
    "sigmas", [[1.0], [1.0, 1.0], [0.5, 1.0], [1.0, -0.1], [float("inf"), 1.0], [1.0, float("nan")], [[1.0, 0.5]]]
)
def test_bad_grids_are_refused(sigmas: list) -> None:
    with pytest.raises(ValueError, match="sigmas"):
        check_sigmas(sigmas)


def test_a_grid_may_end_above_zero() -> None:
    assert check_sigmas([2.0, 1.0]).tolist() == [2.0, 1.0]
