from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lowdim.compat import import_diffusers
from lowdim.denoising import conversions as to

EPS = torch.finfo(torch.float64).eps
sigmas = st.floats(-3, 3).map(lambda e: 10.0**e)
fractions = st.floats(1e-6, 1 - 1e-6)


def batch(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Levels


@settings(deadline=None)
@given(sigmas)
def test_sigma_returns_through_alpha_bar_and_flow_time(sigma: float) -> None:
    # Both maps approach 1 for small sigma; rounding of the result there costs eps / sigma^2 and eps / sigma.
    assert to.alpha_bar_to_sigma(to.sigma_to_alpha_bar(sigma)) == pytest.approx(sigma, rel=4 * EPS * (1 + sigma**-2))
    assert to.flow_time_to_sigma(to.sigma_to_flow_time(sigma)) == pytest.approx(sigma, rel=4 * EPS * (1 + 1 / sigma))
    assert to.sigma_from_unit_range(to.sigma_to_unit_range(sigma)) == sigma


@settings(deadline=None)
@given(fractions)
def test_alpha_bar_and_flow_time_return_through_sigma(fraction: float) -> None:
    assert to.sigma_to_alpha_bar(to.alpha_bar_to_sigma(fraction)) == pytest.approx(fraction, rel=1e-12)
    assert to.sigma_to_flow_time(to.flow_time_to_sigma(fraction)) == pytest.approx(fraction, rel=1e-12)


@pytest.mark.parametrize(
    ("alpha_bar", "t", "sigma"), [(0.5, 0.5, 1.0), (0.8, 2 / 3, 0.5), (0.2, 1 / 3, 2.0), (1, 1, 0)]
)
def test_levels_at_known_values(alpha_bar: float, t: float, sigma: float) -> None:
    assert to.alpha_bar_to_sigma(alpha_bar) == pytest.approx(sigma, rel=1e-12)
    assert to.flow_time_to_sigma(t) == pytest.approx(sigma, rel=1e-12)


def test_levels_keep_their_kind() -> None:
    assert isinstance(to.alpha_bar_to_sigma(0.5), float)
    out = to.sigma_to_flow_time(torch.tensor([0.5, 1.0], dtype=torch.float32))
    assert out.dtype == torch.float32
    assert out.shape == (2,)


@pytest.mark.parametrize(
    ("convert", "value"),
    [
        (to.alpha_bar_to_sigma, 0.0),
        (to.alpha_bar_to_sigma, 1.1),
        (to.alpha_bar_to_sigma, torch.tensor([0.5, float("nan")])),
        (to.flow_time_to_sigma, 0.0),
        (to.flow_time_to_sigma, -0.1),
        (to.sigma_to_alpha_bar, -1.0),
        (to.sigma_to_alpha_bar, float("inf")),
        (to.sigma_to_flow_time, float("nan")),
    ],
)
def test_levels_out_of_range_are_refused(convert: Callable, value: float | Tensor) -> None:
    with pytest.raises(ValueError, match="is not allowed"):
        convert(value)


def test_linear_betas_are_those_of_ddpm() -> None:
    diffusers = import_diffusers()
    ours = to.linear_beta_alpha_bars()
    theirs = diffusers.DDPMScheduler().alphas_cumprod.double()
    # diffusers multiplies a thousand factors in float32.
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=0)
    assert to.linear_beta_alpha_bars(3, 0.1, 0.3).tolist() == pytest.approx([0.9, 0.72, 0.504], rel=1e-12)


@pytest.mark.parametrize("arguments", [(0,), (10, 0.0), (10, 0.2, 0.1), (10, 0.1, 1.0)])
def test_impossible_betas_are_refused(arguments: tuple) -> None:
    with pytest.raises(ValueError, match="train_steps"):
        to.linear_beta_alpha_bars(*arguments)


# Points and predictions: with D = x0 known, each prediction must be the quantity that it is named after.


@settings(deadline=None)
@given(st.lists(fractions, min_size=3, max_size=3), st.integers(0, 2**20))
def test_predictions_are_what_their_names_say(levels: list[float], seed: int) -> None:
    x0, n = batch(seed, 3, 2, 2), batch(seed + 1, 3, 2, 2)
    level = torch.tensor(levels, dtype=torch.float64)
    wide = level.reshape(3, 1, 1)
    vp = wide.sqrt() * x0 + (1 - wide).sqrt() * n
    flow = wide * x0 + (1 - wide) * n
    vp_sigma, flow_sigma = to.alpha_bar_to_sigma(level), to.flow_time_to_sigma(level)
    x = to.vp_to_ve(vp, level)

    # x0 is recovered from differences of large terms: errors grow by sigma, at most 1e6 here.
    scale = 1e-12 * float(1 + vp_sigma.max() + flow_sigma.max() + (1 / (1 - level)).max())
    close = {"rtol": 1e-12, "atol": 10 * scale}
    torch.testing.assert_close(x, x0 + vp_sigma.reshape(3, 1, 1) * n, **close)
    torch.testing.assert_close(to.flow_to_ve(flow, level), x0 + flow_sigma.reshape(3, 1, 1) * n, **close)
    torch.testing.assert_close(to.denoiser_to_noise(x0, x, vp_sigma), n, **close)
    torch.testing.assert_close(to.denoiser_to_score(x0, x, vp_sigma) * vp_sigma.reshape(3, 1, 1), -n, **close)
    torch.testing.assert_close(to.denoiser_to_v(x0, vp, level), wide.sqrt() * n - (1 - wide).sqrt() * x0, **close)
    torch.testing.assert_close(to.denoiser_to_velocity(x0, flow, level), x0 - n, **close)


PAIRS: dict[str, tuple[Callable, Callable, Callable[[float], float]]] = {
    "score": (to.denoiser_to_score, to.score_to_denoiser, lambda s: s),
    "noise": (to.denoiser_to_noise, to.noise_to_denoiser, lambda s: s),
    "v": (to.denoiser_to_v, to.v_to_denoiser, to.sigma_to_alpha_bar),
    "velocity": (to.denoiser_to_velocity, to.velocity_to_denoiser, to.sigma_to_flow_time),
}


@pytest.mark.parametrize("name", PAIRS)
@settings(deadline=None)
@given(sigma=st.floats(-2, 2).map(lambda e: 10.0**e), seed=st.integers(0, 2**20))
def test_predictions_return_to_the_denoised_estimate(name: str, sigma: float, seed: int) -> None:
    forth, back, level = PAIRS[name]
    denoised, x = batch(seed, 4, 3), batch(seed + 1, 4, 3)
    again = back(forth(denoised, x, level(sigma)), x, level(sigma))
    # v divides by 1 - alpha_bar = sigma^2 / (1 + sigma^2), whose rounding costs eps / sigma^2 at most.
    torch.testing.assert_close(again, denoised, rtol=0, atol=1e-12 * (1 + 1e-3 / sigma**2))


@settings(deadline=None)
@given(fractions, st.integers(0, 2**20))
def test_points_return(fraction: float, seed: int) -> None:
    x = batch(seed, 3, 4)
    close = {"rtol": 1e-12, "atol": 0}
    torch.testing.assert_close(to.vp_to_ve(to.ve_to_vp(x, fraction), fraction), x, **close)
    torch.testing.assert_close(to.flow_to_ve(to.ve_to_flow(x, fraction), fraction), x, **close)
    torch.testing.assert_close(to.vp_score_to_score(to.score_to_vp_score(x, fraction), fraction), x, **close)
    torch.testing.assert_close(to.from_unit_range(to.to_unit_range(x)), x, rtol=1e-12, atol=1e-15)
    assert to.to_unit_range(torch.tensor([-1.0, 0.0, 1.0])).tolist() == [0.0, 0.5, 1.0]


CONVERSIONS_WITH_LEVEL = [to.ve_to_vp, to.vp_to_ve, to.ve_to_flow, to.flow_to_ve, to.score_to_vp_score]


@pytest.mark.parametrize("convert", CONVERSIONS_WITH_LEVEL)
def test_each_sample_may_have_its_own_level(convert: Callable) -> None:
    x, levels = batch(0, 3, 2, 2), torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)
    together = convert(x, levels)
    apart = torch.cat([convert(x[i : i + 1], float(levels[i])) for i in range(3)])
    assert torch.equal(together, apart)


@pytest.mark.parametrize("level", [0.0, 1.5, torch.full((2,), 0.5), torch.full((3, 1), 0.5)])
@pytest.mark.parametrize("convert", CONVERSIONS_WITH_LEVEL)
def test_bad_levels_for_a_batch_are_refused(convert: Callable, level: float | Tensor) -> None:
    with pytest.raises(ValueError, match=r"(alpha_bar|t): .*not allowed"):
        convert(batch(0, 3, 2), level)


def test_division_by_zero_noise_is_refused() -> None:
    x = batch(0, 2, 2)
    with pytest.raises(ValueError, match="sigma"):
        to.denoiser_to_noise(x, x, 0.0)
    with pytest.raises(ValueError, match="alpha_bar"):
        to.denoiser_to_v(x, x, 1.0)
    with pytest.raises(ValueError, match="t: "):
        to.denoiser_to_velocity(x, x, 1.0)
    assert torch.equal(to.denoiser_to_velocity(x, x, 0.0), torch.zeros_like(x))
