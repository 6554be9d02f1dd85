"""The exponential moving average of a network's weights, which samples better than the last weights."""

from __future__ import annotations

import copy
from typing import Any, Generic, TypeVar

import torch
from torch import nn

Model = TypeVar("Model", bound=nn.Module)


class EMA(Generic[Model]):
    """Keeps ``w <- d w + (1 - d) w_model`` in ``module``, a copy of the model, with ``d = min(decay, (1 + t) / (10 +
    t))``.

    The decay rises with the number ``t`` of updates, so that the random first weights are soon forgotten. Buffers are
    copied.
    """

    def __init__(self, model: Model, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay: {decay!r} is not allowed; give a number from 0 up to, not including, 1")
        self.decay = decay
        self.updates = 0
        self.module: Model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, model: Model) -> None:
        """Take in the model's present weights."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        for mean, value in zip(self.module.parameters(), model.parameters(), strict=True):
            mean.lerp_(value, 1 - decay)
        for kept, buffer in zip(self.module.buffers(), model.buffers(), strict=True):
            kept.copy_(buffer)

    def state_dict(self) -> dict[str, Any]:
        """The averaged weights and the number of updates."""
        return {"module": self.module.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`state_dict` returned."""
        self.module.load_state_dict(state["module"])
        self.updates = int(state["updates"])
