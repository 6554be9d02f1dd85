"""The measurement tasks of the papers on diffusion priors, at any image size, in deepinv's interface.

Images live in [-1, 1]. Sizes follow the papers in proportion to the side of the image. What deepinv has is taken from
it; amplitudes, clipped highlights and the picture-dependent blur are ours, in its interface.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from lowdim.compat import import_deepinv
from lowdim.measurement.dynamic_range import HighDynamicRange
from lowdim.measurement.nonuniform_blur import NonuniformBlur
from lowdim.measurement.phase_retrieval import AmplitudePhaseRetrieval

deepinv: Any = import_deepinv()

Shape = tuple[int, int, int]
BLUR_WIDTH, BLUR_SIDE = 1.5, 13
"""Standard deviation and side, in pixels at 32 x 32, of the Gaussian blur; the motion blur has side 9."""


def _super_resolution(shape: Shape, generator: torch.Generator) -> Any:
    # The size given to deepinv would be that of a filter; the bicubic kernel needs none.
    physics = deepinv.physics.DownsamplingMatlab(factor=4)
    physics.img_size = shape
    return physics


def _box(shape: Shape, generator: torch.Generator) -> Any:
    _, height, width = shape
    hole = round(3 * height / 8)
    margin = round(height / 8)
    top = int(torch.randint(margin, height - hole - margin + 1, (), generator=generator))
    left = int(torch.randint(margin, width - hole - margin + 1, (), generator=generator))
    mask = torch.ones(shape)
    mask[:, top : top + hole, left : left + hole] = 0
    return deepinv.physics.Inpainting(img_size=shape, mask=mask)


def _random(shape: Shape, generator: torch.Generator) -> Any:
    pixels = shape[1] * shape[2]
    mask = torch.zeros(pixels)
    mask[torch.randperm(pixels, generator=generator)[: round(0.3 * pixels)]] = 1
    return deepinv.physics.Inpainting(img_size=shape, mask=mask.reshape(1, *shape[1:]).expand(shape).clone())


def _gaussian_blur(shape: Shape, generator: torch.Generator) -> Any:
    line = torch.arange(_odd(shape, BLUR_SIDE)) - _odd(shape, BLUR_SIDE) // 2
    profile = torch.exp(-line.double().square() / (2 * (BLUR_WIDTH * shape[1] / 32) ** 2))
    kernel = profile[:, None] * profile
    return _blur(shape, (kernel / kernel.sum()).float())


def _motion_blur(shape: Shape, generator: torch.Generator) -> Any:
    side = _odd(shape, 9)
    seed = int(torch.randint(2**31 - 1, (), generator=generator))
    rng = torch.Generator().manual_seed(seed)
    kernel = deepinv.physics.generator.MotionBlurGenerator((side, side), rng=rng).step()["filter"][0, 0]
    return _blur(shape, kernel / kernel.sum())


def _odd(shape: Shape, at_32: int) -> int:
    """The odd side of a kernel that is ``at_32`` pixels wide in an image of 32."""
    return 2 * round((at_32 * shape[1] / 32 - 1) / 2) + 1


def _blur(shape: Shape, kernel: Tensor) -> Any:
    return deepinv.physics.Blur(filter=kernel[None, None], padding="reflect", img_size=shape)


def _phase_retrieval(shape: Shape, generator: torch.Generator) -> Any:
    return AmplitudePhaseRetrieval(shape, pad=shape[1] // 4)


def _nonuniform_blur(shape: Shape, generator: torch.Generator) -> Any:
    scale = shape[1] / 32
    return NonuniformBlur(shape, widths=(0.5 * scale, scale, 2 * scale))


def _dynamic_range(shape: Shape, generator: torch.Generator) -> Any:
    return HighDynamicRange(shape)


TASKS: Mapping[str, Callable[[Shape, torch.Generator], Any]] = {
    "super-resolution": _super_resolution,
    "box-inpainting": _box,
    "random-inpainting": _random,
    "gaussian-blur": _gaussian_blur,
    "motion-blur": _motion_blur,
    "phase-retrieval": _phase_retrieval,
    "nonuniform-blur": _nonuniform_blur,
    "dynamic-range": _dynamic_range,
}
LINEAR = ("super-resolution", "box-inpainting", "random-inpainting", "gaussian-blur", "motion-blur")


def make_task(name: str, shape: Shape, noise_std: float, generator: torch.Generator) -> Any:
    """The operator of task ``name`` for images ``shape = (C, H, W)``, with Gaussian noise of ``noise_std``.

    The tasks are the keys of ``TASKS``: ``"super-resolution"``, ``"box-inpainting"``, ``"random-inpainting"``,
    ``"gaussian-blur"`` and ``"motion-blur"``, which are linear, and ``"phase-retrieval"``, ``"nonuniform-blur"`` and
    ``"dynamic-range"``.

    ``generator`` draws what is random in the operator (the hole, the kept pixels, the motion), and then the noise: the
    physics keeps it, so ``physics(x)`` gives the same measurement in every run.

    Raises ``ValueError`` for an unknown name, an image that is not square with a side divisible by 4 and at least 16,
    or ``noise_std`` not above 0.
    """
    if name not in TASKS:
        raise ValueError(f"name: {name!r} is unknown; choose one of {', '.join(TASKS)}")
    if len(shape) != 3 or shape[1] != shape[2] or shape[1] % 4 or shape[1] < 16:
        raise ValueError(f"shape: {tuple(shape)} is not allowed; give (C, H, H) with H >= 16 divisible by 4")
    if not noise_std > 0:
        raise ValueError(f"noise_std: {noise_std!r} is not allowed; give a number > 0")
    physics = TASKS[name](shape, generator)
    physics.set_noise_model(deepinv.physics.GaussianNoise(noise_std, rng=generator))
    return physics
