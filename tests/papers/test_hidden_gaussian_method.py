"""Chapter 02's method: distillation, scores, descent, the smoothed family, closed forms."""

import math

import pytest
import torch

from lowdim.denoising.grids import edm_sigmas
from lowdim.denoising.samplers import euler, heun, last
from lowdim.distributions import Empirical, Gaussian, MoLRG
from lowdim.papers.hidden_gaussian.descent import fit_by_adam, problem
from lowdim.papers.hidden_gaussian.distil import Moments, distil, gaussian_map, weight_error
from lowdim.papers.hidden_gaussian.nets import Member, sample_from, sample_together, train_members
from lowdim.papers.hidden_gaussian.scores import centred_cosine, gl_score, in_blocks, linearity_score, nmse, rmse
from lowdim.papers.hidden_gaussian.smoothed import Smoothed
from lowdim.papers.hidden_gaussian.theory import (
    active_modes,
    affine_risk,
    euler_gains,
    gaussian_flow,
    moment_cosine,
    nearest_risk,
    offset_defect,
    skewness,
)
from lowdim.seeding import make_generator


@pytest.fixture
def generator():
    return make_generator(0, "test", "hidden-gaussian")


@pytest.fixture
def points(generator):
    """Skewed points with a large mean, in six dimensions, as images of 2 x 3."""
    raw = torch.randn(40, 6, generator=generator, dtype=torch.float64).exp()
    return (raw * torch.tensor([2.0, 1.0, 1.0, 0.5, 0.5, 0.1]) + 3.0).reshape(40, 1, 2, 3)


def test_a_fit_does_not_depend_on_the_size_of_its_batches(points):
    """Batches that hold the set several times, once, and in parts (of blocks of 16 numbers, as the generator draws)."""
    exact = Empirical(points)
    images = torch.cat([points, points])  # 80 x 6 = 30 x 16
    fits = [distil(exact, images, 0.7, make_generator(1, "test"), noises=5, batch=batch) for batch in (240, 80, 8)]
    for fit in fits[1:]:
        torch.testing.assert_close(fit.W, fits[0].W, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(fit.b, fits[0].b, rtol=1e-9, atol=1e-9)


def test_blocks_change_nothing(points):
    exact = Empirical(points)
    torch.testing.assert_close(in_blocks(exact, points + 0.1, 0.7, rows=7), exact(points + 0.1, 0.7))


def test_distilling_an_affine_denoiser_returns_it(points, generator):
    law = Gaussian.from_samples(points)
    other = torch.randn(200, 1, 2, 3, generator=generator, dtype=torch.float64)
    found = distil(law, other, 0.7, generator, inputs="anything")  # whatever the inputs
    assert weight_error(found, gaussian_map(points, 0.7)) < 1e-20
    assert found.unexplained < 1e-12
    assert found.inputs == "anything"
    x = torch.randn(5, 1, 2, 3, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(found(x, 0.7), law(x, 0.7))
    with pytest.raises(ValueError, match="made for 0.7"):
        found(x, 0.8)


def test_moments_are_least_squares(generator):
    y = torch.randn(50, 4, generator=generator, dtype=torch.float64) + 5
    t = torch.randn(50, 3, generator=generator, dtype=torch.float64)
    t = torch.cat([t, y[:, :1].square()], 1)
    moments = Moments(torch.full((4,), 4.0))
    for rows in range(0, 50, 7):
        moments.add(y[rows : rows + 7], t[rows : rows + 7])
    found = moments.solve(1.0, "")
    design = torch.cat([y, torch.ones(50, 1, dtype=torch.float64)], 1)
    direct = torch.linalg.lstsq(design, t).solution
    torch.testing.assert_close(torch.cat([found.W.T, found.b[None]]), direct)
    residual = (t - design @ direct).square().sum() / (t - t.mean(0)).square().sum()
    assert found.unexplained == pytest.approx(float(residual), rel=1e-9)


def test_exact_denoisers_distil_to_the_gaussian_on_their_own_law_alone(points, generator):
    few = points[:10]
    exact, target = Empirical(few), gaussian_map(few, 0.8)
    own = distil(exact, few, 0.8, generator, noises=6000)
    off = distil(exact, points[10:], 0.8, generator, noises=2000)
    assert weight_error(own, target) < 0.005
    assert weight_error(off, target) > 0.02
    assert own.unexplained > 0.02  # although the denoiser is not affine


def test_too_few_pairs_are_refused(points, generator):
    with pytest.raises(ValueError, match="images: 6 noisy images"):
        distil(Empirical(points), points[:6], 1.0, generator)
    with pytest.raises(ValueError, match="noises"):
        distil(Empirical(points), points, 1.0, generator, noises=0)


@pytest.mark.parametrize("sigma", [0.0, -0.5, math.nan, math.inf])
def test_noise_levels_that_no_map_has_are_refused(points, generator, sigma):
    with pytest.raises(ValueError, match=f"sigma: {sigma} is not allowed"):
        gaussian_map(points, sigma)
    with pytest.raises(ValueError, match=f"sigma: {sigma} is not allowed"):
        distil(Gaussian.from_samples(points), points, sigma, generator)


def test_results_that_are_no_images_are_refused(points, generator):
    with pytest.raises(ValueError, match=r"denoiser: it returned shape \(40, 1\) for \(40, 1, 2, 3\)"):
        distil(lambda y, sigma: y.flatten(1).mean(1, keepdim=True), points, 0.5, generator)
    with pytest.raises(ValueError, match="denoiser: it returned NaN or infinity at sigma = 0.5"):
        distil(lambda y, sigma: y.where(y > y.min(), math.nan), points, 0.5, generator)


def test_gaussian_map_is_the_posterior_mean(points):
    law = MoLRG.random(6, (2, 2), make_generator(1, "test")).gaussian()
    x = torch.randn(7, 6, dtype=torch.float64, generator=make_generator(2, "test"))
    torch.testing.assert_close(gaussian_map(law, 0.4)(x, 0.4), law(x, 0.4))
    torch.testing.assert_close(gaussian_map(points, 0.4)(points, 0.4), Gaussian.from_samples(points)(points, 0.4))


def test_descent_has_the_stated_rates_limit_and_minimum(points, generator):
    task = problem(points, 0.5)
    best, closed = task.solve(), gaussian_map(points, 0.5)
    torch.testing.assert_close(best.W, closed.W)
    torch.testing.assert_close(best.b, closed.b)
    gradient = 2 * (torch.cat([best.W, best.b[:, None]], 1) @ task.H - task.target)
    assert float(gradient.abs().max()) < 1e-9
    centred = problem(points - points.mean(0), 0.5)
    law, rate = Gaussian.from_samples(points), 0.3 * centred.largest_rate
    error = [law.basis.T @ (both[:, :-1] - centred.solve().W) @ law.basis for both in centred.descend(rate, 3)]
    measured = (error[3].diagonal() / error[2].diagonal()).double()
    torch.testing.assert_close(measured, 1 - 2 * rate * (law.eigenvalues + 0.25))
    sizes = [float(both.norm()) for both in task.descend(1.02 * task.largest_rate, 3000)]
    assert sizes[-1] > 1e3 * sizes[10]
    with pytest.raises(ValueError, match="rate"):
        next(task.descend(-1.0, 3))


def test_adam_finds_the_gaussian_denoiser(generator):
    images = torch.randn(500, 3, generator=generator) @ torch.diag(torch.tensor([1.0, 0.5, 0.2])) + 0.3
    found = fit_by_adam(images, 0.5, 1500, generator)
    assert weight_error(found, gaussian_map(images, 0.5)) < 0.02


def test_linearity_score_of_affine_maps(points, generator):
    law = Gaussian.from_samples(points)
    centred = linearity_score(law, points, 0.6, generator, centre=law.mean())
    assert centred.cosine == pytest.approx(1.0, abs=1e-9)
    assert centred.nmse < 1e-9
    raw = linearity_score(law, points, 200.0, generator, pairs=300)
    assert raw.nmse == pytest.approx(math.sqrt(2) - 1, abs=1e-3)
    assert raw.nmse == pytest.approx(offset_defect(law, gaussian_map(points, 200.0)), abs=1e-3)
    middle = linearity_score(law, points, 2.0, generator, pairs=3000).nmse
    assert middle == pytest.approx(offset_defect(law, gaussian_map(points, 2.0)), rel=0.15)
    curved = linearity_score(Empirical(points), points, 0.6, generator, centre=law.mean(), pairs=300)
    assert curved.cosine < 0.95
    assert curved.nmse > 0.2
    with pytest.raises(ValueError, match="alpha"):
        linearity_score(law, points, 1.0, generator, alpha=1.0)


def test_linearity_score_follows_alpha(points, generator):
    near = linearity_score(Empirical(points), points, 0.6, generator, pairs=400, alpha=math.sqrt(0.99))
    far = linearity_score(Empirical(points), points, 0.6, generator, pairs=400)
    assert near.nmse < far.nmse


def test_distances_between_denoisers(points, generator):
    first = lambda x, sigma: x  # noqa: E731
    second = lambda x, sigma: 0.75 * x  # noqa: E731
    assert nmse(first, second, points, 0.5, generator) == pytest.approx(0.25)
    sizes = (points + 0).flatten(1).square().mean(1).sqrt()
    assert rmse(first, second, points, 1e-9, generator) == pytest.approx(0.25 * float(sizes.mean()), rel=1e-6)


def test_gl_score_and_cosine():
    training = torch.tensor([[0.0, 1.0], [4.0, 0.0]])
    samples = torch.tensor([[0.0, 2.0], [5.0, 0.0]])
    assert gl_score(samples, training) == pytest.approx((1 / 2 + 1 / 5) / 2)
    assert gl_score(samples, training, torch.tensor([0.0, 1.0])) == pytest.approx((1 + 1 / math.sqrt(26)) / 2)
    centre = torch.tensor([1.0, 0.0])
    found = centred_cosine(torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, 3.0]]), centre)
    assert float(found) == pytest.approx(0.0)


@pytest.mark.parametrize("h", [0.0, 0.3, 1.0])
def test_smoothed_is_the_mixture_it_says(points, h, generator):
    """Against the general mixture of Gaussians, one component for each point."""
    law = Gaussian.from_samples(points)
    means = law.mean() + math.sqrt(1 - h) * (points - law.mean())
    mixture = MoLRG([law.basis] * len(points), [h * law.eigenvalues] * len(points), means)
    x = points[:9] + 0.8 * torch.randn(9, 1, 2, 3, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(Smoothed(points, h)(x, 0.8), mixture(x, 0.8), rtol=1e-7, atol=1e-8)


def test_smoothed_keeps_mean_and_covariance(points, generator):
    draws = Smoothed(points, 0.4).sample(100_000, generator).flatten(1)
    law = Gaussian.from_samples(points)
    torch.testing.assert_close(draws.mean(0), law.mean().flatten(), rtol=0.02, atol=0.02)
    torch.testing.assert_close(torch.cov(draws.T), law.covariance(), rtol=0.05, atol=0.15)
    with pytest.raises(ValueError, match="h: 1.5"):
        Smoothed(points, 1.5)


def test_gaussian_flow_is_where_the_sampler_goes(points, generator):
    law = Gaussian.from_samples(points, rank=4)
    start = 20 * torch.randn(5, 1, 2, 3, generator=generator, dtype=torch.float64)
    grid = edm_sigmas(300, sigma_min=0.01, sigma_max=20.0)[:-1]
    torch.testing.assert_close(
        last(heun(law, start, grid)), gaussian_flow(law, start, 20.0, 0.01), rtol=1e-3, atol=1e-3
    )


def test_euler_gains_are_those_of_the_sampler(points, generator):
    law = Gaussian.from_samples(points)
    start = 20 * torch.randn(5, 1, 2, 3, generator=generator, dtype=torch.float64)
    grid = edm_sigmas(7, sigma_max=20.0)
    moved = (last(euler(law, start, grid)) - law.mean()).flatten(1) @ law.basis
    before = (start - law.mean()).flatten(1) @ law.basis
    torch.testing.assert_close(moved, before * euler_gains(law.eigenvalues, grid))


def test_active_modes():
    values = torch.tensor([4.0, 1.0, 0.0])
    assert float(active_modes(values, 1.0)) == pytest.approx(0.8 + 0.5)
    assert active_modes(values, torch.tensor([1.0, 2.0])).tolist() == pytest.approx([1.3, 0.7])


def test_skewness_is_the_norm_of_third_moments(points):
    flat = points.flatten(1) - points.flatten(1).mean(0)
    tensor = torch.einsum("ni,nj,nk->ijk", flat, flat, flat) / len(flat)
    assert skewness(points) == pytest.approx(float(tensor.norm()))


def test_skewness_is_the_difference_at_high_noise(points, generator):
    exact, law = Empirical(points), Gaussian.from_samples(points)
    x = points.repeat(200, 1, 1, 1)
    y = x + 300.0 * torch.randn(x.shape, generator=generator, dtype=x.dtype)
    found = float((exact(y, 300.0) - law(y, 300.0)).square().mean().sqrt())
    assert found == pytest.approx(skewness(points) / math.sqrt(12) / 300.0**2, rel=0.1)


def test_moment_cosine_is_that_of_samples(points, generator):
    laws = [Gaussian.from_samples(part) for part in points.split(20)]
    noise = 1e4 * torch.randn(20_000, 1, 2, 3, generator=generator, dtype=torch.float64)
    a, b = ((gaussian_flow(law, noise, 1e4, 1e-4) - points.mean(0)).flatten(1) for law in laws)
    ratio = float((a * b).sum() / (a.square().sum() * b.square().sum()).sqrt())
    assert moment_cosine(*laws, points.mean(0)) == pytest.approx(ratio, abs=0.01)


def test_risks(points, generator):
    found, others = gaussian_map(points, 0.9), points + 0.5
    x = others.repeat(2000, 1, 1, 1)
    y = x + 0.9 * torch.randn(x.shape, generator=generator, dtype=x.dtype)
    measured = float((found(y, 0.9) - x).square().sum((1, 2, 3)).mean())
    assert affine_risk(found, others) == pytest.approx(measured, rel=0.01)
    assert affine_risk(found, points) == pytest.approx(Gaussian.from_samples(points).mmse(0.9), rel=1e-9)
    exact = float((Empirical(points)(others, 1e-3) - others).square().sum((1, 2, 3)).mean())
    assert nearest_risk(others, points) == pytest.approx(exact, rel=1e-6)


def test_members_learn_their_own_images(generator):
    sets = [torch.full((4, 1, 2, 2), value) for value in (-0.5, 0.7)]
    looks = list(train_members([Member(x) for x in sets], 16, 300, (1,), generator))
    assert [look.step for look in looks] == [1, 300]
    for images, denoiser in zip(sets, looks[-1].denoisers, strict=True):
        y = images + 2.0 * torch.randn(images.shape, generator=generator)
        assert float((denoiser(y, 2.0) - images).abs().mean()) < 0.2


def test_samples_drawn_together_are_those_of_each_network(generator):
    sets = [torch.full((4, 1, 2, 2), value) for value in (-0.5, 0.7)]
    (look,) = train_members([Member(x) for x in sets], 16, 20, (), generator)
    noise = torch.randn(5, 1, 2, 2, generator=generator)
    for denoiser, found in zip(look.denoisers, sample_together(look.denoisers, noise), strict=True):
        torch.testing.assert_close(found, sample_from(denoiser, noise), rtol=1e-4, atol=1e-5)
