"""The method: write a key into the state at an intermediate noise level, finish sampling, read it back by inversion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.grids import check_sigmas
from lowdim.denoising.samplers import euler, invert, last
from lowdim.papers.shallow_diffuse.keys import Key


class Embedded(NamedTuple):
    """Pictures with and without the mark, from the same state, and the network evaluations that embedding costs for
    each picture. Without averaging ``clean`` is there for comparison, and what it took is not counted.
    """

    marked: Tensor
    clean: Tensor
    evaluations: int


def to_axes(x: Tensor, key: Key) -> Tensor:
    """``x (B, C, H, W)`` in the coordinates of the key's axes, in float64 or the precision of ``x``."""
    return torch.einsum("ac,bchw->bahw", key.axes.to(x), x)


def from_axes(z: Tensor, key: Key) -> Tensor:
    """The inverse of :func:`to_axes`."""
    return torch.einsum("ac,bahw->bchw", key.axes.to(z), z)


def coefficients(x: Tensor, key: Key) -> Tensor:
    """The orthonormal Fourier coefficients of ``x (B, C, H, W)`` at the key's marks, ``(B, channels, marks)``.

    The transform is taken in float32 at least. Raises ``ValueError`` when ``x`` is not finite or does not fit.
    """
    key.check_fits(x)
    z = to_axes(x if x.dtype == torch.float64 else x.float(), key)[:, list(key.channels)]
    return torch.fft.fft2(z, norm="ortho")[..., key.mask.to(x.device)]


def inject(x: Tensor, key: Key, sigma: float) -> Tensor:
    r"""``x (B, C, H, W)`` at noise level ``sigma`` with its marked coefficients replaced by the key's (Eq. 6).

    The paper writes a key of unit variance into variance-preserving points, ``x_t = x / sqrt(1 + sigma^2)``. In the
    book's coordinates the values written are therefore ``sqrt(1 + sigma^2) W``. All other coefficients stay.
    """
    key.check_fits(x)
    z = to_axes(x, key)
    mask = key.mask.to(x.device)
    written = (1 + sigma**2) ** 0.5 * key.values.to(x.device)
    for channel in key.channels:
        plane = z[:, channel] if z.dtype == torch.float64 else z[:, channel].float()
        spectrum = torch.fft.fft2(plane, norm="ortho")
        spectrum = torch.where(mask, written.to(spectrum.dtype), spectrum)
        z[:, channel] = torch.fft.ifft2(spectrum, norm="ortho").real.to(z.dtype)
    return from_axes(z, key)


def restore_channels(marked: Tensor, clean: Tensor, key: Key) -> Tensor:
    """The key's channels from ``marked``, all others from ``clean`` ("averaging" in the released code)."""
    z = to_axes(clean, key)
    z[:, list(key.channels)] = to_axes(marked, key)[:, list(key.channels)]
    return from_axes(z, key)


@dataclass(frozen=True)
class ShallowDiffuse:
    """The watermark of the paper on any denoiser.

    Pictures and states are in the units of the denoiser: pixels from -1 to 1 for those of the book, latents for one of
    latents. Nothing is scaled or clipped here, so bring bytes or pixels from 0 to 1 there first.

    Args:
        denoiser: ``D(x, sigma)`` on ``(B, C, H, W)``; it must not clip its answers.
        key: what to write, and where.
        sigmas: the descending grid from the level of injection ``sigmas[0]`` to its end, 0 or a small level. The tail
            of a sampler's grid; from its first level the same class is Tree-Ring (:func:`tree_ring`). A list is kept
            as a tensor. Raises ``ValueError`` where :func:`lowdim.denoising.grids.check_sigmas` does.
        average: take the channels without a key from the unmarked picture; costs a second run.
        label, corrections: how the inversion estimates the noise, see :func:`lowdim.denoising.samplers.invert`.

    """

    denoiser: Denoiser
    key: Key
    sigmas: Tensor
    average: bool = True
    label: str = "next"
    corrections: int = 0

    def __post_init__(self) -> None:
        grid = check_sigmas(self.sigmas)
        if not isinstance(self.sigmas, Tensor):
            object.__setattr__(self, "sigmas", grid)

    @property
    def sigma(self) -> float:
        """The level of injection."""
        return float(self.sigmas[0])

    @property
    def run_evaluations(self) -> int:
        """Network evaluations a picture of one run down the grid."""
        return int((self.sigmas > 0).sum())

    @property
    def read_evaluations(self) -> int:
        """Network evaluations a picture of one reading, that is of one inversion up the grid."""
        return (len(self.sigmas) - 1) * (1 + self.corrections)

    def finish(self, x: Tensor) -> Tensor:
        """From the state at the level of injection to a picture, without a mark: DDIM down the grid."""
        return last(euler(self.denoiser, x, self.sigmas))

    def embed_state(self, x: Tensor, clean: Tensor | None = None) -> Embedded:
        """Write the key into states ``x (B, C, H, W)`` at the level of injection and finish both ways.

        ``clean``, where it is known already, is what :meth:`finish` makes of ``x``. Raises ``ValueError`` for
        states that are not finite, none, or not of the key's size.
        """
        self.key.check_fits(x)
        plain = self.finish(x) if clean is None else clean
        marked = self.finish(inject(x, self.key, self.sigma))
        if self.average:
            marked = restore_channels(marked, plain, self.key)
        return Embedded(marked, plain, self.run_evaluations * (2 if self.average else 1))

    def embed_noise(self, x: Tensor, sigmas: Tensor | Sequence[float], guided: Denoiser | None = None) -> Embedded:
        """The server's scenario: from noise ``x`` at ``sigmas[0]`` down a grid that ends at the level of injection,
        with ``guided`` (a prompt and its guidance, bound) where given, then :meth:`embed_state`.
        """
        self.key.check_fits(x)
        grid = check_sigmas(sigmas)
        if abs(float(grid[-1]) - self.sigma) > 1e-9 * self.sigma:
            raise ValueError(f"sigmas: a grid that ends at {float(grid[-1]):.6g} is not allowed; "
                             f"it must end at the level of injection, {self.sigma:.6g}")  # fmt: skip
        found = self.embed_state(last(euler(_until(guided or self.denoiser, len(grid) - 1), x, grid)))
        return found._replace(evaluations=found.evaluations + len(grid) - 1)

    def embed_picture(self, x0: Tensor) -> Embedded:
        """The user's scenario: invert pictures ``x0`` to the level of injection, then :meth:`embed_state`.

        ``clean`` is the round trip without a mark, the ceiling of what this scenario can preserve.
        """
        found = self.embed_state(self.lift(x0))
        return found._replace(evaluations=found.evaluations + self.read_evaluations)

    def lift(self, pictures: Tensor) -> Tensor:
        """DDIM inversion of ``pictures (B, C, H, W)`` up to the level of injection.

        Raises ``ValueError`` when they are not finite, none, or not of the key's size.
        """
        self.key.check_fits(pictures, "pictures")
        counted = _until(self.denoiser, self.read_evaluations)
        return last(invert(counted, pictures, self.sigmas, label=self.label, corrections=self.corrections))

    def read(self, pictures: Tensor) -> Tensor:
        """What stands at the key's marks of the inverted pictures, in variance-preserving units: ``(B, channels,
        marks)``, to be compared with ``key.marked_values`` by a score.
        """
        return coefficients(self.lift(pictures), self.key) / (1 + self.sigma**2) ** 0.5


def _until(denoiser: Denoiser, evaluations: int) -> Denoiser:
    """The denoiser, which after so many calls is asked no more and answers its input: samplers ask once more at the
    end of a grid above level 0, for a record that is not needed here.
    """
    count = 0

    def ask(x: Tensor, sigma: float | Tensor, /) -> Tensor:
        nonlocal count
        count += 1
        return denoiser(x, sigma) if count <= evaluations else x

    return ask
