"""A blur whose width depends on the picture, so that it is not linear."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lowdim.compat import import_deepinv

deepinv: Any = import_deepinv()


class NonuniformBlur(deepinv.physics.Physics):
    """A mixture of three Gaussian blurs, its weights at each pixel set by the brightness around it.

    With ``u = sigmoid(contrast * local mean)`` the blurs of the three ``widths`` get the weights ``(1 - u)^2``,
    ``2 u (1 - u)`` and ``u^2``: dark parts stay sharp, bright ones are blurred most. The local mean is the widest blur,
    averaged over channels. Smooth in ``x`` and not linear; a small stand-in for the learned camera-shake operator of
    the papers, which needs a network of its own.

    ``img_size`` is ``(C, H, W)``; further keywords, among them ``noise_model``, go to deepinv's ``Physics``.
    Raises ``ValueError`` unless there are three increasing widths > 0 and ``contrast`` is > 0.
    """

    filters: Tensor

    def __init__(
        self,
        img_size: Sequence[int],
        widths: Sequence[float] = (0.5, 1.0, 2.0),
        contrast: float = 4.0,
        **kwargs: Any,
    ) -> None:
        if len(widths) != 3 or not 0 < widths[0] < widths[1] < widths[2]:
            raise ValueError(f"widths: {tuple(widths)} is not allowed; give three increasing numbers > 0")
        if not contrast > 0:
            raise ValueError(f"contrast: {contrast!r} is not allowed; give a number > 0")
        super().__init__(**kwargs)
        self.img_size = tuple(img_size)
        self.contrast = contrast
        reach = min(round(4 * widths[2]), min(self.img_size[1:]) - 1)
        self.register_buffer("filters", torch.stack([_gaussian(width, reach) for width in widths])[:, None])

    def A(self, x: Tensor, **kwargs: Any) -> Tensor:
        """The blurred batch, of the shape of ``x (B, C, H, W)``; borders are reflected."""
        batch, channels = x.shape[:2]
        reach = self.filters.shape[-1] // 2
        planes = torch.nn.functional.pad(x.reshape(batch * channels, 1, *x.shape[2:]), (reach,) * 4, mode="reflect")
        blurred = torch.nn.functional.conv2d(planes, self.filters.to(x.dtype)).reshape(batch, channels, 3, *x.shape[2:])
        u = torch.sigmoid(self.contrast * blurred[:, :, 2].mean(1, keepdim=True))
        weights = torch.stack([(1 - u) ** 2, 2 * u * (1 - u), u**2], 2)
        return (weights * blurred).sum(2)


def _gaussian(width: float, reach: int) -> Tensor:
    """A Gaussian kernel ``(2 reach + 1, 2 reach + 1)`` of unit sum."""
    line = torch.exp(-torch.arange(-reach, reach + 1, dtype=torch.float64).square() / (2 * width**2))
    kernel = line[:, None] * line
    return kernel / kernel.sum()
