"""Runs beside each other: of one solver, of images in a batch, of a state that was stored; and what is refused."""

import itertools
import re

import pytest
import torch
from torch import nn

from lowdim.compat import import_deepinv
from lowdim.denoising.views import unit_range_view
from lowdim.measurement.dynamic_range import HighDynamicRange
from lowdim.measurement.matrices import MatrixPhysics
from lowdim.measurement.problem import NotConverged, pose
from lowdim.papers.udig_dip.baselines import DDS, HalfQuadraticSplitting, proximal_step, total_variation
from lowdim.papers.udig_dip.methods import ASeqDIP, ReferenceDIP, SelfGuidedDIP, UDiGDIP
from lowdim.papers.udig_dip.networks import UNet
from lowdim.papers.udig_dip.purifier import Purifier
from lowdim.papers.udig_dip.solver import DeepImagePrior
from papers.test_udig_dip import Linear

deepinv = import_deepinv()
SHAPE = (1, 4, 4)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def net():
    return UNet(1, (8, 8))


def half(x, sigma):
    return x / 2


def measured(levels=0.1, count=2, brightness=1.0):
    """Measurements by a matrix, and their physics."""
    matrix = torch.randn(10, 16, generator=generator(1)) / 4
    physics = MatrixPhysics(matrix, SHAPE, noise_model=deepinv.physics.GaussianNoise(0.1, rng=generator(2)))
    y = torch.as_tensor(brightness).reshape(-1, 1) * physics(torch.rand(count, *SHAPE, generator=generator(3)))
    physics.noise_model = deepinv.physics.GaussianNoise(torch.as_tensor(levels))
    return y, physics


SHORT = {"rounds": 3, "steps": 2}
FAMILY = {
    "dip": lambda **more: DeepImagePrior(net, **{**SHORT, **more}),
    "reference": lambda **more: ReferenceDIP(net, torch.ones(2, *SHAPE), **{**SHORT, **more}),
    "self-guided": lambda **more: SelfGuidedDIP(net, **{**SHORT, **more}),
    "aseq": lambda **more: ASeqDIP(net, **{**SHORT, "input_update": "dc", **more}),
    "udig": lambda **more: UDiGDIP(net, Purifier(half, noise=True), **{**SHORT, "scale": "data", **more}),
}
PRIORS = {
    "hqs": lambda: HalfQuadraticSplitting(Purifier(half), [0.3, 0.2, 0.1]),
    "dds": lambda: DDS(half, levels=5),
}


def tv(y, physics, generator=None, **options):
    return total_variation(pose(y, physics), 0.1, torch.zeros(len(y), *SHAPE), 5, **options)


def solver(name):
    return tv if name == "tv" else {**FAMILY, **PRIORS}[name]()


@pytest.mark.parametrize("name", FAMILY)
def test_runs_of_one_solver_may_alternate(name):
    cases = (measured(0.1), measured(0.3, brightness=4.0))
    apart = [list(FAMILY[name]().rounds(*case, generator(k))) for k, case in enumerate(cases)]
    one = FAMILY[name]()
    pairs = list(zip(*(one.rounds(*case, generator(k)) for k, case in enumerate(cases)), strict=True))
    for alone, together in zip(apart, zip(*pairs, strict=True), strict=True):
        for before, now in zip(alone, together, strict=True):
            assert torch.equal(before.estimate, now.estimate)
            assert torch.equal(before.z, now.z)


@pytest.mark.parametrize("name", ["udig", "hqs", "dds"])
def test_a_row_does_not_change_with_the_noise_of_its_neighbour(name):
    make = (lambda: UDiGDIP(net, Purifier(half), **SHORT, tau=0.3)) if name == "udig" else PRIORS[name]
    y, even = measured([0.1, 0.1])
    _, uneven = measured([0.1, 0.4])
    first, second = (make()(y, physics, generator()) for physics in (even, uneven))
    torch.testing.assert_close(first[0], second[0], rtol=0, atol=1e-4)
    assert float((first[1] - second[1]).abs().max()) > 1e-2


def test_each_row_explains_its_measurement_as_its_own_noise_allows():
    levels, tau = [0.05, 0.4], 0.2
    y, physics = measured(levels)
    z, a = torch.rand(2, *SHAPE, generator=generator(5)), physics.matrix[0]
    found = proximal_step(pose(y, physics))(z, tau)
    for row, level in enumerate(levels):
        weight = level**2 / tau**2
        formula = torch.linalg.solve(a.T @ a + weight * torch.eye(16), a.T @ y[row] + weight * z[row].flatten())
        torch.testing.assert_close(found[row].flatten(), formula, rtol=0, atol=1e-3)


@pytest.mark.parametrize(("levels", "brightness"), [([0.02, 0.1], 1.0), (0.05, [1.0, 10.0])])
def test_weights_are_those_of_an_image_alone(levels, brightness):
    y, physics = measured(levels, brightness=brightness)
    both = FAMILY["udig"](tau=0.3)
    both.prepare(pose(y, physics))
    for row in range(2):
        alone = FAMILY["udig"](tau=0.3)
        own = deepinv.physics.GaussianNoise(physics.noise_model.sigma.expand(2)[row].clone())
        alone.prepare(pose(y[row : row + 1], MatrixPhysics(physics.matrix, SHAPE, noise_model=own)))
        assert [float(both.weight(k)[row]) for k in range(3)] == pytest.approx([alone.weight(k) for k in range(3)])
    assert 1e-3 < float(both.weight(0).min()) < float(both.weight(0).max()) < 1


@pytest.mark.parametrize("levels", [0.0, -0.1, [0.1, 0.0], [0.1, 0.1, 0.1], float("nan")])
@pytest.mark.parametrize("name", [*FAMILY, *PRIORS, "tv"])
def test_noise_levels_that_cannot_be_are_refused(name, levels):
    y, physics = measured()
    physics.noise_model.sigma = torch.tensor(levels)
    with pytest.raises(ValueError, match=r"physics: noise level \[.*\] is not allowed; give one number > 0"):
        solver(name)(y, physics, generator())


@pytest.mark.parametrize("name", ["dip", "reference", "self-guided", "aseq", "tv"])
def test_what_needs_no_noise_level_asks_for_none(name):
    y, physics = measured()
    found = solver(name)(y, MatrixPhysics(physics.matrix, SHAPE), generator())
    assert torch.equal(found, solver(name)(y, physics, generator()))


@pytest.mark.parametrize(("name", "message"), [
    ("self-guided", "no A_adjoint, with which the first image is made (unless start makes another); give a linear"),
    ("aseq", "no A_adjoint, with which"),
    ("udig", "no A_adjoint, with which the first image is made"),
    ("hqs", "no prox_l2, with which an image is made to explain y"),
    ("dds", "no prox_l2, with which an image is made to explain y; give a linear operator (deepinv.physics.Linear"),
    ("tv", "no A_adjoint, with which total variation descends"),
])  # fmt: skip
def test_operators_that_are_not_linear_are_refused_by_name(name, message):
    physics = HighDynamicRange(SHAPE, noise_model=deepinv.physics.GaussianNoise(0.1))
    with pytest.raises(ValueError, match=re.escape("physics: HighDynamicRange has " + message)):
        solver(name)(torch.zeros(2, *SHAPE), physics, generator())


def test_networks_need_no_adjoint_when_they_are_given_a_start():
    physics = HighDynamicRange(SHAPE, noise_model=deepinv.physics.GaussianNoise(0.1))
    y = torch.rand(2, *SHAPE, generator=generator())
    options = {**SHORT, "start": lambda problem: problem.y}
    assert UDiGDIP(net, Purifier(half), **options)(y, physics, generator()).shape == y.shape
    with pytest.raises(ValueError, match="with which the measured entries are put in"):
        ASeqDIP(net, input_update="dc", **options).rounds(y, physics, generator())  # at once, before a round


@pytest.mark.parametrize("value", [float("nan"), -0.5, float("inf")])
def test_weights_of_a_function_are_checked(value):
    y, physics = measured()
    with pytest.raises(ValueError, match=f"lam: {value}, its value in round 1, is not allowed; give a finite number"):
        ASeqDIP(net, lam=lambda k: value if k else 0.1, **SHORT)(y, physics, generator())


@pytest.mark.parametrize("name", [*PRIORS, "tv", "dip"])
def test_images_that_do_not_explain_their_measurement_are_refused_on_request(name):
    y, physics = measured()
    solver(name)(y, physics, generator(), worst=100.0)
    solver(name)(y + 100, physics, generator())
    with pytest.raises(NotConverged, match="2 of 2 samples end with residuals of up to"):
        solver(name)(y + 100, physics, generator(), worst=100.0)


@pytest.mark.parametrize("name", [*PRIORS, "tv"])
def test_a_bound_of_the_residuals_that_nothing_exceeds_is_refused(name):
    y, physics = measured()
    with pytest.raises(ValueError, match="worst: nan is not allowed"):
        solver(name)(y + 100, physics, generator(), worst=float("nan"))


def state(name="udig", count=2, **options):
    y, physics = measured(count=count)
    return next(FAMILY[name](**options).rounds(y, physics, generator(), keep=True)).after


@pytest.mark.parametrize(("make", "message"), [
    (lambda: state("dip"), "a state of a run with method DeepImagePrior is not allowed; give one with method UDiGDIP"),
    (lambda: state(rounds=5), "with rounds 5 is not allowed; give one with rounds 3"),
    (lambda: state(steps=1), "with steps 1 is not allowed; give one with steps 2"),
    (lambda: state(learning_rate=0.1), "with learning_rate 0.1 is not allowed; give one with learning_rate 0.002"),
    (lambda: state(count=1), "with images (1, 1, 4, 4) is not allowed; give one with images (2, 1, 4, 4)"),
    (lambda: torch.ones(1), "a Tensor is not allowed; give Round.after of a run with rounds(..., keep=True)"),
])  # fmt: skip
def test_states_of_another_run_are_refused(make, message):
    y, physics = measured()
    FAMILY["udig"]().rounds(y, physics, resume=state())
    with pytest.raises(ValueError, match=re.escape("resume: ") + ".*" + re.escape(message)):
        FAMILY["udig"]().rounds(y, physics, resume=make())


def test_one_update_of_fixed_input_is_the_vanilla_prior():
    """Without a term, and with the noise for its input, each relative is the deep image prior to the bit."""
    y, physics = measured()
    vanilla = list(DeepImagePrior(net, rounds=1, steps=6).rounds(y, physics, generator()))[-1]
    options = {"rounds": 1, "steps": 6, "lam": 0, "start": lambda problem: vanilla.z}
    for same in (
        ASeqDIP(net, **options),
        UDiGDIP(net, Purifier(half), **options),
        ReferenceDIP(net, vanilla.z, rounds=2, steps=3),
    ):
        assert torch.equal(same(y, physics, generator()), vanilla.estimate), same
    other = ASeqDIP(net, **{**options, "lam": 0.1})
    assert not torch.allclose(other(y, physics, generator()), vanilla.estimate)


def test_purification_vanishes_with_its_level():
    """``D(x, tau) = x / (1 + tau^2)`` moves an image by ``tau^2``, and so it moves the end of a run."""
    matrix = torch.randn(10, 16, generator=generator(1), dtype=torch.float64) / 4
    physics = MatrixPhysics(matrix, SHAPE, noise_model=deepinv.physics.GaussianNoise(0.1, rng=generator(2)))
    y = physics(torch.rand(2, *SHAPE, generator=generator(3), dtype=torch.float64))

    def normal(x, sigma):
        return x / (1 + sigma**2)

    def smooth():  # a kink of the network could turn a small step into a larger one
        return nn.Conv2d(1, 1, 3, padding=1)

    plain = ASeqDIP(smooth, **SHORT)(y, physics, generator())
    moved = [
        float((UDiGDIP(smooth, Purifier(normal), tau=tau, lam=0.1, **SHORT)(y, physics, generator()) - plain).norm())
        for tau in (1e-1, 1e-2, 1e-3)
    ]
    assert [a / b for a, b in itertools.pairwise(moved)] == pytest.approx([100, 100], rel=0.05)
    assert 0 < moved[-1] < 1e-5


def test_images_may_be_in_the_range_of_their_denoiser():
    """Images in [0, 1] with the view of a denoiser for them are the images in [-1, 1] with the denoiser itself."""

    def shrink(x, sigma):
        return x / (1 + torch.as_tensor(sigma, dtype=x.dtype) ** 2)

    y = torch.rand(2, *SHAPE, generator=generator())
    found = []
    for unit, denoiser, seen in ((1.0, unit_range_view(shrink), y), (2.0, shrink, 2 * y - 1)):
        physics = deepinv.physics.Denoising(deepinv.physics.GaussianNoise(0.1 * unit))
        tau = [0.3 * unit, 0.2 * unit, 0.1 * unit]
        found.append(HalfQuadraticSplitting(Purifier(denoiser), tau, start=lambda problem: problem.y)(seen, physics))
    torch.testing.assert_close(2 * found[0] - 1, found[1])


def test_the_scale_of_the_first_image_stays():
    """The unit is that of the first image for the whole run, although the images grow."""
    y, physics = measured()
    seen = []

    def denoise(x, sigma):
        seen.append(x.clone())
        return x

    grow = UDiGDIP(Linear, Purifier(denoise), rounds=4, steps=5, scale="data", learning_rate=0.1, lam=0.0,
                   start=lambda problem: problem.physics.A_adjoint(problem.y) / 10)  # fmt: skip
    rounds = list(grow.rounds(y, physics, generator()))
    size = rounds[0].z.square().sum(1).sqrt().flatten(1).quantile(0.995, dim=1).reshape(2, 1, 1, 1)
    assert len(seen) == 3
    for purified, before in zip(seen, rounds, strict=False):
        torch.testing.assert_close(purified * size, before.estimate)
    assert float(seen[-1].abs().amax() / seen[0].abs().amax()) > 1.5
