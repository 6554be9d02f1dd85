"""Images by the name of their set, all through one function, and disjoint halves of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from lowdim.data.celeba import load_celeba
from lowdim.data.cifar10 import PART, load_cifar10
from lowdim.data.digits import DIGITS, SIDE, load_digits
from lowdim.data.ffhq import load_ffhq
from lowdim.data.records import Images

Loader = Callable[..., Images]


def load_images(
    name: str,
    split: str = "train",
    limit: int | None = None,
    *,
    size: int | None = None,
    folder: str | Path | None = None,
    dtype: torch.dtype = torch.float32,
) -> Images:
    """The first ``limit`` images of ``split`` of the set ``name``, as (N, C, size, size) in [-1, 1].

    Names, splits, and the size by default: ``"cifar10"`` (train, test; 32; the original archive where it is present,
    else the part), ``"cifar10-jpeg75-subset"`` (the part), ``"celeba"`` (train, validation, test; 64, from the central
    140 x 140), ``"ffhq"`` (train, validation; 64) and ``"digits"`` (train, test; 8, one channel). Splits are disjoint
    and in the order of their publishers. All but the digits are local files, in ``folder`` or ``LOWDIM_DATA``. Images
    are shrunk with anti-aliasing and never enlarged.

    Raises ``ValueError`` for an unknown name or split, a limit above what the split holds, a size out of range and
    damaged files; ``FileNotFoundError`` for missing ones, with where to get them.
    """
    if name not in LOADERS:
        raise ValueError(f"name: {name!r} is unknown; choose one of {', '.join(LOADERS)}")
    sized = {} if size is None else {"size": size}
    return LOADERS[name](split, limit, folder=folder, dtype=dtype, **sized)


def disjoint_halves(images: Tensor, per_half: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two sets of ``per_half`` images without a common one, drawn from ``images`` (N, ...) at random.

    For labels too, draw halves of ``torch.arange(N)`` and index with them. Raises ``ValueError`` when there are fewer
    than ``2 * per_half`` images.
    """
    if not 1 <= per_half <= len(images) // 2:
        raise ValueError(
            f"per_half: {per_half!r} is not allowed; {len(images)} images hold two halves of 1 to {len(images) // 2}"
        )
    order = torch.randperm(len(images), generator=generator, device=generator.device).to(images.device)
    return images[order[:per_half]], images[order[per_half : 2 * per_half]]


def _part(split: str, limit: int | None, **options: object) -> Images:
    return load_cifar10(split, limit, source=PART, **options)  # type: ignore[arg-type]


def _digits(
    split: str, limit: int | None, *, folder: str | Path | None, dtype: torch.dtype, size: int = SIDE
) -> Images:
    count = DIGITS.count(split, limit)
    if size != SIDE:
        raise ValueError(f"size: {size!r} is not allowed; the digits have {SIDE} x {SIDE} pixels")
    images, labels = load_digits(split, dtype)
    return Images(images[:count], labels[:count], DIGITS.name)


LOADERS: Mapping[str, Loader] = {
    "cifar10": load_cifar10,
    PART: _part,
    "celeba": load_celeba,
    "ffhq": load_ffhq,
    "digits": _digits,
}
