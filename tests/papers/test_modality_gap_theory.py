"""Chapter 04's closed forms, flows, temperatures, gap and swapping, against numbers and code that share nothing."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch.nn.functional import normalize

from lowdim.papers.modality_gap.flow import caps, feature_flow, feature_speed, scalar_flow
from lowdim.papers.modality_gap.gap import (
    diagnose,
    margins,
    mean_shift,
    modality_gap,
    parallel_modalities,
    pressure,
    sampling_floor,
)
from lowdim.papers.modality_gap.swap import Swap, hard_weights, row_weights, soft_weights
from lowdim.papers.modality_gap.temperature import (
    Exponential,
    Fixed,
    Linear,
    Scheduled,
    Softplus,
    alternating_schedule,
    linear_schedule,
    optimiser_groups,
)
from lowdim.papers.modality_gap.theory import (
    asymptotic_gap,
    best_fixed_scale,
    gap_by_quadrature,
    gap_lower_bound,
    matched_pressure,
    printed_lower_bound,
    random_pairs_bound,
    resultant_length,
    scale_on_curve,
    schedule_rate,
)
from lowdim.seeding import make_generator
from lowdim.training.contrastive import contrastive_loss

RULES = [Exponential(0.3), Exponential(0.3, s=2.0), Exponential(0.3, rate=0.1), Softplus(0.3), Linear(0.3)]


def times(*values):
    return torch.tensor(values, dtype=torch.float64)


def features(n, d, *names):
    return normalize(torch.randn(2, n, d, generator=make_generator(0, "test", *names), dtype=torch.float64), dim=-1)


# Temperatures


@pytest.mark.parametrize("rule", RULES)
def test_rules_start_where_asked_and_slope_and_psi_are_derivatives(rule):
    rule = rule.double()
    assert float(rule().detach()) == pytest.approx(1 / 0.3, rel=1e-6)
    nu = rule.nu.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(rule.beta(nu), nu)
    torch.testing.assert_close(rule.slope(nu.detach()), slope)
    torch.testing.assert_close(rule.nu_of(rule.beta(nu.detach())), nu.detach())
    beta, h = rule().detach(), 1e-5
    numeric = (rule.psi(beta + h) - rule.psi(beta - h)) / (2 * h)
    assert float(numeric) == pytest.approx(float(beta / slope**2), rel=1e-6)


def test_schedules():
    rule = Scheduled(linear_schedule(0.01, 0.05))
    for progress, tau in ((0.0, 0.01), (0.5, 0.03), (1.0, 0.05)):
        rule.at(progress)
        assert 1 / float(rule()) == pytest.approx(tau)
    assert not [p for p in rule.parameters() if p.requires_grad]
    wave = alternating_schedule(0.01, 0.04, 2)
    assert [round(wave(p), 9) for p in (0, 0.25, 0.5, 0.75, 1)] == [0.01, 0.04, 0.01, 0.04, 0.01]


def test_largest_scale_and_learning_rate():
    rule = Exponential(0.02, largest=100.0, rate=0.1, copies=3)
    with torch.no_grad():
        rule.nu.fill_(9.0)
    rule.project()
    torch.testing.assert_close(rule(), torch.full((3,), 100.0))
    towers, own = optimiser_groups([torch.nn.Parameter(torch.ones(2))], rule, 1e-3)
    assert (towers["lr"], own["lr"]) == (1e-3, pytest.approx(1e-4))
    assert len(optimiser_groups([], Fixed(0.1), 1e-3)) == 1


@pytest.mark.parametrize("tau", [0, -0.1, math.nan, math.inf, "warm", 1e-9])
def test_temperatures_that_are_none_are_refused(tau):
    for rule in (Exponential, Softplus, Linear, Fixed):
        with pytest.raises(ValueError, match="tau"):
            rule(tau)


def test_other_bad_arguments_of_rules():
    with pytest.raises(ValueError, match="s: 0"):
        Exponential(0.1, s=0)
    with pytest.raises(ValueError, match="rate"):
        Exponential(0.1, rate=-1.0)
    with pytest.raises(ValueError, match="largest"):
        Exponential(0.1, largest=5.0)
    with pytest.raises(ValueError, match=r"schedule\(0\): 0.0 is not allowed"):
        Scheduled(lambda progress: progress)
    for name, make in (
        ("start", lambda: linear_schedule(-0.01, 0.05)),
        ("end", lambda: linear_schedule(0.05, 0.0)),
        ("low", lambda: alternating_schedule(0.0, 0.04, 2)),
        ("high", lambda: alternating_schedule(0.01, math.nan, 2)),
        ("periods", lambda: alternating_schedule(0.01, 0.04, 0)),
    ):
        with pytest.raises(ValueError, match=f"{name}: "):
            make()
    with pytest.raises(ValueError, match="progress"):
        Scheduled(linear_schedule(0.01, 0.05)).at(1.5)


# Closed forms and scalar flows


def runge_kutta(gamma, beta, ends, step=0.01, start=1e-5):
    """The scalar model under the exponential rule, by the classical method in log-time."""

    def speed(clock, g, b):
        felt = math.exp(clock - b * (1 - g * g))
        return np.array([-2 * b * g * felt, b * b * (1 - g * g) * felt])

    clock, state, found = math.log(start), np.array([gamma, beta]), []
    for end in map(math.log, ends):
        count = math.ceil((end - clock) / step)
        h = (end - clock) / count
        for _ in range(count):
            first = speed(clock, *state)
            second = speed(clock + h / 2, *(state + h / 2 * first))
            third = speed(clock + h / 2, *(state + h / 2 * second))
            fourth = speed(clock + h, *(state + h * third))
            state = state + h / 6 * (first + 2 * second + 2 * third + fourth)
            clock += h
        found.append(state[0])
    return found


def test_exponential_rule_agrees_with_runge_kutta():
    at = times(10, 1e2, 1e3, 1e4, 1e6)
    expected = runge_kutta(0.5, 2.0, at.tolist())
    rule = Exponential(0.5).double()
    np.testing.assert_allclose(scalar_flow(rule, 0.5, at).gamma, expected, rtol=2e-6)
    np.testing.assert_allclose(gap_by_quadrature(rule, 2.0, 0.5, at), expected, rtol=2e-6)
    ratio = scalar_flow(rule, 0.5, at).gamma / asymptotic_gap(rule, 2.0, 0.5, at)
    np.testing.assert_allclose(ratio, [0.196, 0.288, 0.355, 0.411, 0.494], atol=1e-3)


@pytest.mark.parametrize("rule", [Softplus(0.5), Linear(0.5), Exponential(0.5, s=2.0)])
def test_flow_agrees_with_the_curve_and_its_integral(rule):
    at = times(0.5, 20, 300)
    rule = rule.double()
    flow = scalar_flow(rule, 0.5, at)
    torch.testing.assert_close(scale_on_curve(rule, 2.0, 0.5, flow.gamma), flow.beta, rtol=1e-6, atol=0)
    torch.testing.assert_close(gap_by_quadrature(rule, 2.0, 0.5, at), flow.gamma, rtol=1e-5, atol=0)


def test_matched_pairs_at_known_times():
    beta0 = math.log(28) / (0.5 * (1 - 0.3**2))
    at = times(1, 1e2, 1e4, 1e6, 1e8)
    gamma = scalar_flow(Exponential(1 / beta0).double(), 0.3, at, matched_pressure(8, 0.5)).gamma
    np.testing.assert_allclose(gamma, [0.1402, 0.0309, 0.0139, 0.0081, 0.0053], atol=6e-5)
    limit = gap_lower_bound(8, 0.5, beta0, 0.3, at)
    np.testing.assert_allclose(limit, [0.0549, 0.0205, 0.0106, 0.0064, 0.0043], atol=6e-5)
    assert bool((printed_lower_bound(8, 0.5, beta0, 0.3, at) != limit).all())


def test_matched_pressure_is_that_of_matched_pairs():
    """Five pairs on a simplex: all cosines of other pairs are -1/4, so all margins are 5/4."""
    corners = normalize(torch.eye(5, dtype=torch.float64) - 0.2, dim=-1)
    scale = times(3.0)[0]
    expected = matched_pressure(5, 1.25)(scale).exp()
    torch.testing.assert_close(pressure(corners @ corners.T, scale), expected)


@pytest.mark.parametrize(("d", "a"), [(3, 5.0), (16, 13.0), (256, 9.14)])
def test_resultant_length_is_the_mean_cosine(d, a):
    def weight(z):
        return math.exp(a * (z - 1)) * (1 - z * z) ** ((d - 3) / 2)

    mean = quad(lambda z: z * weight(z), -1, 1)[0] / quad(weight, -1, 1)[0]
    assert resultant_length(d, a) == pytest.approx(mean, rel=1e-6)


def test_resultant_length_where_bessel_functions_underflow():
    assert resultant_length(256, 0.3) == pytest.approx(0.3 / 256, rel=1e-4)
    assert resultant_length(3, 2.0) == pytest.approx(1 / math.tanh(2) - 0.5)


def test_random_pairs_bound_tends_to_its_limit():
    assert random_pairs_bound(16, 1.0, 1e14, 0.05) == pytest.approx(resultant_length(16, 1.0), rel=1e-3)
    assert random_pairs_bound(64, 1.0, 1e6, 0.05) < 0 < random_pairs_bound(64, 1.0, 1e7, 0.05)


def test_best_fixed_scale_and_schedule_rate():
    np.testing.assert_allclose([best_fixed_scale(n) for n in (2, 8, 128, 1024)], [1.28, 1.97, 3.81, 5.44], atol=6e-3)
    assert best_fixed_scale(8, 0.5) == pytest.approx(2 * best_fixed_scale(8))
    mean = quad(lambda b: 2 * b * math.exp(-b), 1, 4)[0] / 3
    assert schedule_rate(1, 4) == pytest.approx(mean)


def test_bounds_refuse_what_the_theorem_does_not_allow():
    with pytest.raises(ValueError, match="at least"):
        gap_lower_bound(8, 0.5, 1.0, 0.3, times(1.0))
    with pytest.raises(ValueError, match=r"0\.1"):
        gap_lower_bound(2, 1.0, 1.4, 0.001, times(1.0))
    with pytest.raises(ValueError, match="margin"):
        matched_pressure(8, 0.0)
    with pytest.raises(ValueError, match="gamma0"):
        scalar_flow(Exponential(0.5).double(), 1.0, times(1.0))
    with pytest.raises(ValueError, match="times"):
        scalar_flow(Exponential(0.5).double(), 0.5, times(2.0, 1.0))


# Features


def test_feature_speed_is_minus_the_gradient_on_the_sphere():
    u, v = (x.requires_grad_() for x in features(7, 4, "speed"))
    beta, gamma = times(5.0)[0], times(0.4)[0]
    loss = contrastive_loss(beta * (1 - gamma**2) * normalize(u, dim=-1) @ normalize(v, dim=-1).T)
    exact = torch.autograd.grad(loss, (u, v))
    du, dv, g = feature_speed(u.detach(), v.detach(), beta, gamma)
    torch.testing.assert_close(du, -exact[0])
    torch.testing.assert_close(dv, -exact[1])
    torch.testing.assert_close(g, pressure((u @ v.T).detach(), beta * (1 - gamma**2)))


def test_feature_flow_agrees_with_small_steps():
    u, v = caps(4, 3, 0.5, make_generator(0, "test", "caps"))
    flow = feature_flow(u, v, Exponential(0.2).double(), times(0.0, 0.5), gamma0=0.3)
    rule, h = Exponential(0.2).double(), 1e-3
    x, y, gamma, nu = u, v, times(0.3)[0], rule.nu.detach()
    for _ in range(500):
        beta = rule.beta(nu)
        dx, dy, g = feature_speed(x, y, beta, gamma)
        x, y = normalize(x + h * dx, dim=-1), normalize(y + h * dy, dim=-1)
        nu, gamma = nu + h * rule.slope(nu) * (1 - gamma**2) * g, gamma - h * 2 * beta * gamma * g
    torch.testing.assert_close(flow.u[-1], x, rtol=0, atol=2e-3)
    assert float(flow.gamma[-1]) == pytest.approx(float(gamma), rel=5e-3)
    assert float(flow.beta[-1]) == pytest.approx(float(rule.beta(nu)), rel=5e-3)


def test_starts_that_flow_side_by_side_flow_as_each_alone():
    starts = [caps(4, 3, 0.5, make_generator(0, "test", "caps", i)) for i in range(3)]
    u, v = (torch.stack(x) for x in zip(*starts, strict=True))
    rule, at = Exponential(0.2).double(), times(0.0, 0.1, 10.0, 1e4)
    together = feature_flow(u, v, rule, at, gamma0=0.3)
    assert together.u.shape == (4, 3, 4, 3)
    assert together.gamma.shape == together.beta.shape == (4, 3)
    for i, start in enumerate(starts):
        alone = feature_flow(*start, rule, at, gamma0=0.3)
        for name in ("u", "v", "gamma", "beta"):
            side, one = getattr(together, name)[:, i], getattr(alone, name)
            torch.testing.assert_close(side, one, rtol=1e-5, atol=1e-5)


# Gap


def test_gap_of_parallel_modalities_that_agree_is_twice_gamma():
    u, _ = features(9, 3, "gap")
    x, y = parallel_modalities(u, u, 0.25)
    assert float(modality_gap(x, y)) == pytest.approx(0.5)
    torch.testing.assert_close(torch.linalg.vector_norm(x, dim=-1), torch.ones(9, dtype=torch.float64))


def test_margins_by_hand():
    cosines = times(0.9, 0.2, 0.1, 0.3, 0.4, 0.6, 0.0, 0.1, 0.5).view(3, 3)
    torch.testing.assert_close(margins(cosines), times(0.6, -0.2, -0.1))


def test_sampling_floor_is_the_gap_of_noise():
    generator = make_generator(0, "test", "floor")
    shared, *noise = torch.randn(3, 200, 400, 16, generator=generator, dtype=torch.float64)
    u, v = (normalize(shared + 0.3 * e, dim=-1) for e in noise)
    measured = modality_gap(u, v).square().mean().sqrt()
    assert float(measured) == pytest.approx(sampling_floor(u[0], v[0]), rel=0.05)


def test_mean_shift_closes_a_gap_and_keeps_ranks():
    u, v = features(60, 8, "shift")
    x, y = parallel_modalities(u, normalize(u + 0.3 * v, dim=-1), 0.8)
    before = diagnose(x, y, 10.0)
    after = diagnose(*mean_shift(x, y), 10.0)
    assert before.gap > 1.5
    assert after.gap < 0.1
    assert after.recall >= before.recall - 0.02
    assert before.invariant == pytest.approx(10 * math.sqrt(before.gap / 2) * math.exp(-(before.gap**2) / 16))


def test_diagnosis_of_perfect_and_of_shuffled_pairs():
    u, _ = features(30, 8, "diagnosis")
    perfect, shuffled = diagnose(u, u, 5.0), diagnose(u, u.roll(1, 0), 5.0)
    assert (perfect.gap, perfect.matched, perfect.recall) == (0, 1, 1)
    assert perfect.pressure > 0 > shuffled.pressure
    assert (shuffled.matched, shuffled.recall) == (0, 0)
    assert diagnose(u, u.roll(1, 0), 5.0, right=torch.ones(30, 30, dtype=torch.bool)).recall == 1


@pytest.mark.parametrize(
    ("u", "v", "scale", "words"),
    [
        (torch.ones(0, 3), torch.ones(0, 3), 1.0, "n >= 2"),
        (torch.ones(3, 3), torch.ones(2, 3), 1.0, "as many of each"),
        (torch.ones(3, 3), torch.ones(3, 2), 1.0, "one dimension"),
        (torch.full((3, 3), math.nan), torch.ones(3, 3), 1.0, "NaN"),
        (torch.ones(3, 3), torch.ones(3, 3), 0.0, "scale"),
        (torch.ones(3, 3), torch.ones(3, 3), -2.0, "scale"),
    ],
)
def test_bad_embeddings_are_refused(u, v, scale, words):
    with pytest.raises(ValueError, match=words):
        diagnose(u, v, scale)


def test_bad_arguments_of_gap_and_pressure_are_refused():
    u = torch.ones(3, 4)
    with pytest.raises(
        ValueError, match=r"u, v: shapes \(3, 4\), \(3, 1\) are not allowed; give both of one dimension"
    ):
        modality_gap(u, u[:, :1])
    with pytest.raises(ValueError, match=r"v: 12 of 12 entries are NaN"):
        modality_gap(u, u * math.nan)
    with pytest.raises(ValueError, match=r"u: shape \(0, 4\)"):
        modality_gap(u[:0], u)
    assert float(modality_gap(u, u[:2])) == 0  # as many of each is not needed
    with pytest.raises(ValueError, match=r"cosines: shape \(3, 4\) is not allowed; give \(..., n, n\)"):
        pressure(u, 1.0)
    for scale in (-2.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=r"scale: .* is not allowed; give finite numbers >= 0"):
            pressure(u[:, :3], scale)


def test_gap_parameter_outside_its_range_is_refused():
    with pytest.raises(ValueError, match="gamma"):
        parallel_modalities(*features(3, 2, "range"), 1.2)


# Swapping


def test_swapping_keeps_the_sum_and_draws_what_it_says():
    u, v = torch.randn(2, 4, 300, 6, generator=make_generator(0, "test", "swap"))
    for weights in (hard_weights, soft_weights, row_weights):
        x, y = Swap(weights, 1.0)(u, v, make_generator(1, "test"))
        torch.testing.assert_close(x + y, u + v)
        share = (x - v) / (u - v)
        assert float(share.mean()) == pytest.approx(0.5, abs=0.05)
        if weights is not soft_weights:
            assert bool(torch.isclose(x, u).logical_or(torch.isclose(x, v)).all())
        same = torch.isclose(share, share[..., :1], atol=1e-3).all(-1)
        assert bool(same.all()) == (weights is row_weights)


def test_a_share_of_the_steps_swaps():
    u, v = torch.zeros(1, 2, 2), torch.ones(1, 2, 2)
    generator = make_generator(0, "test", "share")
    swapped = [bool((Swap(soft_weights, 0.2)(u, v, generator)[0] != 0).any()) for _ in range(1000)]
    assert sum(swapped) / 1000 == pytest.approx(0.2, abs=0.04)
    assert torch.equal(Swap(hard_weights, 0.0)(u, v, generator)[0], u)


@pytest.mark.parametrize("probability", [-0.1, 1.1, math.nan])
def test_probabilities_outside_their_range_are_refused(probability):
    with pytest.raises(ValueError, match="probability"):
        Swap(hard_weights, probability)
