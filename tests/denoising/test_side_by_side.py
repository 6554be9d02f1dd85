"""Networks trained side by side, layer by layer: they answer and learn as each does alone."""

import pytest
import torch

from lowdim.denoising.networks import MLP
from lowdim.denoising.side_by_side import SideBySide


@pytest.fixture
def networks():
    torch.manual_seed(0)
    networks = [MLP((1, 2, 3), 8, 2).double() for _ in range(3)]
    for network in networks:
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter)
    return networks


def test_each_share_gets_the_answer_and_the_gradient_of_its_member(networks):
    together = SideBySide(networks)
    x, c = torch.randn(12, 1, 2, 3).double(), torch.rand(12).double()
    alone = torch.cat([network(a, b) for network, a, b in zip(networks, x.chunk(3), c.chunk(3), strict=True)])
    found = together(x, c)
    torch.testing.assert_close(found, alone)
    alone.square().sum().backward()
    found.square().sum().backward()
    for m, network in enumerate(networks):
        for name, parameter in network.named_parameters():
            grad = together.all.get_parameter(name).grad[m]
            torch.testing.assert_close(grad if parameter.dim() < 2 else grad.T, parameter.grad)


def test_a_member_has_its_own_weights_as_they_are_now(networks):
    together = SideBySide(networks)
    with torch.no_grad():
        together.all.leave.bias[1] += 1.0
    for m, network in enumerate(networks):
        member = together.member(m)
        for name, parameter in network.named_parameters():
            moved = 1.0 if (m, name) == (1, "leave.bias") else 0.0
            torch.testing.assert_close(member.get_parameter(name), parameter + moved)
        assert not any(parameter.requires_grad for parameter in member.parameters())
        assert not member.training


def test_what_it_cannot_hold_is_refused(networks):
    with pytest.raises(ValueError, match="at least one"):
        SideBySide([])
    with pytest.raises(ValueError, match="Conv2d"):
        SideBySide([torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Conv2d(1, 1, 3))])
    with pytest.raises(ValueError, match="equal shares"):
        SideBySide(networks)(torch.zeros(7, 1, 2, 3), torch.zeros(7))
