"""How the chapter runs a method: its settings here, and what is kept of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.weights import load_model
from lowdim.measurement.problem import pose, residual_ratio
from lowdim.metrics.means import half_width
from lowdim.papers.udig_dip.methods import ASeqDIP, ReferenceDIP, SelfGuidedDIP, UDiGDIP
from lowdim.papers.udig_dip.networks import NetFactory, UNet
from lowdim.papers.udig_dip.purifier import Purifier
from lowdim.papers.udig_dip.scans import Scan, first_image
from lowdim.papers.udig_dip.settings import Settings
from lowdim.papers.udig_dip.solver import DeepImagePrior
from lowdim.seeding import make_generator

RATE_NOISE = 3e-3
"""Learning rate where the input is noise or another image, and the network has to make everything."""
RATE_IMAGE = 5e-4
"""Learning rate where the network corrects its input."""
LAMBDA = 0.1
TAU = (0.1, 0.02)
"""First and last level of purification."""
METHODS = {
    "dip": "DIP",
    "reference": "Ref-G DIP",
    "self-guided": "Self-G DIP",
    "input": "DIP, first image",
    "aseq": "aSeqDIP",
    "udig": "uDiG-DIP",
}


def prior(device: str | torch.device) -> Denoiser:
    """The shipped denoiser of phantoms."""
    return load_model("phantoms-64", device=device)


def descending(rounds: int, levels: tuple[float, float] = TAU) -> list[float]:
    """Levels of purification for ``rounds`` rounds, even in their logarithm."""
    return torch.logspace(math.log10(levels[0]), math.log10(levels[1]), rounds).tolist()


def make_method(name: str, scan: Scan, settings: Settings, updates: int, denoiser: Denoiser, **extra: Any) -> Any:
    """A method by its name in :data:`METHODS`, with the chapter's settings; ``extra`` overrides some.

    Where the first input is an image of the scan, the network is residual: it starts as the identity. Where it is noise
    or another image, it is not.
    """
    channels, rounds = scan.x.shape[1], max(1, updates // settings.steps)

    def plain() -> UNet:
        return UNet(channels, settings.widths)

    def residual() -> UNet:
        return UNet(channels, settings.widths, residual=True)

    def options(rate: float, **more: Any) -> dict[str, Any]:
        return {"rounds": rounds, "steps": settings.steps, "learning_rate": rate, **more, **extra}

    net: NetFactory = residual
    if name == "dip":
        return DeepImagePrior(plain, **options(RATE_NOISE))
    if name == "reference":
        return ReferenceDIP(plain, scan.reference, **options(RATE_NOISE))
    if name == "input":
        return ReferenceDIP(net, scan.start(), **options(RATE_IMAGE))
    if name == "self-guided":
        return SelfGuidedDIP(net, **options(RATE_IMAGE, start=first_image, draws=1))
    if name == "aseq":
        return ASeqDIP(net, **options(RATE_IMAGE, start=first_image, lam=LAMBDA))
    if name == "udig":
        return UDiGDIP(net, Purifier(denoiser), **options(RATE_IMAGE, start=first_image, tau=descending(rounds)))
    raise ValueError(f"name: {name!r} is unknown; choose one of {', '.join(METHODS)}")


@dataclass(frozen=True)
class Curve:
    """A run on ``B`` images, seen after every round: PSNR and residual over that of the noise ``(K, B)``, the number of
    ``updates (K,)``; the last image ``(B, C, H, W)``, inputs and outputs for the first one ``(K, 2, C, H, W)``, and the
    evaluations of the denoiser an image.
    """

    psnr: Tensor
    residual: Tensor
    updates: Tensor
    estimate: Tensor
    frames: Tensor
    evaluations: int

    @property
    def last(self) -> Tensor:
        """PSNR of the last image ``(B,)``: what a method is judged by."""
        return self.psnr[-1]

    @property
    def best(self) -> Tensor:
        """The best PSNR on the way ``(B,)``, which only the truth could find."""
        return self.psnr.max(0).values

    @property
    def stopped(self) -> Tensor:
        """PSNR ``(B,)`` when the residual first is down to the noise; the last where it never is."""
        return self.psnr.gather(0, self.crossing[None])[0]

    @property
    def crossing(self) -> Tensor:
        """The round ``(B,)`` in which the residual first is down to the noise; the last where it never is."""
        down = self.residual <= 1
        first = down.to(torch.uint8).argmax(0)
        return torch.where(down.any(0), first, len(self.residual) - 1)

    @property
    def peak(self) -> Tensor:
        """Updates ``(B,)`` to the best PSNR."""
        return self.updates[self.psnr.argmax(0)]


def run_curve(method: DeepImagePrior, scan: Scan, seed: int, name: str) -> Curve:
    """Run ``method`` on ``scan`` to its end, and look at every round. The stream ``name`` draws weights and noise."""
    problem = pose(scan.y, scan.physics)
    scores, misfits, updates, frames = [], [], [], []
    for step in method.rounds(scan.y, scan.physics, make_generator(seed, "udig-dip", "run", name)):
        scores.append(scan.psnr(step.estimate))
        misfits.append(step.misfit)
        updates.append(step.updates)
        frames.append(torch.stack([step.z[0], step.estimate[0]]))
    residuals = torch.stack([residual_ratio(misfit, problem) for misfit in misfits])
    evaluations = method.evaluations * (len(updates) - 1)
    psnr = torch.stack(scores).double().cpu()
    return Curve(psnr, residuals, torch.tensor(updates), step.estimate.cpu(), torch.stack(frames).cpu(), evaluations)


def at_least(values: Tensor) -> float:
    """The lower end of the 95 % t-interval of the mean of independent ``values (n,)``, two or more."""
    return float(values.double().mean()) - half_width(values)
