"""Measurement operators: matrices, objects with ``A``, deepinv physics, and what is refused."""

import math

import pytest
import torch

from distributions.exact_laws import LAWS, N, generator, randn, random_molrg
from lowdim.distributions.operators import check_linear, operator_action


class Physics:
    """The smallest object in deepinv's style."""

    def __init__(self, function):
        self.function = function

    def A(self, x):
        return self.function(x)

    def A_adjoint(self, y):
        raise AssertionError("the adjoint is not needed")


def test_an_object_acts_like_its_matrix(law):
    operator = randn(5, N, seed=1)
    physics = Physics(lambda x: (x.flatten(1) @ operator.T).reshape(-1, 1, 5))
    y = randn(1, 1, 5, seed=2)
    by_object, by_matrix = law.posterior(y, physics, 0.4), law.posterior(y, operator, 0.4)
    torch.testing.assert_close(by_object.mean(), by_matrix.mean())
    torch.testing.assert_close(by_object.covariance(), by_matrix.covariance())


def test_an_object_sees_events_in_their_shape():
    shapes = []

    def measure(x):
        shapes.append(tuple(x.shape[1:]))
        return x[:, 0]

    LAWS["molrg image"]().posterior(torch.zeros(2, 2), Physics(measure), 0.4)
    assert set(shapes) == {(3, 2, 2)}


NON_LINEAR = {
    "affine": (lambda x: x + 1, r"operator: A\(0\) is not 0, so A is not linear; subtract its offset"),
    "square": (lambda x: x**2, r"only linear operators have this posterior"),
    "magnitude": (lambda x: x.abs(), r"only linear operators"),
    "clipped far out": (lambda x: x.clamp(-50, 50), r"only linear operators"),
    "rounded": (lambda x: x.round(decimals=1), r"only linear operators"),
    "normalised": (lambda x: x / (x.norm(dim=-1, keepdim=True) + 1e-6), r"only linear operators"),
}


@pytest.mark.parametrize(("function", "message"), NON_LINEAR.values(), ids=NON_LINEAR)
@pytest.mark.parametrize("name", ["gaussian", "molrg"])
def test_operators_that_are_not_linear_are_refused(name, function, message):
    with pytest.raises(ValueError, match=message):
        LAWS[name]().posterior(torch.zeros(N), Physics(function), 0.1)


def test_rounding_of_float32_and_the_zero_operator_count_as_linear():
    law = random_molrg()
    matrix = randn(N, N, seed=4)
    single = Physics(lambda x: (x.float() @ matrix.float().T).double())
    check_linear(operator_action(single, law.event_shape), N, torch.float64, torch.device("cpu"))
    posterior = law.posterior(torch.ones(2), torch.zeros(2, N, dtype=torch.float64), 0.3)
    torch.testing.assert_close(posterior.covariance(), law.covariance())


IDENTITY = torch.eye(N, dtype=torch.float64)
BAD = {
    "matrix width": (
        (torch.zeros(3), torch.zeros(3, N + 1), 0.1),
        r"operator: shape \(3, 13\) .* give a matrix \(m, 12\)",
    ),
    "matrix of nan": ((torch.zeros(1), torch.full((1, N), math.nan), 0.1), r"operator: 12 of 12 entries are NaN"),
    "no operator": ((torch.zeros(3), "blur", 0.1), r"operator: got a str; give a matrix \(m, 12\) or an object"),
    "function": ((torch.zeros(N), lambda x: x, 0.1), r"operator: got a function; give a matrix"),
    "complex": (
        (torch.zeros(N), Physics(lambda x: x * 1j), 0.1),
        r"operator: A\(x\): got a Tensor of torch.complex128",
    ),
    "measurement": ((torch.zeros(5), IDENTITY, 0.1), r"y: 5 entries in shape \(5,\); the operator gives 12"),
    "a batch of them": ((torch.zeros(2, N), IDENTITY, 0.1), r"y: 24 entries in shape \(2, 12\); .* one measurement"),
    "nan": ((torch.full((N,), math.nan), IDENTITY, 0.1), r"y: 12 of 12 entries are NaN"),
    "no noise": ((torch.zeros(N), IDENTITY, 0.0), r"noise_std: 0.0 is not allowed; give a finite number > 0"),
    "negative noise": ((torch.zeros(N), IDENTITY, -1.0), r"noise_std: -1.0 is not allowed"),
    "infinite noise": ((torch.zeros(N), IDENTITY, math.inf), r"noise_std: inf is not allowed"),
    "noise of another kind": ((torch.zeros(N), IDENTITY, None), r"noise_std: None is not allowed"),
    "nan noise": ((torch.zeros(N), IDENTITY, math.nan), r"noise_std: nan is not allowed"),
}


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("name", ["molrg", "empirical"])
def test_bad_arguments_are_refused(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        LAWS[name]().posterior(*arguments)


def test_deepinv_operators():
    from lowdim.compat import import_deepinv

    try:
        deepinv = import_deepinv()
    except ImportError:
        pytest.skip("deepinv is not installed")
    law = random_molrg((3, 5), (1, 8, 8))
    kernel = deepinv.physics.functional.blur.gaussian_blur(sigma=(1.0, 1.0))
    mask = (torch.rand(1, 8, 8, generator=generator(3)) > 0.5).double()
    for physics in (
        deepinv.physics.Inpainting((1, 8, 8), mask=mask),
        deepinv.physics.Blur(kernel, padding="circular").to(torch.float64),
    ):
        y = physics.A(law.sample(1, generator(1)))
        matrix = physics.A(torch.eye(64, dtype=torch.float64).reshape(64, 1, 8, 8)).flatten(1).T
        by_physics, by_matrix = law.posterior(y, physics, 0.2), law.posterior(y, matrix, 0.2)
        torch.testing.assert_close(by_physics.mean(), by_matrix.mean())
        torch.testing.assert_close(by_physics.weights, by_matrix.weights)
