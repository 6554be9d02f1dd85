"""Small networks trained side by side, layer by layer: where M of them have a linear layer, one batched product."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class SideBySide(nn.Module):
    """What :class:`~lowdim.denoising.ensemble.Ensemble` is, for networks F(x, c) such as an
    :class:`~lowdim.denoising.networks.MLP`: all weights in linear layers and layer norms on vectors, rows of a batch
    treated alike.

    Rows m B to (m + 1) B of a batch (M B, ...) belong to member m. The forward of a member runs once on the whole
    batch, and each of its layers sends every share through the weights of its own member. Without the bookkeeping of
    ``vmap`` a step of narrow networks takes a third of the time. Raises ``ValueError`` for other layers with weights.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        if not members:
            raise ValueError("members: none given; give at least one network")
        self.count = len(members)
        self.one = [copy.deepcopy(members[0])]  # in a list, so that it is no submodule
        self.all = copy.deepcopy(members[0])
        for name, layer in self.one[0].named_modules():
            if type(layer) in _STACKS:
                stack = _STACKS[type(layer)]([member.get_submodule(name) for member in members])
                self.all.set_submodule(name, stack)
            elif next(layer.parameters(recurse=False), None) is not None:
                raise ValueError(
                    f"members: weights in a {type(layer).__name__} are not allowed; give networks that have them in "
                    "nn.Linear and nn.LayerNorm alone, or use an Ensemble"
                )

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """The members' outputs (M B, ...) for x (M B, ...) and c (M B,)."""
        if x.shape[0] % self.count:
            raise ValueError(f"x: a batch of {x.shape[0]} cannot be cut into {self.count} equal shares")
        return self.all(x, c)

    def member(self, m: int) -> nn.Module:
        """A network of its own with the present weights of member ``m``, in evaluation mode and frozen."""
        alone = copy.deepcopy(self.one[0]).to(next(self.parameters()).device)
        for name, stack in self.all.named_modules():
            if isinstance(stack, _Stack):
                alone.get_submodule(name).load_state_dict(stack.state(m))
        return alone.eval().requires_grad_(False)


class _Stack(nn.Module):
    """The weights and biases of M layers, on vectors (M B, n) of which each layer gets B."""

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([self.turned(layer.weight.detach()) for layer in layers]))
        self.bias = nn.Parameter(torch.stack([layer.bias.detach() for layer in layers]))

    @staticmethod
    def turned(weight: Tensor) -> Tensor:
        """From the layout of one layer to that of the stack, and back."""
        return weight

    def shares(self, x: Tensor) -> Tensor:
        return x.unflatten(0, (len(self.weight), -1))

    def state(self, m: int) -> dict[str, Tensor]:
        """What layer m alone would have as its state."""
        return {"weight": self.turned(self.weight[m]), "bias": self.bias[m]}


class _Linears(_Stack):
    @staticmethod
    def turned(weight: Tensor) -> Tensor:
        return weight.T  # (in, out): the gradient of the product has this layout, and need not be copied to another

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias[:, None], self.shares(x), self.weight).flatten(0, 1)


class _Norms(_Stack):
    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__(layers)
        self.eps = layers[0].eps

    def forward(self, x: Tensor) -> Tensor:
        normed = self.shares(nn.functional.layer_norm(x, self.weight.shape[1:], eps=self.eps))
        return torch.addcmul(self.bias[:, None], normed, self.weight[:, None]).flatten(0, 1)


_STACKS: dict[type, type[_Stack]] = {nn.Linear: _Linears, nn.LayerNorm: _Norms}
