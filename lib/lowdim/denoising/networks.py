"""Networks that learn a denoiser, and the preconditioning that makes them one.

Everything here is small on purpose: the nets that ship with the book train on a CPU in minutes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lowdim.checks import check_count, expand_sigma, like
from lowdim.compat import import_diffusers


class EDMDenoiser(nn.Module):
    """A denoiser from a network ``F`` by the preconditioning of Karras et al. (2022), equation 7 and table 1 (EDM
    column):

    ``D(x, sigma) = c_skip x + c_out F(c_in x, c_noise)`` with, for data of standard deviation ``s = sigma_data``,
    ``c_skip = s^2 / (sigma^2 + s^2)``, ``c_out = sigma s / sqrt(sigma^2 + s^2)``, ``c_in = 1 / sqrt(sigma^2 + s^2)``
    and ``c_noise = ln(sigma) / 4``.

    ``network`` is called as ``F(x, c_noise)`` with ``c_noise`` of shape ``(B,)``, or ``F(x, c_noise, condition)``
    when a condition (class labels) is given, and returns a tensor like ``x`` or a diffusers output with ``.sample``.
    It computes in its own dtype; the result has that of ``x``.

    A network with an embedding of class labels (:func:`small_unet` with ``classes``) also satisfies
    :class:`~lowdim.denoising.denoiser.ConditionalDenoiser`: ``condition`` is a label or one for each sample, and
    ``None``, told nothing, is its last label, as in training with dropped labels.
    """

    def __init__(self, network: nn.Module, sigma_data: float) -> None:
        super().__init__()
        if not 0 < sigma_data < math.inf:
            raise ValueError(
                f"sigma_data: {sigma_data!r} is not allowed; give the standard deviation of the data, above 0"
            )
        self.network = network
        self.sigma_data = float(sigma_data)
        classes = getattr(getattr(network, "config", None), "num_class_embeds", None)
        self.null = None if classes is None else int(classes) - 1

    def forward(self, x: Tensor, sigma: float | Tensor, condition: int | Tensor | None = None) -> Tensor:
        """The denoised ``(B, *shape)`` for ``x`` of that shape and ``sigma`` a number or ``(B,)``, above 0.

        ``x`` is in the units the network was trained in, and of a floating-point dtype. Raises ``ValueError`` for
        another dtype (bytes, say), a bad ``sigma`` or a label out of range. The values of ``x`` are not looked at,
        which would cost a pass in each step of a sampler: NaN in, NaN out.
        """
        levels = expand_sigma(sigma, x)
        s, data = like(levels, x), self.sigma_data
        norm = (s**2 + data**2).sqrt()
        dtype = next(self.network.parameters()).dtype
        output = self.network((x / norm).to(dtype), (levels.log() / 4).to(dtype), *self._labels(x, condition))
        output = output if isinstance(output, Tensor) else output.sample
        return (data / norm) ** 2 * x + s * data / norm * output.to(x.dtype)

    def _labels(self, x: Tensor, condition: int | Tensor | None) -> tuple[Tensor, ...]:
        """The third argument of the network, if it takes one."""
        if condition is None:
            condition = self.null
        if condition is None:
            return ()
        if isinstance(condition, int):
            condition = torch.full((x.shape[0],), condition, device=x.device)
        if self.null is not None and not bool(((condition >= 0) & (condition <= self.null)).all()):
            raise ValueError(
                f"condition: labels {int(condition.min())} to {int(condition.max())} are not allowed; give labels from "
                f"0 to {self.null - 1}, or {self.null} for none"
            )
        return (condition,)


class MLP(nn.Module):
    """A residual network on vectors with an embedding of the noise level: ``F(x, c_noise)``, ``x`` of shape ``(B,
    *shape)``.

    ``shape`` is the number ``n`` of entries or the shape of an image, flattened inside. ``depth`` blocks ``h <- h +
    W2 silu(W1 norm(h) + E)`` of width ``width``, where ``E`` is a linear map of the cosines and sines of ``c_noise``
    at ``frequencies`` rates from 1 to 8. The last layer starts at zero, so that the untrained net returns 0.
    """

    rates: Tensor

    def __init__(self, shape: int | Sequence[int], width: int = 256, depth: int = 3, frequencies: int = 16) -> None:
        super().__init__()
        self.shape = (shape,) if isinstance(shape, int) else tuple(shape)
        for name, value in (
            ("width", width),
            ("depth", depth),
            ("frequencies", frequencies),
            *(("shape", size) for size in self.shape),
        ):
            check_count(name, value)
        self.config = {"shape": list(self.shape), "width": width, "depth": depth, "frequencies": frequencies}
        n = math.prod(self.shape)
        self.register_buffer("rates", torch.logspace(0, math.log10(8), frequencies), persistent=False)
        self.enter = nn.Linear(n, width)
        self.blocks = nn.ModuleList(_Block(width, 2 * frequencies) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, n)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, x: Tensor, c_noise: Tensor) -> Tensor:
        """The output ``(B, *shape)``; ``c_noise`` is ``(B,)``."""
        phases = c_noise[:, None] * self.rates.to(c_noise.dtype)
        embedding = torch.cat([phases.cos(), phases.sin()], 1)
        h = self.enter(x.flatten(1))
        for block in self.blocks:
            h = block(h, embedding)
        return self.leave(self.norm(h)).reshape(x.shape)


class _Block(nn.Module):
    def __init__(self, width: int, embedded: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Linear(width, width)
        self.noise = nn.Linear(embedded, width)
        self.outer = nn.Linear(width, width)

    def forward(self, h: Tensor, embedding: Tensor) -> Tensor:
        return h + self.outer(nn.functional.silu(self.inner(self.norm(h)) + self.noise(embedding)))


def small_unet(
    size: int,
    channels: Sequence[int] = (32, 32, 64),
    in_channels: int = 3,
    *,
    layers: int = 1,
    classes: int | None = None,
) -> Any:
    """A diffusers ``UNet2DModel`` without attention for square images of ``size`` pixels, one level for each of
    ``channels``.

    The noise level enters as the float time step ``c_noise = ln(sigma) / 4``, as :class:`EDMDenoiser` and the
    ``EDMEulerScheduler`` of diffusers give it. Without attention, products with the Jacobian work in forward mode too.
    ``classes`` adds an embedding of that many class labels. The last layer starts at zero.
    """
    halvings = len(channels) - 1
    if not channels or any(c < 8 or c % 8 for c in channels):
        raise ValueError(f"channels: {tuple(channels)} is not allowed; give multiples of 8, one for each level")
    if size < 1 or size % 2**halvings:
        raise ValueError(f"size: {size!r} is not allowed with {len(channels)} levels; give a multiple of {2**halvings}")
    unet = import_diffusers().UNet2DModel(
        sample_size=size,
        in_channels=in_channels,
        out_channels=in_channels,
        block_out_channels=tuple(channels),
        layers_per_block=layers,
        norm_num_groups=8,
        down_block_types=("DownBlock2D",) * len(channels),
        up_block_types=("UpBlock2D",) * len(channels),
        add_attention=False,
        num_class_embeds=classes,
    )
    nn.init.zeros_(unet.conv_out.weight)
    nn.init.zeros_(unet.conv_out.bias)
    return unet
