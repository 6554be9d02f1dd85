"""How far one picture is from another: peak signal-to-noise ratio and structural similarity, picture by picture."""

from __future__ import annotations

import torch
from torch import Tensor

from lowdim.checks import check_batch, check_finite

PIXEL_RANGE = 2.0
"""Pixels of the book live in [-1, 1]."""


def psnr(found: Tensor, target: Tensor, pixel_range: float = PIXEL_RANGE) -> Tensor:
    """``10 log10(range^2 / mean squared error)`` in decibels, one for each picture ``(B,)``; equal pictures give inf.

    Both are ``(B, C, H, W)``. Nothing is clipped or rounded here.
    """
    check_finite("target", target)
    check_batch("found", found, target.shape[1:])
    error = (found - target).double().square().flatten(1).mean(1)
    return 10 * torch.log10(pixel_range**2 / error)


def ssim(found: Tensor, target: Tensor, window: int = 11, pixel_range: float = PIXEL_RANGE) -> Tensor:
    """Structural similarity (Wang et al. 2004), one for each picture ``(B,)``, by scikit-image.

    ``window`` is the side of the Gaussian window, whose standard deviation is ``1.5 window / 11`` pixels: 11 is the
    usual one; small pictures need a smaller one. Its mean is taken where the window lies inside the picture. Raises
    ``ValueError`` for an even window or one larger than the picture.
    """
    from skimage.metrics import structural_similarity

    check_finite("target", target)
    check_batch("found", found, target.shape[1:])
    if window % 2 == 0 or not 3 <= window <= min(target.shape[-2:]):
        raise ValueError(f"window: {window!r} is not allowed; give an odd number from 3 to {min(target.shape[-2:])}")
    pairs = zip(found.detach().cpu().double().numpy(), target.detach().cpu().double().numpy(), strict=True)
    values = [
        structural_similarity(
            a, b, data_range=pixel_range, channel_axis=0, gaussian_weights=True, sigma=1.5 * window / 11,
            use_sample_covariance=False,
        )
        for a, b in pairs
    ]  # fmt: skip
    return torch.tensor(values, dtype=torch.float64)
