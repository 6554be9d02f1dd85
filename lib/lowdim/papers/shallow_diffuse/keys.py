"""Keys: which Fourier coefficients of which channel carry the watermark, and what is written there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lowdim.checks import check_count, check_finite
from lowdim.distributions.stationary import mirror

CENTRES = ("dc", "nyquist")
PATTERNS = ("rings", "random", "zero")

COLOUR_AXES = torch.tensor([[1.0, 1.0, 1.0], [1.0, -1.0, 0.0], [1.0, 1.0, -2.0]], dtype=torch.float64)
COLOUR_AXES = COLOUR_AXES / COLOUR_AXES.norm(dim=1, keepdim=True)
"""Orthonormal axes of colour: brightness, red against green, yellow against blue."""


@dataclass(frozen=True)
class Key:
    """A pattern in Fourier space, and where it goes.

    ``mask (H, W)`` marks the coefficients, ``values (H, W)``, complex, what is written there in units of white noise of
    variance 1 under the orthonormal transform; both symmetric under ``k -> -k`` (values conjugate), so that what is
    written into a real picture is real and can be read back exactly. ``axes (C, C)`` are orthonormal directions of
    colour (or of latent channels) and ``channels`` the rows of it that carry the key.

    Raises ``ValueError`` naming the argument that is not symmetric, finite, orthonormal, or marks nothing.
    """

    mask: Tensor
    values: Tensor
    axes: Tensor
    channels: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.mask.dim() != 2 or self.mask.dtype != torch.bool or not bool(self.mask.any()):
            raise ValueError(f"mask: {self.mask.dtype} of shape {tuple(self.mask.shape)} with {int(self.mask.sum())} "
                             "marks is not allowed; give a boolean (H, W) with at least one")  # fmt: skip
        if not bool((self.mask == mirror(self.mask)).all()):
            raise ValueError("mask: k is marked and -k is not; the real part would lose half of such a key")
        if self.values.shape != self.mask.shape:
            raise ValueError(f"values: shape {tuple(self.values.shape)} is not allowed; give {tuple(self.mask.shape)}")
        check_finite("values", torch.view_as_real(self.values.to(torch.complex128)))
        inside = self.values * self.mask
        if not torch.allclose(inside, mirror(inside).conj(), atol=1e-6):
            raise ValueError("values: the value at -k must be the conjugate of that at k, else the picture is complex")
        count = self.axes.shape[0]
        if not torch.allclose(self.axes @ self.axes.T, torch.eye(count, dtype=self.axes.dtype), atol=1e-6):
            raise ValueError(f"axes: a matrix {tuple(self.axes.shape)} that is not orthogonal is not allowed")
        if not self.channels or not set(self.channels) <= set(range(count)):
            raise ValueError(f"channels: {self.channels} is not allowed; give some of 0 to {count - 1}")

    @property
    def size(self) -> int:
        """Marked coefficients in all channels together, which is the number of real degrees of freedom."""
        return int(self.mask.sum()) * len(self.channels)

    @property
    def marked_values(self) -> Tensor:
        """The values at the marks, ``(number of marks,)``."""
        return self.values[self.mask]

    def scaled(self, strength: float) -> Key:
        """The same key with its values times ``strength``."""
        if not 0 < strength < math.inf:
            raise ValueError(f"strength: {strength!r} is not allowed; give a finite number > 0")
        return replace(self, values=strength * self.values)

    def check_fits(self, x: Tensor, name: str = "x") -> None:
        """Raise ``ValueError`` unless ``x`` is a finite batch ``(B, C, H, W)`` of the key's size, not empty."""
        check_finite(name, x)
        want = (self.axes.shape[0], *self.mask.shape)
        if x.dim() != 4 or tuple(x.shape[1:]) != want or not len(x):
            size = ", ".join(map(str, want))
            raise ValueError(f"{name}: shape {tuple(x.shape)} does not fit this key; give (B, {size}) with B >= 1")


def distances(height: int, width: int, centre: str = "dc") -> Tensor:
    """The distance ``(H, W)`` of every coefficient from ``centre``, in whole cycles a picture, the short way round.

    ``"dc"`` is the frequency zero; ``"nyquist"`` the corner of highest frequencies, where an unshifted transform has
    the middle of its array. Both are their own mirror image, so discs and rings about them are symmetric.
    """
    if centre not in CENTRES:
        raise ValueError(f"centre: {centre!r} is unknown; choose one of {', '.join(CENTRES)}")

    def along(n: int) -> Tensor:
        offset = n // 2 if centre == "nyquist" else 0
        return ((torch.arange(n) - offset + n // 2) % n - n // 2).abs().double()

    if centre == "nyquist" and (height % 2 or width % 2):
        raise ValueError(f"centre: 'nyquist' needs even sides, these are {height} and {width}")
    return torch.hypot(along(height)[:, None].expand(height, width), along(width)[None].expand(height, width))


def make_key(
    size: int | tuple[int, int],
    low: float,
    high: float,
    generator: torch.Generator,
    *,
    pattern: str = "rings",
    centre: str = "dc",
    channels: int | Sequence[int] = 0,
    axes: Tensor | None = None,
    strength: float = 1.0,
) -> Key:
    """A key on the coefficients at a distance from ``low`` to ``high`` (cycles a picture) from ``centre``.

    * ``"rings"``: one real normal value for each ring of width 1, the same all round (Tree-Ring; real, see below);
    * ``"random"``: the coefficients of white noise;
    * ``"zero"``: zeros.

    The first two are scaled to root mean square ``strength``: at 1 the written coefficients are as large as those of
    white noise of variance 1. The released code gives rings complex values on a disc that is not symmetric, and taking
    the real part then changes the key; real values on a symmetric band come back as they were written.

    ``axes`` are orthonormal rows ``(C, C)``, by default :data:`COLOUR_AXES` (for latents give ``torch.eye(4)``).
    Raises ``ValueError`` for an empty band, an unknown pattern or centre, and as :class:`Key`.
    """
    height, width = (size, size) if isinstance(size, int) else size
    distance = distances(height, width, centre)
    if not 0 <= low <= high:
        raise ValueError(f"low, high: {low!r}, {high!r} are not allowed; need 0 <= low <= high")
    mask = (distance >= low) & (distance <= high)
    if not bool(mask.any()):
        raise ValueError(f"low, high: no coefficient of {height} x {width} lies between {low!r} and {high!r}")
    if pattern == "rings":
        per_ring = torch.randn(int(distance.max()) + 2, generator=generator, dtype=torch.float64)
        values = per_ring[(distance + 0.5).long()].to(torch.complex128)
    elif pattern == "random":
        noise = torch.randn(height, width, generator=generator, dtype=torch.float64)
        values = torch.fft.fft2(noise, norm="ortho")
    elif pattern == "zero":
        values = torch.zeros(height, width, dtype=torch.complex128)
    else:
        raise ValueError(f"pattern: {pattern!r} is unknown; choose one of {', '.join(PATTERNS)}")
    if pattern != "zero":
        values = values / values[mask].abs().square().mean().sqrt()
    chosen = (channels,) if isinstance(channels, int) else tuple(channels)
    key = Key(mask, values * mask, COLOUR_AXES if axes is None else axes.double(), chosen)
    return key if pattern == "zero" else key.scaled(strength)


def sectors(key: Key, count: int, generator: torch.Generator) -> list[Key]:
    """``count`` keys that share the band of ``key`` by angle, each with its own rings.

    Sector ``j`` holds the directions from ``j`` to ``j + 1`` times ``pi / count``, and the opposite ones, which carry
    the conjugate coefficients. Raises ``ValueError`` when a sector is left without coefficients.
    """
    check_count("count", count)
    height, width = key.mask.shape
    rows = torch.fft.fftfreq(height, dtype=torch.float64)[:, None].expand(height, width) * height
    columns = torch.fft.fftfreq(width, dtype=torch.float64)[None].expand(height, width) * width
    rings = (torch.hypot(rows, columns) + 0.5).long()
    # The line at angle pi is the one at 0. Nyquist rows and columns are their own mirror image but not by angle.
    angle = torch.atan2(rows, columns) % math.pi
    angle = torch.where((rows == -height // 2) | (columns == -width // 2), torch.zeros_like(angle), angle)
    sector = (angle / math.pi * count + 1e-9).long() % count
    keys = []
    for j in range(count):
        mask = key.mask & (sector == j)
        per_ring = torch.randn(int(rings.max()) + 1, generator=generator, dtype=torch.float64)
        values = (per_ring[rings] * mask).to(torch.complex128)
        if not bool(mask.any()):
            raise ValueError(f"count: {count!r} sectors leave one without coefficients; give fewer")
        scale = (key.marked_values.abs().square().mean() / values[mask].abs().square().mean()).sqrt()
        keys.append(replace(key, mask=mask, values=values * scale))
    return keys


def merge(keys: Sequence[Key]) -> Key:
    """One key that writes all of ``keys``, whose masks must not overlap."""
    total = torch.stack([key.mask for key in keys]).sum(0)
    if int(total.max()) > 1:
        raise ValueError("keys: two of them mark the same coefficient; give keys with separate masks")
    values = torch.stack([key.values * key.mask for key in keys]).sum(0)
    return replace(keys[0], mask=total > 0, values=values)
