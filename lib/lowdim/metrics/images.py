"""How close a reconstructed image is to the true one: peak signal-to-noise ratio and structural similarity."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lowdim.checks import check_finite
from lowdim.compat import import_torchvision

LIMITS = (-1.0, 1.0)


def psnr(images: Tensor, truth: Tensor, limits: tuple[float, float] = LIMITS) -> Tensor:
    """``10 log10((high - low)^2 / mean squared error)`` of each image ``(B,)``, in decibels.

    Both are ``(B, ...)``, images are cut to ``limits = (low, high)`` first, and the mean is over all entries of an
    image. The range decides the number: pixels in [-1, 1] have a peak of 2, the same pixels in [0, 1] one of 1.
    Raises ``ValueError`` for other shapes or limits.
    """
    images, truth = _pair(images, truth, limits)
    error = (images - truth).flatten(1).square().mean(1)
    return 10 * torch.log10((limits[1] - limits[0]) ** 2 / error)


def ssim(images: Tensor, truth: Tensor, limits: tuple[float, float] = LIMITS) -> Tensor:
    """Structural similarity (Wang et al. 2004) of each image ``(B,)``, by torchmetrics.

    Gaussian window of 11 x 11 pixels and deviation 1.5, where it fits into the image, and the mean over its places and
    the channels, as in scikit-image; ``(B, C, H, W)`` with at least 11 pixels a side. Images are cut to ``limits`` and
    mapped to [0, 1] first: the measure compares brightness, so its zero has to be black.
    Raises ``ValueError`` for other shapes or limits.
    """
    images, truth = _pair(images, truth, limits)
    if images.dim() != 4 or min(images.shape[2:]) < 11:
        raise ValueError(f"images: shape {tuple(images.shape)} is not allowed; give (B, C, H, W), H and W at least 11")
    import_torchvision()  # torchmetrics imports it
    from torchmetrics.functional.image import structural_similarity_index_measure

    first, second = ((x - limits[0]) / (limits[1] - limits[0]) for x in (images, truth))
    whole: Any = structural_similarity_index_measure(
        first, second, sigma=1.5, kernel_size=11, data_range=1.0, reduction="none", return_full_image=True
    )
    return whole[1][..., 5:-5, 5:-5].mean((1, 2, 3))  # torchmetrics reflects at the border


def _pair(images: Tensor, truth: Tensor, limits: tuple[float, float]) -> tuple[Tensor, Tensor]:
    check_finite("images", images)
    check_finite("truth", truth)
    if images.shape != truth.shape or images.dim() < 2:
        raise ValueError(
            f"images: shape {tuple(images.shape)} for a truth of {tuple(truth.shape)}; give (B, ...) twice"
        )
    if not limits[0] < limits[1]:
        raise ValueError(f"limits: {limits!r} is not allowed; give (low, high) with low < high")
    return images.clamp(*limits), truth.clamp(*limits)
