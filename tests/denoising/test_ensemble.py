"""Networks trained side by side."""

import pytest
import torch

from lowdim.denoising.ensemble import Ensemble
from lowdim.denoising.networks import MLP


def test_an_ensemble_answers_and_learns_member_by_member():
    torch.manual_seed(0)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = torch.nn.Linear(3, 3)
            self.register_buffer("shift", torch.ones(1))

        def forward(self, x, c):
            return self.inner(x).tanh() * c[:, None] + self.shift

    members = [Net() for _ in range(4)]
    ensemble = Ensemble(members)
    x, c = torch.randn(20, 3), torch.rand(20)
    expected = torch.cat([m(a, b) for m, a, b in zip(members, x.split(5), c.split(5), strict=True)])
    torch.testing.assert_close(ensemble(x, c), expected)
    ensemble(x, c)[5:10].sum().backward()
    for parameter in ensemble.parameters():
        assert parameter.grad[1].abs().max() > 0
        assert parameter.grad[[0, 2, 3]].abs().max() == 0
    with pytest.raises(ValueError, match="equal shares"):
        ensemble(x[:7], c[:7])
    with pytest.raises(ValueError, match="members"):
        Ensemble([])


def test_a_member_alone_answers_as_it_does_among_the_others():
    torch.manual_seed(0)
    networks = [MLP(5, 8, 2) for _ in range(3)]
    for network in networks:
        torch.nn.init.normal_(network.leave.weight)
    ensemble = Ensemble(networks)
    x, c = torch.randn(12, 5), torch.rand(12)
    together = ensemble(x, c).chunk(3)
    for m in range(3):
        alone = ensemble.member(m)
        torch.testing.assert_close(alone(x.chunk(3)[m], c.chunk(3)[m]), together[m])
        assert not any(parameter.requires_grad for parameter in alone.parameters())
