"""Highlights that a sensor clips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from lowdim.compat import import_deepinv

deepinv: Any = import_deepinv()


class HighDynamicRange(deepinv.physics.Physics):
    """``A(x) = clip(gain x, -1, 1)`` for pixels in [-1, 1]: the middle of the range is stretched, the rest saturates.

    The derivative is ``gain`` inside and 0 where a pixel saturates. At the very edge, ``|gain x| = 1``, every number
    between the two is a subgradient; PyTorch's clamp gives ``gain``, so that a pixel at the edge may move back inside.
    ``gain = 2`` in the papers on diffusion priors.
    ``img_size`` is the shape of one image; further keywords, among them ``noise_model``, go to deepinv's ``Physics``.
    Raises ``ValueError`` unless ``gain > 0``.
    """

    def __init__(self, img_size: Sequence[int], gain: float = 2.0, **kwargs: Any) -> None:
        if not gain > 0:
            raise ValueError(f"gain: {gain!r} is not allowed; give a number > 0")
        super().__init__(**kwargs)
        self.img_size = tuple(img_size)
        self.gain = gain

    def A(self, x: Tensor, **kwargs: Any) -> Tensor:
        """The clipped batch, of the shape of ``x``."""
        return (self.gain * x).clamp(-1, 1)
