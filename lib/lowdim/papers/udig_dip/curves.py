"""Experiments that watch a run: over-fitting, the input, the autoencoding term, and the methods side by side."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from lowdim.compat import import_deepinv
from lowdim.data.phantoms import sample_phantoms
from lowdim.papers.udig_dip.methods import ASeqDIP, ReferenceDIP, SelfGuidedDIP
from lowdim.papers.udig_dip.networks import UNet
from lowdim.papers.udig_dip.runs import METHODS, RATE_NOISE, Curve, make_method, prior, run_curve
from lowdim.papers.udig_dip.scans import Scan, magnitude, make_scan
from lowdim.papers.udig_dip.settings import PROFILES, Settings
from lowdim.papers.udig_dip.solver import DeepImagePrior
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

deepinv: Any = import_deepinv()

NOISE_STD = 0.1
SHOWN = ("dip", "aseq", "udig")
"""Whose last images are kept."""
FRAMES, SIDE = 40, 64
"""Of a run, kept for a film: most of them, and their largest side."""


def noisy_scan(settings: Settings, seed: int, device: str | torch.device) -> Scan:
    """Phantoms that are only noisy: ``A = I``, noise of deviation 0.1."""
    generator = make_generator(seed, "udig-dip", "noisy")
    x, other = (sample_phantoms(settings.noisy_slices, generator, settings.noisy_size) for _ in range(2))
    physics = deepinv.physics.Denoising(deepinv.physics.GaussianNoise(NOISE_STD, rng=generator))
    y = physics(x)
    return Scan("noisy", x.to(device), y.to(device), physics.to(device), other.to(device))


def overfitting(profile: str, seed: int, device: str) -> Record:
    """Vanilla DIP on noisy phantoms, long after its best moment; with the autoencoding scheme, a reference, and guided
    by itself (claims U1 and U3). All start with a network that has to make everything, at one learning rate.
    """
    settings = PROFILES[profile]
    scan = noisy_scan(settings, seed, check_device(device))
    rounds = settings.noisy_updates // settings.steps
    options: dict[str, Any] = {"rounds": rounds, "steps": settings.steps, "learning_rate": RATE_NOISE}

    def net() -> UNet:
        return UNet(1, settings.widths)

    dip = run_curve(DeepImagePrior(net, **options), scan, seed, "noisy")
    off, on = (run_curve(ASeqDIP(net, lam=lam, **options), scan, seed, "weights") for lam in (0.0, 1.0))
    reference = run_curve(ReferenceDIP(net, scan.reference, **options), scan, seed, "noisy")
    guided = run_curve(SelfGuidedDIP(net, draws=1, **options), scan, seed, "noisy")
    found = {"dip": dip, "off": off, "on": on, "reference": reference, "self-guided": guided}
    fall = dip.best - dip.last
    record = Record(
        claims={
            "08-U1a": float(fall.mean()),
            "08-U1b": float(dip.residual[-1].max()),
            "08-U3a": float(on.peak.double().mean() / off.peak.double().mean()),
            "08-U3b": float((on.best - on.last).mean() / (off.best - off.last).mean()),
        },
        arrays={"updates": dip.updates, "x": scan.x[0], "y": scan.y[0], "last": dip.estimate[0],
                **_curves(found)},
    )  # fmt: skip
    record.number("updates-over-those-of-the-peak", float((dip.updates[-1] / dip.peak).mean()), tolerance=20)
    record.number("stopped-at-the-noise-below-best", float((dip.best - dip.stopped).mean()), "dB", tolerance=2.0)
    for name, curve in found.items():
        record.number(f"noise-fall-{name}", float((curve.best - curve.last).mean()), "dB", tolerance=2.0)
        record.number(f"noise-best-{name}", float(curve.best.mean()), "dB", tolerance=2.0)
    return record


def inputs(profile: str, seed: int, device: str) -> Record:
    """DIP with the true image under noise for its input, and with noise alone (claim U2)."""
    settings = PROFILES[profile]
    scan = make_scan("ct-18", "phantoms", settings.input_slices, seed, check_device(device), size=settings.size)
    rounds = settings.input_updates // settings.steps
    options: dict[str, Any] = {"rounds": rounds, "steps": settings.steps, "learning_rate": RATE_NOISE}
    noise = torch.randn(scan.x.shape, generator=make_generator(seed, "udig-dip", "inputs")).to(scan.x)
    levels = settings.input_levels

    def net() -> UNet:
        return UNet(scan.x.shape[1], settings.widths)

    found = {
        f"{level:g}": run_curve(ReferenceDIP(net, scan.x + level * noise, **options), scan, seed, "inputs")
        for level in levels
    }
    found["noise"] = run_curve(ReferenceDIP(net, noise, **options), scan, seed, "inputs")
    best = torch.stack([curve.best for curve in found.values()])
    record = Record(
        claims={"08-U2a": _rank_correlation(best[:-1].mean(1)), "08-U2b": float((best[0] - best[-1]).mean())},
        arrays={"levels": levels, "updates": found["noise"].updates, "best": best,
                "peak": torch.stack([curve.peak for curve in found.values()]), **_curves(found)},
    )  # fmt: skip
    return record


def _rank_correlation(values: Tensor) -> float:
    """Spearman's correlation of ``values (n,)`` with their place."""
    from scipy.stats import spearmanr

    return float(spearmanr(range(len(values)), values.numpy()).statistic)


def methods(profile: str, seed: int, device: str) -> Record:
    """Every method on the same scans, seen after every round (claims U6c to U6f, U7q, U7r)."""
    settings = PROFILES[profile]
    place = check_device(device)
    scan = make_scan(settings.curve_task, "phantoms", settings.curve_slices, seed, place, size=settings.size)
    denoiser = prior(place)
    found = {
        name: run_curve(make_method(name, scan, settings, settings.curve_updates, denoiser), scan, seed, name)
        for name in METHODS
    }
    fall = {name: float((curve.best - curve.last).mean()) for name, curve in found.items()}
    udig = found["udig"]
    kept = rounds_of_a_film(len(udig.frames))
    record = Record(
        claims={
            "08-U6c": fall["udig"],
            "08-U6d": float(udig.residual[-1].min()),
            "08-U6e": float(udig.residual[-1].max()),
            "08-U6f": fall["udig"] - fall["aseq"] / 2,
            "08-U7q": float((udig.last - found["dip"].last).mean()),
            "08-U7r": float((udig.last - found["aseq"].last).mean()),
        },
        arrays={
            "names": [METHODS[name] for name in SHOWN], "updates": udig.updates, "x": scan.x[0],
            "rounds": [k + 1 for k in kept], "frames": small(udig.frames[kept]),
            "split": torch.stack([error_by_column(found[name].estimate, scan) for name in SHOWN]),
            "start": scan.start()[0], "evaluations": [curve.evaluations for curve in found.values()],
            "images": torch.stack([found[name].estimate[0] for name in SHOWN]), **_curves(found),
        },
    )  # fmt: skip
    for name in found:
        record.number(f"psnr-{name}", float(found[name].last.mean()), "dB", tolerance=1.0)
        record.number(f"fall-{name}", fall[name], "dB", tolerance=1.0)
    return record


def rounds_of_a_film(rounds: int) -> list[int]:
    """All of them where they are few; of a long run 40 at most, the later the fewer, and the last."""
    spaced = torch.logspace(0, math.log10(rounds), FRAMES - 10).round().long() - 1
    return list(range(rounds)) if rounds <= FRAMES else sorted({*range(10), *spaced.tolist()})


def small(frames: Tensor) -> Tensor:
    """The magnitudes of ``frames (K, 2, C, H, W)`` in half precision, of 64 pixels a side at most: ``(K, 2, h, w)``."""
    pictures = magnitude(frames.flatten(0, 1))
    if pictures.shape[-1] > SIDE:
        pictures = torch.nn.functional.adaptive_avg_pool2d(pictures, SIDE)
    return pictures[:, 0].unflatten(0, frames.shape[:2]).half()


def error_by_column(found: Tensor, scan: Scan) -> Tensor:
    """The root mean squared error of MRI images ``found (B, 2, H, W)`` in the measured and in the other columns of
    their Fourier transform, ``(2,)``; of an image, not of what a coil sees of it.
    """
    error = found.cpu() - scan.x.cpu()
    spectrum = torch.fft.fftshift(torch.fft.fft2(torch.complex(error[:, 0], error[:, 1]), norm="ortho"), (-2, -1))
    measured = scan.physics.mask.cpu()[:, 0].expand(spectrum.shape) > 0
    size = spectrum.abs().square()
    return torch.stack([size[measured].mean().sqrt(), size[~measured].mean().sqrt()])


def _curves(found: dict[str, Curve]) -> dict[str, Tensor]:
    """PSNR and residual of every run, as arrays of a record."""
    parts = {"psnr": lambda curve: curve.psnr, "residual": lambda curve: curve.residual}
    return {f"{part}-{name}": pick(curve) for name, curve in found.items() for part, pick in parts.items()}
