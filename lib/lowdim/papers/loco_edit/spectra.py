"""Experiments on Jacobians of small networks: ranks over noise, the arms of the U, products against matrices."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from lowdim.checks import like
from lowdim.data.digits import load_digits
from lowdim.data.faces import part_regions, sample_faces
from lowdim.denoising import euler, log_sigmas
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.jacobian import full_jacobian, numerical_rank, top_k_svd
from lowdim.denoising.networks import MLP
from lowdim.denoising.weights import load_model
from lowdim.distributions import Gaussian
from lowdim.metrics.subspaces import principal_angles
from lowdim.papers.loco_edit.settings import PROFILES
from lowdim.papers.loco_edit.theory import noise_jacobian
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator
from lowdim.training.ema import EMA
from lowdim.training.loop import train, warm_up_then_cosine

SIGMAS = (0.02, 0.1, 0.3, 0.6, 1.2, 2.5, 5.0, 12.0, 40.0)
MIDDLE = [SIGMAS.index(sigma) for sigma in (0.3, 0.6, 1.2, 2.5)]
START = 80.0
ARM_SIGMAS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
PREDICTIONS = ("noise", "data")
POWER_SIGMA = 0.6


def rank_ratios(denoiser: Denoiser, points: Tensor, sigma: float, chunk: int = 64) -> Tensor:
    """Numerical rank over dimension ``(2, B)``: of the Jacobian of the denoiser and of that of the predicted noise."""
    J = full_jacobian(denoiser, points, sigma, chunk)
    spectra = torch.linalg.svdvals(torch.stack([J, noise_jacobian(J, sigma)]))
    return numerical_rank(spectra) / J.shape[-1]


def along_paths(denoiser: Denoiser, noise: Tensor, sigmas: tuple[float, ...]) -> list[Tensor]:
    """Points of DDIM sampling paths at the levels ``sigmas`` (ascending), from ``noise`` of unit variance."""
    fine = log_sigmas(40, 0.01, START)
    grid = torch.tensor(sorted({*fine.tolist(), *sigmas}, reverse=True), dtype=torch.float64)
    states = {step.sigma: step.x for step in euler(denoiser, START * noise, grid)}
    return [states[float(torch.tensor(sigma, dtype=torch.float64))] for sigma in sigmas]


def rank(profile: str, seed: int, device: str) -> Record:
    """Rank over noise along sampling paths of the network on digits, beside the Gaussian of digits (claims L5, L15)."""
    settings, where = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "loco-edit", "rank")
    net = load_model("digits", device=where)
    digits = load_digits("train").images.double()
    law = Gaussian.from_samples(digits)
    noise = torch.randn(settings.rank_paths, *digits.shape[1:], generator=generator).to(where)
    found = [rank_ratios(net, x, sigma).cpu() for x, sigma in zip(along_paths(net, noise, SIGMAS), SIGMAS, strict=True)]
    of_data, of_noise = torch.stack(found, 1).mean(-1).numpy()
    exact = [float(rank_ratios(law, law.mean()[None], sigma)[0]) for sigma in SIGMAS]
    lowest = MIDDLE[int(of_data[MIDDLE].argmin())]
    return Record(
        claims={
            "05-L5a": of_data[lowest] / of_data[0],
            "05-L5b": of_data[lowest],
            "05-L5c": of_data[-1] / of_data[lowest],
            "05-L15": of_noise[lowest],
        },
        arrays={
            "sigmas": np.array(SIGMAS), "of_data": of_data, "of_noise": of_noise, "exact": np.array(exact),
            "each": torch.stack(found, 1)[0],
        },
    )  # fmt: skip


class Predictor(nn.Module):
    """A denoiser whose network predicts the noise (``x - sigma F``) or the data (``F``) from ``x / sqrt(sigma^2 +
    s^2)``.
    """

    def __init__(self, network: nn.Module, what: str, sigma_data: float) -> None:
        super().__init__()
        self.network, self.what, self.sigma_data = network, what, sigma_data

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        """``D(x, sigma)``; ``sigma`` is ``(B,)``."""
        level = like(sigma, x)
        F = self.network(x / (level**2 + self.sigma_data**2).sqrt(), sigma.log() / 4)
        return F if self.what == "data" else x - level * F


def _train(what: str, images: Tensor, steps: int, generator: torch.Generator) -> nn.Module:
    """An MLP on ``images`` by the plain loss of what it predicts, the noise or the data."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        model = Predictor(MLP(images.shape[1:], 128), what, float(images.std()))
    ema = EMA(model, 0.998)

    def loss(model: nn.Module, generator: torch.Generator) -> Tensor:
        x0 = images[torch.randint(len(images), (64,), generator=generator)]
        low, high = math.log(0.02), math.log(START)
        sigma = (low + (high - low) * torch.rand(len(x0), generator=generator)).exp()
        error = model(x0 + like(sigma, x0) * torch.randn(x0.shape, generator=generator), sigma) - x0
        return (error / like(sigma, x0) if what == "noise" else error).square().mean()

    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    schedule = warm_up_then_cosine(steps, min(100, max(1, steps // 4)))
    for _ in train(model, loss, optimiser, steps, generator=generator, ema=ema, schedule=schedule, clip=1.0):
        pass
    return ema.module.eval().requires_grad_(False)


def arms(profile: str, seed: int, device: str) -> Record:
    """The right arm of the U: the same network told to predict the noise or the data (claims L5d, L5e)."""
    settings, _ = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "loco-edit", "arms")
    images = load_digits("train").images.float()
    law = Gaussian.from_samples(images.double())
    nets: dict[str, Callable[..., Tensor]] = {
        what: _train(what, images, settings.arm_steps, generator) for what in PREDICTIONS
    }
    points = images[torch.randint(len(images), (6,), generator=generator)]
    noise = torch.randn(points.shape, generator=generator)
    curves = np.zeros((len(PREDICTIONS) + 1, len(ARM_SIGMAS)))
    size = np.zeros((len(PREDICTIONS), len(ARM_SIGMAS)))
    for j, sigma in enumerate(ARM_SIGMAS):
        x = points + sigma * noise
        truth = full_jacobian(law, law.mean()[None], sigma)[0]
        for i, net in enumerate(nets.values()):
            J = full_jacobian(net, x, sigma)
            curves[i, j] = float((numerical_rank(torch.linalg.svdvals(J)) / J.shape[-1]).mean())
            size[i, j] = float(J.square().sum((1, 2)).mean().sqrt() / truth.square().sum().sqrt())
        curves[-1, j] = float(numerical_rank(torch.linalg.svdvals(truth)) / truth.shape[-1])
    return Record(
        claims={"05-L5d": curves[0, -1] / curves[1, -1], "05-L5e": size[0, -1]},
        arrays={"sigmas": np.array(ARM_SIGMAS), "curves": curves, "size": size},
    )


def power(profile: str, seed: int, device: str) -> Record:
    """Leading singular vectors by products against the full matrix, and directions that do nothing (claims L7, L13)."""
    settings, where = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "loco-edit", "power")
    net, k = load_model(settings.power_model, device=where), settings.power_count
    size: int = net.network.config.sample_size  # type: ignore[union-attr, assignment]
    if settings.power_model == "digits":
        image, region = load_digits("train").images[:1].float(), torch.zeros(size, size, dtype=torch.bool)
        region[4:] = True
    else:
        faces = sample_faces(1, generator, size)
        image, region = faces.images, part_regions(faces.attributes, size)["mouth"][0, 0] > 0.3
    x = (image + POWER_SIGMA * torch.randn(image.shape, generator=generator)).to(where)
    J = full_jacobian(net, x, POWER_SIGMA)[0].cpu().double()
    inside = region.expand(image.shape[1:]).flatten()
    record = Record()
    squares, V = torch.linalg.eigh(J.T @ J)  # several times faster than its SVD, and right for leading values
    whole = squares.flip(0).clamp(min=0).sqrt(), V.flip(1).T
    masked = torch.linalg.svd(J[inside], full_matrices=False)[1:]
    for name, (S, Vh), mask in (("whole", whole, None), ("masked", masked, region)):
        found = top_k_svd(net, x, POWER_SIGMA, k, generator, mask=mask, tol=0.01, max_iter=60)
        angles = principal_angles(Vh[:k].T, found.V.flatten(1).cpu().double().T)
        record.arrays[name] = np.stack([S[:k].numpy(), found.S.cpu().numpy()])
        record.arrays[f"{name}_cosine"] = np.array(float(angles[-1].cos()))
        record.arrays[f"{name}_gap"] = np.array(float(S[k] / S[k - 1]))
        record.arrays[f"{name}_evaluations"] = np.array(found.evaluations)
    errors = [np.abs(record[name][1] / record[name][0] - 1).max() for name in ("whole", "masked")]
    record.claims |= {
        "05-L7a": float(max(errors)),
        "05-L7b": float(min(record["whole_cosine"], record["masked_cosine"])),
        "05-L13": _null_change(net, x, whole[1][:50], generator),
    }
    if len(J) == 3072:
        record.claims["05-L7c"] = len(J) / float(max(record["whole_evaluations"], record["masked_evaluations"]))
    record.arrays["dimension"] = np.array(len(J))
    return record


def _null_change(net: Denoiser, x: Tensor, leading: Tensor, generator: torch.Generator) -> float:
    """Change of the prediction along directions orthogonal to the ``leading`` ones, over that along the first."""
    leading = leading.float().to(x.device)
    w = torch.randn(8, x.numel(), generator=generator).to(x.device)
    w = w - w @ leading.T @ leading
    steps = torch.cat([leading[:1], w / w.norm(dim=1, keepdim=True)]).reshape(-1, *x.shape[1:])
    length = 0.05 * float(x.norm())
    with torch.no_grad():
        change = (net(x + length * steps, POWER_SIGMA) - net(x, POWER_SIGMA)).flatten(1).norm(dim=1)
    return float(change[1:].mean() / change[0])
