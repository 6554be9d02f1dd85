"""The phantoms model: a U-Net on 64 x 64 pictures of ellipses, and on the real and imaginary parts of such pictures.

Phantoms are drawn afresh for every batch. Half of a batch are phantoms as they are, as in tomography; the other half
are real or imaginary parts of the same phantoms under a smooth phase, as in magnetic resonance imaging. So one network
of one channel serves both.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lowdim.data.phantoms import sample_phantoms, smooth_phases, with_phase
from lowdim.denoising.grids import edm_sigmas
from lowdim.denoising.networks import EDMDenoiser, small_unet
from lowdim.denoising.samplers import heun, initial_noise, last
from lowdim.denoising.weights import save_model
from lowdim.model_store import Scores
from lowdim.profile import Profiles
from lowdim.recipes.denoisers import STEPS, DenoiserTraining, sheet
from lowdim.recipes.recipe import Recipe
from lowdim.training.loop import LossStep
from lowdim.training.losses import edm_loss

SIZE = 64
SIGMA_DATA = 0.2
LEVELS = (0.02, 0.05, 0.1, 0.2, 0.5)
SIGMA_MAX = 10.0  # far above the data, within what training covers


@dataclass(frozen=True, kw_only=True)
class PhantomsTraining(DenoiserTraining):
    """The settings of the phantoms model: also whether to compute in bfloat16."""

    bfloat16: bool = True


def build(settings: PhantomsTraining) -> EDMDenoiser:
    """The untrained denoiser."""
    return EDMDenoiser(small_unet(SIZE, settings.channels, 1), SIGMA_DATA)


def draw(n: int, generator: torch.Generator) -> Tensor:
    """``2 n`` pictures ``(2 n, 1, 64, 64)``: phantoms, then a real or an imaginary part of each under a phase."""
    plain = sample_phantoms(n, generator, SIZE)
    parts = with_phase(plain, smooth_phases(n, generator, SIZE))
    picked = torch.randint(2, (n,), generator=generator)
    return torch.cat([plain, parts[torch.arange(n), picked, None]])


def loss(settings: PhantomsTraining, device: torch.device) -> LossStep:
    """The EDM loss on freshly drawn pictures."""

    def loss_step(model: nn.Module, generator: torch.Generator) -> Tensor:
        pictures = draw(settings.batch // 2, generator).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.bfloat16):
            return edm_loss(model, pictures, generator, P_mean=settings.P_mean, P_std=settings.P_std)

    return loss_step


def score(
    denoiser: EDMDenoiser, settings: PhantomsTraining, generator: torch.Generator
) -> tuple[Scores, dict[str, bytes]]:
    """How well fresh pictures are denoised, beside total variation with the best of four weights, and samples."""
    device = next(denoiser.parameters()).device
    shape = (settings.samples, 1, SIZE, SIZE)
    sigmas = edm_sigmas(STEPS, 0.01, SIGMA_MAX)
    samples = last(heun(denoiser, initial_noise(shape, SIGMA_MAX, generator).to(device), sigmas)).float().cpu()
    pictures = draw(settings.samples // 2, generator)
    rows: list[dict[str, str | float]] = []
    for sigma in LEVELS:
        noisy = pictures + sigma * torch.randn(pictures.shape, generator=generator)
        with torch.no_grad():
            found = denoiser(noisy.to(device), sigma).cpu()
        rows.append(
            {
                "sigma": sigma,
                "noisy": _psnr(noisy, pictures),
                "total variation": _total_variation(noisy, pictures, sigma),
                "this model": _psnr(found, pictures),
            }
        )
    return {"PSNR in dB (peak 1) on fresh pictures": rows}, {"samples.png": sheet(samples[:20], scale=2, gap=2)}


def _psnr(found: Tensor, pictures: Tensor) -> float:
    return float(-10 * (found - pictures).square().mean((1, 2, 3)).log10().mean())


def _total_variation(noisy: Tensor, pictures: Tensor, sigma: float) -> float:
    from skimage.restoration import denoise_tv_chambolle

    scores = []
    for weight in (0.5 * sigma, sigma, 2 * sigma, 4 * sigma):
        rows = [torch.from_numpy(denoise_tv_chambolle(picture.numpy(), weight)) for picture in noisy[:, 0]]
        scores.append(_psnr(torch.stack(rows)[:, None], pictures))
    return max(scores)


_SHIPPED = PhantomsTraining(
    channels=(16, 32, 64), steps=3000, batch=16, samples=40, P_mean=-1.8, P_std=1.3, warm_up=150, every=150
)
_LARGER = PhantomsTraining(
    channels=(64, 96, 128), steps=20000, batch=64, samples=100, P_mean=-1.8, P_std=1.3, learning_rate=1e-3
)
RECIPES = {
    "phantoms-64": Recipe(
        name="phantoms-64",
        description="A denoiser of 64 x 64 pictures of ellipses: a diffusers U-Net without attention, EDM "
        "preconditioning.",
        data=f"phantoms drawn afresh for every batch, {SIZE} x {SIZE}, and their real and imaginary parts under "
        "smooth phases; 0 is the background, the largest magnitude 1",
        licence="weights: MIT; the phantoms are drawn by this package",
        profiles=Profiles(
            smoke=PhantomsTraining(channels=(8, 16), steps=6, batch=4, samples=4, warm_up=2, every=3, bfloat16=False),
            quick=_SHIPPED,
            study=_LARGER,
            full=_LARGER,
        ),
        build=build,
        loss=loss,
        score=score,
        save=save_model,
        dtype=torch.float16,
        use="denoiser(x, sigma), x in [-1, 1] with the background at 0",
    )
}
