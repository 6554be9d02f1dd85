"""Gaussian pictures whose law does not change when they are shifted: everything is diagonal in Fourier space."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lowdim.checks import check_finite
from lowdim.distributions.base import Distribution


class StationaryGaussian(Distribution):
    """``x0 = mean + F^-1(sqrt(S) F(n))`` with the orthonormal Fourier transform ``F`` and ``n`` standard normal.

    ``S[k]`` is the variance of the Fourier coefficient ``k``, so the denoiser multiplies coefficient ``k`` of
    ``x - mean`` by ``S[k] / (S[k] + sigma^2)``. Coefficients ``k`` and ``-k`` of a real picture are conjugate, so they
    share a variance.

    Args:
        spectrum: ``(C, H, W)``, or ``(H, W)`` for one channel; channels are independent.
        mean: a number, or ``(C, H, W)``.

    Raises:
        ValueError: for variances that are negative or not the same at ``k`` and ``-k``.

    """

    def __init__(self, spectrum: Tensor, mean: float | Tensor = 0.0) -> None:
        check_finite("spectrum", spectrum)
        S = spectrum[None] if spectrum.dim() == 2 else spectrum
        if S.dim() != 3 or bool((S < 0).any()):
            raise ValueError(f"spectrum: shape {tuple(spectrum.shape)} is not allowed; give (C, H, W) of numbers >= 0")
        if not torch.allclose(S, mirror(S), rtol=1e-6):
            raise ValueError("spectrum: the variances of k and -k differ; a real picture has them equal")
        super().__init__(S.shape, S.dtype, S.device)
        self.spectrum = S
        self._average = torch.as_tensor(mean, dtype=S.dtype, device=S.device).expand(S.shape).reshape(-1)

    @classmethod
    def power_law(
        cls, size: int, exponent: float = 2.0, variance: float = 0.25, *, channels: int = 1
    ) -> StationaryGaussian:
        """``S`` proportional to ``(f^2 + size^-2)^(-exponent / 2)``, ``f`` in cycles a pixel, for square pictures.

        Natural images have an exponent near 2. ``variance`` is that of one pixel. Float64.
        """
        if size < 2 or not variance > 0:
            raise ValueError(f"size, variance: {size!r}, {variance!r} are not allowed; need size >= 2 and variance > 0")
        shape = (frequencies(size, size).square() + size**-2.0) ** (-exponent / 2)
        return cls((variance * shape / shape.mean()).expand(channels, size, size).clone())

    def gains(self, sigma: float) -> Tensor:
        """What the denoiser multiplies each coefficient by: ``S / (S + sigma^2)``, the eigenvalues of its Jacobian."""
        return self.spectrum / (self.spectrum + sigma**2)

    def posterior(self, y: Tensor, operator: Any, noise_std: float) -> Distribution:
        """As the dense Gaussian of the same covariance; meant for small pictures."""
        return self.gaussian().posterior(y, operator, noise_std)

    def to(self, dtype: torch.dtype | None = None, device: str | torch.device | None = None) -> StationaryGaussian:
        """The same law with its tensors in ``dtype`` and on ``device``."""
        mean = self.mean().to(dtype=dtype, device=device)
        return StationaryGaussian(self.spectrum.to(dtype=dtype, device=device), mean)

    @property
    def _width(self) -> int:
        return 4 * self.n

    def _filter(self, flat: Tensor, gains: Tensor) -> Tensor:
        """Rows ``(..., n)`` with their coefficients multiplied by ``gains`` ``(..., C, H, W)``."""
        pictures = flat.reshape(*flat.shape[:-1], *self.event_shape)
        return torch.fft.ifft2(gains * torch.fft.fft2(pictures)).real.reshape(flat.shape)

    def _sample(self, n: int, generator: torch.Generator) -> Tensor:
        noise = torch.randn(n, self.n, generator=generator, dtype=self.dtype, device=generator.device)
        return self._average + self._filter(noise.to(self.device), self.spectrum.sqrt())

    def _log_prob(self, x: Tensor, sigma: Tensor) -> Tensor:
        pictures = (x - self._average).reshape(-1, *self.event_shape)
        energy = torch.fft.fft2(pictures, norm="ortho").abs().square()
        variance = self.spectrum + sigma[:, None, None, None].square()
        return -0.5 * (energy / variance + (2 * torch.pi * variance).log()).flatten(1).sum(1)

    def _denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        gains = self.spectrum / (self.spectrum + sigma[:, None, None, None].square())
        return self._average + self._filter(x - self._average, gains)

    def _denoiser_product(self, x: Tensor, sigma: Tensor, v: Tensor) -> Tensor:
        return self._filter(v, self.spectrum / (self.spectrum + sigma[:, None, None, None, None].square()))

    def _mean(self) -> Tensor:
        return self._average

    def _covariance_factor(self) -> Tensor:
        identity = torch.eye(self.n, dtype=self.dtype, device=self.device)
        return self._filter(identity, self.spectrum.sqrt())


def frequencies(height: int, width: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """The distance ``(height, width)`` of each Fourier coefficient from zero frequency, in cycles a pixel."""
    rows, columns = torch.fft.fftfreq(height, dtype=dtype), torch.fft.fftfreq(width, dtype=dtype)
    return torch.hypot(rows[:, None].expand(height, width), columns[None].expand(height, width))


def mirror(spectrum: Tensor) -> Tensor:
    """The array with entry ``k`` moved to ``-k`` on its last two axes."""
    return spectrum.flip(-2, -1).roll((1, 1), (-2, -1))
