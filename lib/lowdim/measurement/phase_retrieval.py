"""Phase retrieval from amplitudes, as the papers on diffusion priors pose it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lowdim.checks import check_count
from lowdim.compat import import_deepinv

deepinv: Any = import_deepinv()


class AmplitudePhaseRetrieval(deepinv.physics.Physics):
    """``A(x) = |F P (x + 1) / 2|``: pixels from [-1, 1] to [0, 1], zero padding ``P``, orthonormal Fourier transform
    ``F``, modulus.

    Every axis of an event but the first (the channels) is padded by ``pad`` zeros on both sides and transformed; the
    zero frequency comes to lie in the middle. deepinv's own ``PhaseRetrieval`` measures intensities ``|.|^2`` instead.
    Amplitudes cannot tell an image from itself turned by 180 degrees or moved within the padding (Chung et al., 2023,
    appendix; their oversampling 2 is a ``pad`` of a quarter of the side).

    ``img_size`` is ``(C, *axes)``; further keywords, among them ``noise_model``, go to deepinv's ``Physics``.
    Where an amplitude is zero, its derivative is taken to be zero.
    Raises ``ValueError`` for an ``img_size`` without an axis to transform, and for a negative ``pad``.
    """

    def __init__(self, img_size: Sequence[int], pad: int, **kwargs: Any) -> None:
        if len(img_size) < 2:
            raise ValueError(f"img_size: {tuple(img_size)} is not allowed; give (C, ...) with an axis to transform")
        check_count("pad", pad, 0)
        super().__init__(**kwargs)
        self.img_size = tuple(img_size)
        self.pad = pad

    def A(self, x: Tensor, **kwargs: Any) -> Tensor:
        """The amplitudes ``(B, C, *(axis + 2 pad))`` of the batch ``(B, *img_size)``."""
        axes = tuple(range(2, x.dim()))
        padded = torch.nn.functional.pad((x + 1) / 2, (self.pad, self.pad) * len(axes))
        return torch.fft.fftshift(torch.fft.fftn(padded, dim=axes, norm="ortho"), dim=axes).abs()


def turned(x: Tensor) -> Tensor:
    """The batch with every axis but the batch and the channels reversed: what amplitudes cannot tell from ``x``."""
    return x.flip(tuple(range(2, x.dim())))
