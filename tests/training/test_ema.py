"""The moving average against its closed form."""

import pytest
import torch
from torch import nn

from lowdim.training.ema import EMA


def test_average_follows_the_recursion():
    model = nn.BatchNorm1d(1)
    ema = EMA(model, decay=0.5)
    expected = model.weight.item()
    for t in range(12):
        with torch.no_grad():
            model.weight.fill_(t)
            model.running_mean.fill_(t)
        ema.update(model)
        decay = min(0.5, (1 + t) / (10 + t))
        expected = decay * expected + (1 - decay) * t
    assert ema.module.weight.item() == pytest.approx(expected)
    assert ema.module.running_mean.item() == 11  # buffers are copied
    assert not ema.module.training
    assert not ema.module.weight.requires_grad
    assert model.weight.requires_grad


def test_state_is_taken_over_with_its_count():
    model = nn.Linear(2, 2)
    first, second = EMA(model), EMA(nn.Linear(2, 2))
    first.update(model)
    second.load_state_dict(first.state_dict())
    assert second.updates == 1
    torch.testing.assert_close(second.module.state_dict(), first.module.state_dict(), rtol=0, atol=0)


def test_bad_decay_is_named():
    with pytest.raises(ValueError, match=r"decay: 1\.0"):
        EMA(nn.Linear(1, 1), 1.0)
