"""Many small networks trained side by side, as one network on a batch that is cut into their shares."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state


class Ensemble(nn.Module):
    """M networks F(x, c) of one architecture on a batch (M B, ...): member m answers rows m B to (m + 1) B.

    Their weights are stacked, so that one batched product does the work of M. Wrapped in
    :class:`lowdim.denoising.networks.EDMDenoiser` it is a denoiser whose batch holds the shares of all members in
    turn. Members share no weights: the sum of their losses trains each as if alone.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        if not members:
            raise ValueError("members: none given; give at least one network")
        self.count = len(members)
        parameters, buffers = stack_module_state(list(members))
        self.names = {name.replace(".", "/"): name for name in parameters}
        self.stacked = nn.ParameterDict({key: nn.Parameter(parameters[name]) for key, name in self.names.items()})
        self.fixed = {name: buffer[0] for name, buffer in buffers.items()}
        self.shape = [copy.deepcopy(members[0]).to("meta")]  # in a list, so that it is no submodule

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """The members' outputs (M B, ...) for x (M B, ...) and c (M B,)."""
        if x.shape[0] % self.count:
            raise ValueError(f"x: a batch of {x.shape[0]} cannot be cut into {self.count} equal shares")
        fixed = {name: buffer.to(x.device) for name, buffer in self.fixed.items()}

        def one(parameters: dict[str, Tensor], x: Tensor, c: Tensor) -> Tensor:
            return functional_call(self.shape[0], (parameters, fixed), (x, c))

        parameters = {name: self.stacked[key] for key, name in self.names.items()}
        shares = torch.func.vmap(one)(parameters, self.split(x), self.split(c))
        return shares.flatten(0, 1)

    def member(self, m: int) -> nn.Module:
        """A network of its own with the present weights of member ``m``, in evaluation mode and frozen."""
        weights = next(self.parameters())
        alone = copy.deepcopy(self.shape[0]).to_empty(device=weights.device)
        with torch.no_grad():
            for name, parameter in alone.named_parameters():
                parameter.copy_(self.stacked[name.replace(".", "/")][m])
            for name, buffer in alone.named_buffers():
                buffer.copy_(self.fixed[name])
        return alone.eval().requires_grad_(False)

    def split(self, x: Tensor) -> Tensor:
        """A batch (M B, ...) as shares (M, B, ...)."""
        return x.unflatten(0, (self.count, -1))
