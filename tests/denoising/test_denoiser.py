import pytest
import torch
from torch import Tensor

from lowdim.denoising import Denoiser, bind
from lowdim.distributions import Gaussian


class Shift:
    """A conditional model that adds its condition; told nothing, it adds 1. Counts its evaluations."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: Tensor, sigma: float | Tensor, condition: float | None) -> Tensor:
        self.calls += 1
        return x + (1.0 if condition is None else condition)


@pytest.mark.parametrize(("guidance", "want", "calls"), [(1.0, 5.0, 1), (0.0, 1.0, 1), (3.0, 13.0, 2), (-1.0, -3.0, 2)])
def test_guidance_extrapolates_from_null_to_condition(guidance: float, want: float, calls: int) -> None:
    model = Shift()
    out = bind(model, 5.0, guidance)(torch.zeros(2, 3), 0.5)
    assert torch.equal(out, torch.full((2, 3), want))
    assert model.calls == calls


def test_no_condition_is_the_unconditional_model() -> None:
    assert torch.equal(bind(Shift())(torch.zeros(2, 3), 0.5), torch.ones(2, 3))


def test_null_may_be_a_condition_of_its_own() -> None:
    assert torch.equal(bind(Shift(), 5.0, 2.0, null=3.0)(torch.zeros(1, 1), 0.5), torch.tensor([[7.0]]))


@pytest.mark.parametrize(("condition", "guidance"), [(None, 2.0), (1.0, float("nan")), (1.0, float("inf"))])
def test_meaningless_guidance_is_refused(condition: float | None, guidance: float) -> None:
    with pytest.raises(ValueError, match="guidance"):
        bind(Shift(), condition, guidance)


def test_bound_models_and_distributions_are_denoisers() -> None:
    gaussian = Gaussian(torch.zeros(3), torch.eye(3), torch.ones(3))
    for denoiser in (bind(Shift(), 2.0), gaussian):
        assert isinstance(denoiser, Denoiser)
        assert denoiser(torch.zeros(4, 3), 0.5).shape == (4, 3)
