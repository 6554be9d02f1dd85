"""How evenly embeddings fill the sphere."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lowdim.checks import check_finite


def gaussian_uniformity(features: Tensor) -> float:
    r"""Uniformity :math:`-\mathcal W_2` of unit features (N, m), from :math:`-\sqrt2` (all equal) to 0:

    :math:`\mathcal W_2^2=\|\hat\mu\|^2+1+\operatorname{tr}\hat\Sigma-\frac2{\sqrt m}\operatorname{tr}\hat\Sigma^{1/2}`,
    the squared quadratic Wasserstein distance of the fitted Gaussian to :math:`\mathcal N(0,I/m)`.

    Features are normalised first; :math:`\hat\Sigma` divides by N, so that :math:`\|\hat\mu\|^2+\operatorname{tr}
    \hat\Sigma=1`. With few samples even uniform features score well below 0. Raises ``ValueError`` for fewer than two
    features, or entries that are not finite. Source: Fang et al. (2024), as used by Yaras et al. (2025), section 4.
    """
    unit = _unit(features)
    n, m = unit.shape
    mean = unit.mean(0)
    roots = torch.linalg.svdvals((unit - mean) / math.sqrt(n))  # square roots of the eigenvalues of the covariance
    squared = mean.square().sum() + 1 + roots.square().sum() - 2 / math.sqrt(m) * roots.sum()
    return -math.sqrt(max(float(squared), 0.0))


def pairwise_uniformity(features: Tensor, t: float = 2.0) -> float:
    r"""Uniformity :math:`\log\mathbb E\,e^{-t\|x-y\|^2}` over pairs of different features (N, m), from :math:`-4t` to
    0, lower being more uniform. Source: Wang and Isola (2020).
    """
    unit = _unit(features)
    if not t > 0:
        raise ValueError(f"t: {t!r} is not allowed; give a number above 0")
    return float(torch.logsumexp(-t * torch.nn.functional.pdist(unit).square(), 0)) - math.log(
        len(unit) * (len(unit) - 1) / 2
    )


def _unit(features: Tensor) -> Tensor:
    check_finite("features", features)
    if features.dim() != 2 or len(features) < 2:
        raise ValueError(f"features: shape {tuple(features.shape)} is not allowed; give (N, m) with N >= 2")
    return torch.nn.functional.normalize(features.double(), dim=-1)
