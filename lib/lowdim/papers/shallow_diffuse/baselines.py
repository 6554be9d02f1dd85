"""What the method is compared with: Tree-Ring, the same key at the deepest level, and a mark that needs no network."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from lowdim.denoising.denoiser import Denoiser
from lowdim.papers.shallow_diffuse.keys import Key
from lowdim.papers.shallow_diffuse.watermark import ShallowDiffuse, coefficients, from_axes, to_axes


def tree_ring(denoiser: Denoiser, key: Key, sigmas: Tensor) -> ShallowDiffuse:
    """Tree-Ring (Wen et al. 2023): the key in the initial noise, at the first level of the whole grid ``sigmas``.

    Its own key is a disc at zero frequency, ``make_key(size, 0, high, ...)``. No channel is restored: at this depth
    the picture is another one, and there is nothing to restore it from.
    """
    return ShallowDiffuse(denoiser, key, sigmas, average=False)


@dataclass(frozen=True)
class SpreadSpectrum:
    """An additive mark (Cox et al. 1997): the key's pattern times ``amplitude``, added to the finished picture.

    No network, no evaluation. Read by the coefficients themselves.
    """

    key: Key
    amplitude: float

    @classmethod
    def at_psnr(cls, key: Key, psnr: float) -> SpreadSpectrum:
        """The mark whose distortion is ``psnr`` decibels for pixels in [-1, 1], before clipping and rounding."""
        pixels = key.axes.shape[0] * key.mask.numel()
        energy = float(key.marked_values.abs().square().sum()) * len(key.channels)
        if not math.isfinite(psnr) or energy == 0:
            raise ValueError(f"psnr: {psnr!r} with a key of energy {energy:g} is not allowed; give finite decibels and "
                             "a key that is not zero")  # fmt: skip
        return cls(key, math.sqrt(4 * pixels * 10 ** (-psnr / 10) / energy))

    def embed(self, pictures: Tensor) -> Tensor:
        """``pictures (B, C, H, W)`` with the pattern added."""
        self.key.check_fits(pictures)
        z = to_axes(pictures, self.key)
        pattern = torch.fft.ifft2(self.key.values * self.key.mask, norm="ortho").real
        z[:, list(self.key.channels)] += self.amplitude * pattern.to(z)
        return from_axes(z, self.key)

    def read(self, pictures: Tensor) -> Tensor:
        """The marked coefficients ``(B, channels, marks)``, for the scores of the chapter."""
        return coefficients(pictures, self.key)
