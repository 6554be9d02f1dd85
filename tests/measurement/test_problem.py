"""An inverse problem, posed: what is checked, what is counted."""

import re

import pytest
import torch

from lowdim.compat import import_deepinv
from lowdim.measurement.discrepancy import check_noise
from lowdim.measurement.matrices import MatrixPhysics
from lowdim.measurement.mri import multi_coil_mri
from lowdim.measurement.problem import NotConverged, check_converged, pose, residual_ratio

deepinv = import_deepinv()


def posed(noise=0.5):
    matrix = torch.eye(6)[:4]
    physics = MatrixPhysics(matrix, (1, 2, 3), noise_model=deepinv.physics.GaussianNoise(noise))
    return pose(torch.ones(2, 4), physics)


def test_a_problem_needs_no_denoiser():
    problem = posed()
    assert problem.shape == (2, 1, 2, 3)
    assert problem.misfit(torch.zeros(2, 1, 2, 3)).tolist() == [4.0, 4.0]


def test_residuals_are_counted_in_those_of_the_noise():
    problem = posed(0.5)
    assert residual_ratio(torch.tensor([4 * 0.25, 16 * 0.25]), problem).tolist() == pytest.approx([1.0, 2.0])


def test_residuals_of_mri_count_measured_entries_only():
    generator = torch.Generator().manual_seed(0)
    physics = multi_coil_mri(16, 0.1, generator, coils=3, slices=2)
    x = torch.rand(2, 2, 16, 16, generator=generator)
    problem = pose(physics(x), physics)
    assert residual_ratio(problem.misfit(x), problem).tolist() == pytest.approx([1.0, 1.0], abs=0.15)


def test_those_above_the_bound_are_named_with_the_advice():
    problem = posed()
    misfit = torch.tensor([1.0, 9.0])
    check_converged(misfit, problem, 3.0, "try harder")
    with pytest.raises(NotConverged, match=re.escape("1 of 2 samples end with residuals of up to 3 times the noise")):
        check_converged(misfit, problem, 2.5, "try harder")
    with pytest.raises(NotConverged, match="try harder"):
        check_converged(misfit, problem, 0.5, "try harder")


@pytest.mark.parametrize("worst", [float("nan"), float("inf"), 0.0, -1.0])
def test_a_bound_that_cannot_be_meant_is_refused(worst):
    with pytest.raises(ValueError, match=f"worst: {worst} is not allowed; give a finite number > 0"):
        check_converged(torch.tensor([1.0, 9.0]), posed(), worst, "try harder")


@pytest.mark.parametrize(("y", "message"), [
    ([1.0], "y: got a list"),
    (torch.ones(4), r"y: shape \(4,\)"),
    (torch.ones(2, 5), "the operator maps images"),
    (torch.tensor([[1.0, 2.0, float("inf"), 0.0]]), "y: 1 of 4 entries"),
])  # fmt: skip
def test_measurements_that_cannot_be_meant_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        pose(y, posed().physics)


@pytest.mark.parametrize("sigma", [0.0, -0.1, float("nan"), [0.1, 0.1, 0.1], [0.1, 0.0]])
def test_noise_of_no_level_is_refused(sigma):
    physics = MatrixPhysics(torch.eye(6)[:4], noise_model=deepinv.physics.GaussianNoise(0.1))
    physics.noise_model.sigma = torch.tensor(sigma)
    with pytest.raises(ValueError, match=r"physics: noise level \[.* is not allowed; give one number > 0, or one for"):
        check_noise(physics, 2)


@pytest.mark.parametrize(
    "noise", [None, deepinv.physics.PoissonNoise(), deepinv.physics.GaussianNoise(torch.tensor([0.1, 0.2]))]
)
def test_there_may_be_no_level_of_noise_or_one_for_each_sample(noise):
    check_noise(MatrixPhysics(torch.eye(6)[:4], noise_model=noise), 2)


@pytest.mark.parametrize(("options", "message"), [
    ({"middle": 1.5}, "middle, slices: 1.5"),
    ({"slices": 0}, "middle, slices"),
])  # fmt: skip
def test_masks_that_cannot_be_meant_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        multi_coil_mri(16, 0.1, torch.Generator(), **options)
