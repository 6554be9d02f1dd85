"""Quality and coverage of generated samples in the space of some features: Fréchet distance, precision and recall.

The features are the caller's and belong into every statement of a result. With features of an Inception network the
Fréchet distance is known as FID; nothing here is.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lowdim.checks import check_count, check_finite


def frechet_distance(x: Tensor, y: Tensor) -> float:
    r""":math:`|\mu_x-\mu_y|^2+\operatorname{tr}(\Sigma_x+\Sigma_y-2(\Sigma_x\Sigma_y)^{1/2})`, the squared Wasserstein
    distance between the Gaussians fitted to features ``x (N, d)`` and ``y (M, d)``.

    Computed in float64. It is biased upwards in small samples, by the more the larger d: compare equal numbers of
    samples. Raises ``ValueError`` for features of different dimension or less than two samples.
    """
    a, b = _features(x, y, least=2)
    root = _root(_covariance(a))
    cross = torch.linalg.eigvalsh(root @ _covariance(b) @ root).clamp(min=0).sqrt().sum()
    spread = a.var(0).sum() + b.var(0).sum()
    return float((a.mean(0) - b.mean(0)).square().sum() + spread - 2 * cross)


_EXACT = "donot_use_mm_for_euclid_dist"


class PrecisionRecall(NamedTuple):
    """``precision``: the share of generated samples within the real set; ``recall``: the share of real samples within
    the generated set.
    """

    precision: float
    recall: float


def precision_recall(real: Tensor, generated: Tensor, neighbours: int = 3) -> PrecisionRecall:
    """Improved precision and recall of Kynkäänniemi et al. (2019) for features ``real (N, d)``, ``generated (M, d)``.

    A set is the union of balls around its samples that reach to their ``neighbours``-th nearest other sample. Raises
    ``ValueError`` for features of different dimension or no more samples than neighbours.
    """
    check_count("neighbours", neighbours)
    a, b = _features(real, generated, least=neighbours + 1)
    between = torch.cdist(a, b, compute_mode=_EXACT)
    inside_real = between <= _radii(a, neighbours)[:, None]
    inside_generated = between <= _radii(b, neighbours)
    return PrecisionRecall(float(inside_real.any(0).double().mean()), float(inside_generated.any(1).double().mean()))


def _radii(support: Tensor, neighbours: int) -> Tensor:
    """Distance of each point to its ``neighbours``-th nearest other."""
    distances = torch.cdist(support, support, compute_mode=_EXACT)
    return distances.kthvalue(neighbours + 1, dim=1).values  # 0 is the point itself


def _features(x: Tensor, y: Tensor, least: int) -> tuple[Tensor, Tensor]:
    for name, samples in (("x", x), ("y", y)):
        check_finite(name, samples)
    if x.dim() != 2 or y.dim() != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < least:
        raise ValueError(
            f"x, y: shapes {tuple(x.shape)} and {tuple(y.shape)} are not allowed; give (N, d) and (M, d) with at least "
            f"{least} samples"
        )
    return x.double(), y.double().to(x.device)


def _covariance(x: Tensor) -> Tensor:
    centred = x - x.mean(0)
    return centred.T @ centred / (len(x) - 1)


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T
