"""The loss of rectified flow."""

import pytest
import torch

from lowdim.seeding import make_generator
from lowdim.training.losses import flow_matching_loss


def pairs(n, d=3):
    generator = make_generator(0, "test")
    return [torch.randn(n, d, generator=generator, dtype=torch.float64) for _ in range(2)]


def test_a_velocity_that_is_right_has_no_loss_and_one_off_by_a_constant_its_square():
    x0, x1 = pairs(50)
    assert flow_matching_loss(lambda x, t: x1 - x0, x0, x1, make_generator(0, "loss")) == 0
    off = flow_matching_loss(lambda x, t: x1 - x0 + 0.5, x0, x1, make_generator(0, "loss"))
    torch.testing.assert_close(off, torch.tensor(0.25, dtype=torch.float64))


def test_the_network_sees_points_between_noise_and_data():
    x0, x1 = pairs(2000)

    def velocity(x, t):
        assert t.shape == (2000,)
        assert float(t.min()) >= 0
        assert float(t.max()) <= 1
        assert abs(float(t.mean()) - 0.5) < 0.05
        torch.testing.assert_close(x, (1 - t[:, None]) * x0 + t[:, None] * x1)
        return x

    flow_matching_loss(velocity, x0, x1, make_generator(0, "loss"))


def test_pseudo_huber_goes_sample_by_sample():
    x0, x1 = pairs(4)
    shift = torch.tensor([0.0, 1.0, 10.0, 100.0], dtype=torch.float64)[:, None]
    found = flow_matching_loss(lambda x, t: x1 - x0 + shift, x0, x1, make_generator(0, "loss"), huber=0.1)
    expected = ((3 * shift**2 + 0.01).sqrt() - 0.1).mean()
    torch.testing.assert_close(found, expected)


def test_errors_name_the_argument():
    x0, x1 = pairs(4)
    generator = make_generator(0, "loss")
    with pytest.raises(ValueError, match="x0"):
        flow_matching_loss(lambda x, t: x, x0[:2], x1, generator)
    with pytest.raises(ValueError, match="velocity"):
        flow_matching_loss(lambda x, t: x[:, :1], x0, x1, generator)
    with pytest.raises(ValueError, match="huber"):
        flow_matching_loss(lambda x, t: x, x0, x1, generator, huber=0.0)
    with pytest.raises(ValueError, match="x1"):
        flow_matching_loss(lambda x, t: x, x0, x1 / 0, generator)
