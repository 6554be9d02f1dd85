"""Experiments without a network: mixtures of subspaces, where the theorem lives, and a Gaussian of faces."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lowdim.data.faces import part_regions, sample_attributes, sample_faces
from lowdim.denoising.conversions import alpha_bar_to_sigma
from lowdim.denoising.jacobian import numerical_rank
from lowdim.distributions import Gaussian, MoLRG
from lowdim.distributions.paper_forms import lemma1_denoiser, lemma1_jacobian
from lowdim.papers.loco_edit.directions import local_directions, region_gains
from lowdim.papers.loco_edit.settings import PROFILES
from lowdim.papers.loco_edit.theory import gaussian_gains, linearity_bound, semantic_residual
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

DIMENSION, RANKS, EQUAL = 40, (3, 5, 4), (4, 4, 4)
SEEN = 1e-6  # a component whose posterior probability is below this is below rounding in a Jacobian
ALPHA_BARS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9)
SIZE = 16
OUTSIDE_RANKS = (0, 2, 5, 10, 20, 40)
GAUSSIAN_SIGMA = 0.6


def _relative(found: Tensor, truth: Tensor) -> float:
    return float((found - truth).norm() / truth.norm())


def tweedie(law: MoLRG, x_t: Tensor, alpha_bar: float) -> tuple[Tensor, Tensor]:
    """Posterior mean and its Jacobian from the noised density alone: the gradient and the Hessian of ``log p_t``."""
    root, sigma = alpha_bar**0.5, float(alpha_bar_to_sigma(alpha_bar))

    def mean(z: Tensor) -> Tensor:
        (gradient,) = torch.autograd.grad(law.log_prob(z[None] / root, sigma).sum(), z, create_graph=True)
        return (z + (1 - alpha_bar) * gradient) / root

    jacobian = torch.autograd.functional.jacobian(mean, x_t)
    return mean(x_t.clone().requires_grad_()).detach(), jacobian


def mixture(profile: str, seed: int, device: str) -> Record:
    """Posterior mean, Jacobian, rank and semantic subspace of a mixture of subspaces (claims L1, L2, L4)."""
    check_device(device)
    generator = make_generator(seed, "loco-edit", "mixture")
    even, uneven = (MoLRG.random(DIMENSION, ranks, generator) for ranks in (EQUAL, RANKS))
    n = sum(RANKS)
    errors, printed, ranks, numerical, eigen, residual, seen = ([] for _ in range(7))
    draws = torch.randn(DIMENSION, generator=generator, dtype=torch.float64)
    clean = uneven.sample_labelled(200, generator)
    x0 = clean[0][clean[1] == 1][0]  # of the largest component
    for alpha_bar in ALPHA_BARS:
        root, gamma = alpha_bar**0.5, (1 - alpha_bar) ** 0.5
        x_t = root * x0 + gamma * draws
        mean, J = tweedie(even, x_t, alpha_bar)
        errors.append(_relative(lemma1_denoiser(even.bases, x_t[None], root, gamma)[0], mean))
        errors.append(_relative(lemma1_jacobian(even.bases, x_t[None], root, gamma)[0], J))
        mean, J = tweedie(uneven, x_t, alpha_bar)
        exact = uneven.denoiser_jacobian(x_t[None] / root, gamma / root)[0] / root
        errors.append(_relative(uneven(x_t[None] / root, gamma / root)[0], mean))
        errors.append(_relative(exact, J))
        printed.append(_relative(lemma1_denoiser(uneven.bases, x_t[None], root, gamma)[0], mean))
        S = torch.linalg.svdvals(exact)
        ranks.append(int((1e-10 * S[0] < S).sum()))
        numerical.append(int(numerical_rank(S)))
        eigen.append(float(torch.linalg.eigvalsh(exact)[0] / S[0]))
        residual.append(float(semantic_residual(exact, uneven.bases)))
        seen.append(float(uneven.component_weights(x_t[None] / root, gamma / root).min()) > SEEN)
    return Record(
        claims={
            "05-L1a": max(errors),
            "05-L1b": max(printed),
            "05-L2a": max(abs(r - n) for r, all_seen in zip(ranks, seen, strict=True) if all_seen),
            "05-L2b": -min(eigen),
            "05-L2c": numerical[0] - numerical[-1],
            "05-L4": max(r for r, all_seen in zip(residual, seen, strict=True) if all_seen),
        },
        arrays={
            "alpha_bars": np.array(ALPHA_BARS), "ranks": np.array(ranks), "numerical": np.array(numerical),
            "printed": np.array(printed), "component_ranks": np.array(RANKS), "residual": np.array(residual),
            "seen": np.array(seen),
        },
    )  # fmt: skip


def bound(profile: str, seed: int, device: str) -> Record:
    """The departure from linearity against its bound, random mixtures, noise levels and directions (claim L3)."""
    check_device(device)
    generator = make_generator(seed, "loco-edit", "bound")
    strengths = torch.logspace(-2, 1.3, 12, dtype=torch.float64)
    remainders, bounds = [], []
    for _ in range(PROFILES[profile].bound_draws):
        alpha_bar = 0.02 + 0.96 * float(torch.rand((), generator=generator))
        law = MoLRG.random(16, (2, 4, 3), generator, weights=(0.2, 0.5, 0.3))
        x_t = 1.5 * torch.randn(1, 16, generator=generator, dtype=torch.float64)
        u = torch.randn(1, 16, generator=generator, dtype=torch.float64)
        u, root, sigma = u / u.norm(), alpha_bar**0.5, float(alpha_bar_to_sigma(alpha_bar))
        mean = law(x_t / root, sigma)
        slope = law.denoiser_product(x_t / root, sigma, u) / root
        moved = law((x_t + strengths[:, None] * u) / root, sigma)
        remainders.append((moved - mean - strengths[:, None] * slope).norm(dim=1))
        bounds.append(linearity_bound(law.bases, x_t, alpha_bar, strengths)[0])
    remainder, limit = torch.stack(remainders), torch.stack(bounds)
    # The smallest strengths, where the quadratic term rules; the slope between neighbours on a log-log scale.
    slopes = (remainder[:, 1] / remainder[:, 0]).log() / (strengths[1] / strengths[0]).log()
    ratio = remainder / limit
    return Record(
        claims={"05-L3a": float(slopes.median()), "05-L3b": float(ratio.max())},
        arrays={"strengths": strengths, "remainder": remainder[:200], "bound": limit[:200], "ratio": ratio.amax(0)},
    )


def gaussian(profile: str, seed: int, device: str) -> Record:
    """Edits where the posterior mean is exactly linear: leakage, the price of projecting, sums (claims L8b, L11b)."""
    check_device(device)
    generator = make_generator(seed, "loco-edit", "gaussian")
    images = sample_faces(PROFILES[profile].gaussian_faces, generator, SIZE, dtype=torch.float64).images
    law = Gaussian.from_samples(images, min(300, len(images) - 1))
    middle = sample_attributes(1, generator, torch.float64)
    mask = part_regions(middle, SIZE)["mouth"][0, 0] > 0.3
    x, sigma = law.mean()[None], GAUSSIAN_SIGMA
    share, gains, leak = [], [], []
    for outside in OUTSIDE_RANKS:
        found = local_directions(
            law, x, sigma, mask, generator, rank=1, outside_rank=outside, tol=1e-3, max_iter=200
        )  # fmt: skip
        spill = region_gains(law, x, sigma, found.vectors, ~mask)
        gains.append(float(found.gains[0]))
        share.append(float(found.gains[0] ** 2 / (found.gains[0] ** 2 + spill[0] ** 2)))
        if outside:
            more = min(outside + 1, law.rank)
            values = local_directions(
                law, x, sigma, ~mask, generator, rank=more, outside_rank=0, tol=1e-3, max_iter=200
            ).inside.S  # fmt: skip
            leak.append(float(spill[0] / values[-1]))
    one = local_directions(law, x, sigma, mask, generator, rank=2).vectors
    pair = law(x + 3 * one[:1] - 2 * one[1:], sigma) - law(x, sigma)
    alone = 3 * (law(x + one[:1], sigma) - law(x, sigma)) - 2 * (law(x + one[1:], sigma) - law(x, sigma))
    predicted, flowed = gaussian_gains(law.eigenvalues, sigma)
    return Record(
        claims={
            "05-L8b": max(leak),
            "05-L8c": gains[OUTSIDE_RANKS.index(20)] / gains[0],
            "05-L11b": _relative(pair, alone),
        },
        arrays={
            "outside_ranks": np.array(OUTSIDE_RANKS), "share": np.array(share), "gains": np.array(gains),
            "leak": np.array(leak), "eigenvalues": law.eigenvalues, "predicted": predicted, "flowed": flowed,
        },
    )  # fmt: skip
