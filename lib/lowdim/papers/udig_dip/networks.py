"""The untrained network: a small U-Net from image to image, and several of them side by side."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from lowdim.denoising.ensemble import Ensemble

NetFactory = Callable[[], nn.Module]
"""Makes an untrained network, image ``(B, C, H, W)`` to image, with PyTorch's global generator."""


class UNet(nn.Module):
    """A U-Net with ``len(widths)`` levels: two 3 x 3 convolutions with group normalisation a level, max-pooling down,
    bilinear interpolation up, joined by skips; no non-linearity at the end. With ``residual`` the output is added to
    the input, and the last layer starts at zero: the untrained network returns its input.

    Group normalisation has no memory, so ``f(z)`` is one function in training and after it. Sides must be divisible
    by ``2 ** (levels - 1)``. Raises ``ValueError`` for widths that are not multiples of 8.
    """

    def __init__(self, channels: int, widths: Sequence[int] = (16, 32, 64), *, residual: bool = False) -> None:
        super().__init__()
        if channels < 1 or not widths or any(w < 8 or w % 8 for w in widths):
            raise ValueError(
                f"channels, widths: {channels!r}, {tuple(widths)} are not allowed; give channels >= 1 and multiples of "
                "8, one for each level"
            )
        self.down = nn.ModuleList(_double(a, b) for a, b in itertools.pairwise((channels, *widths)))
        self.up = nn.ModuleList(_double(a + b, a) for a, b in itertools.pairwise(widths))
        self.leave = nn.Conv2d(widths[0], channels, 1)
        self.residual = residual
        if residual:
            for parameter in self.leave.parameters():
                nn.init.zeros_(parameter)

    def forward(self, z: Tensor) -> Tensor:
        """The image ``(B, C, H, W)`` made of the input ``z`` of the same shape.

        Raises ``ValueError`` for sides that ``2 ** (levels - 1)`` does not divide.
        """
        halved = 2 ** (len(self.down) - 1)
        if z.shape[-2] % halved or z.shape[-1] % halved:
            raise ValueError(
                f"z: sides {z.shape[-2]} x {z.shape[-1]} are not allowed; give multiples of {halved}, or fewer widths"
            )
        kept, first = [], z
        for index, block in enumerate(self.down):
            z = block(nn.functional.max_pool2d(z, 2) if index else z)
            kept.append(z)
        h = kept.pop()
        for block in reversed(self.up):
            h = nn.functional.interpolate(h, scale_factor=2, mode="bilinear", align_corners=False)
            h = block(torch.cat([kept.pop(), h], 1))
        return first + self.leave(h) if self.residual else self.leave(h)


def _double(enter: int, leave: int) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(enter, leave, 3, padding=1), nn.GroupNorm(8, leave), nn.LeakyReLU(0.1)),
        *(nn.Conv2d(leave, leave, 3, padding=1), nn.GroupNorm(8, leave), nn.LeakyReLU(0.1)),
    )


class SideBySide(nn.Module):
    """``count`` networks from one factory; row ``b`` of a batch goes through network ``b`` (of ``count`` groups).

    Their weights are separate, and so are the moments of an optimiser like Adam: each is trained as if alone. The first
    weights are drawn from ``generator``.
    """

    def __init__(self, factory: NetFactory, count: int, generator: torch.Generator) -> None:
        super().__init__()
        seed = int(torch.randint(2**62, (), generator=generator))
        with torch.random.fork_rng(devices=[]):  # layers draw their first weights from the global generator
            torch.manual_seed(seed)
            nets = [factory() for _ in range(count)]
        self.count = count
        self.net: nn.Module = nets[0] if count == 1 else Ensemble([_Told(net) for net in nets])

    def forward(self, z: Tensor) -> Tensor:
        """Images like ``z (count * G, C, H, W)``: the first ``G`` by the first network, and so on."""
        return self.net(z) if self.count == 1 else self.net(z, z.new_zeros(len(z)))


class _Told(nn.Module):
    """A network that is told a number, as :class:`~lowdim.denoising.ensemble.Ensemble` does, and ignores it."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, z: Tensor, told: Tensor) -> Tensor:
        return self.net(z)
