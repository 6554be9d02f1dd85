r"""The modality gap and what goes with it, for any two sets of paired embeddings.

``diagnose(images, texts, scale)`` is all that most readers need. Source: Yaras et al. (2025), sections 2 to 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from lowdim.checks import check_finite
from lowdim.metrics.retrieval import paired_recall
from lowdim.metrics.uniformity import gaussian_uniformity


def check_pairs(u: Tensor, v: Tensor) -> None:
    """Refuse embeddings that are not as many, not of one dimension, fewer than two, or not finite."""
    for name, x in (("u", u), ("v", v)):
        check_finite(name, x)
        if x.dim() != 2 or len(x) < 2:
            raise ValueError(f"{name}: shape {tuple(x.shape)} is not allowed; give (n, d) with n >= 2 embeddings")
    if u.shape != v.shape:
        raise ValueError(
            f"u, v: shapes {tuple(u.shape)}, {tuple(v.shape)}; give as many of each, of one dimension, paired by row"
        )


def modality_gap(u: Tensor, v: Tensor) -> Tensor:
    r"""The gap :math:`\Delta=\|c_X-c_Y\|` between the means of two sets of embeddings (..., n, d), as they are.

    Nothing is normalised here; :func:`diagnose` normalises first. The two sets may differ in n. Raises ``ValueError``
    for embeddings that are not finite, none at all, or of different d.
    """
    for name, x in (("u", u), ("v", v)):
        check_finite(name, x)
        if x.dim() < 2 or not x.shape[-2]:
            raise ValueError(f"{name}: shape {tuple(x.shape)} is not allowed; give (..., n, d) with n >= 1 embeddings")
    if u.shape[-1] != v.shape[-1]:
        raise ValueError(f"u, v: shapes {tuple(u.shape)}, {tuple(v.shape)} are not allowed; give both of one dimension")
    return torch.linalg.vector_norm(u.mean(-2) - v.mean(-2), dim=-1)


def sampling_floor(u: Tensor, v: Tensor) -> float:
    r"""The gap :math:`\sqrt{2(1-\overline{\cos})/n}` that n pairs of unit embeddings show when there is none.

    :math:`\overline{\cos}` is the mean cosine of true pairs. Differences of gaps below it mean nothing.
    """
    check_pairs(u, v)
    cosine = (normalize(u, dim=-1) * normalize(v, dim=-1)).sum(-1).mean()
    return math.sqrt(2 * (1 - float(cosine)) / len(u))


def parallel_modalities(u: Tensor, v: Tensor, gamma: Tensor | float) -> tuple[Tensor, Tensor]:
    r"""Two parallel caps (..., n, d + 1): :math:`[\sqrt{1-\gamma^2}H_X,\gamma\mathbf1]` and
    :math:`[\sqrt{1-\gamma^2}H_Y,-\gamma\mathbf1]` for unit features (..., n, d) and a gap :math:`\gamma` in [-1, 1].
    """
    offset = torch.as_tensor(gamma, dtype=u.dtype, device=u.device)
    if not bool((offset.abs() <= 1).all()):
        raise ValueError(f"gamma: {offset.flatten()[:4].tolist()} is not allowed; give numbers from -1 to 1")
    inside = (1 - offset.square()).sqrt()
    column = offset.expand(*u.shape[:-1], 1)
    return torch.cat([inside * u, column], -1), torch.cat([inside * v, -column], -1)


def pressure(cosines: Tensor, scale: Tensor | float) -> Tensor:
    r"""The pressure :math:`g_a(Z)` (...) of cosines :math:`Z` (..., n, n) at the scale :math:`a`:

    the true-pair cosine minus the softmax-weighted one, averaged over rows and columns. Negative while pairs are badly
    mismatched; its sign is that of :math:`\dot\beta` and of :math:`-\dot\gamma`. Raises ``ValueError`` for a table
    that is not square, and for a scale that is negative or not finite.
    """
    if cosines.dim() < 2 or cosines.shape[-1] != cosines.shape[-2]:
        raise ValueError(
            f"cosines: shape {tuple(cosines.shape)} is not allowed; give (..., n, n), true pairs on the diagonal"
        )
    a = torch.as_tensor(scale, dtype=cosines.dtype, device=cosines.device)
    if not bool(((a >= 0) & torch.isfinite(a)).all()):
        raise ValueError(f"scale: {a.flatten()[:4].tolist()} is not allowed; give finite numbers >= 0")
    true = cosines.diagonal(dim1=-2, dim2=-1).mean(-1)
    logits = a[..., None, None] * cosines if a.dim() else a * cosines
    rows = (logits.softmax(-1) * cosines).sum((-2, -1))
    columns = (logits.softmax(-2) * cosines).sum((-2, -1))
    return true - (rows + columns) / (2 * cosines.shape[-1])


def margins(cosines: Tensor) -> Tensor:
    r"""The margin (..., n) of each pair: its cosine minus the largest of another pairing of either member.

    The smallest is the paper's :math:`\alpha(Z)`; above 0 all pairs are matched.
    """
    true = cosines.diagonal(dim1=-2, dim2=-1)
    n = cosines.shape[-1]
    others = cosines.masked_fill(torch.eye(n, dtype=torch.bool, device=cosines.device), -torch.inf)
    return true - torch.maximum(others.amax(-1), others.amax(-2))


def mean_shift(u: Tensor, v: Tensor, means: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
    """Subtract each modality's mean and normalise again: a gap removed without training.

    ``means`` (d,) each, by default those of ``u`` and ``v`` themselves; take them from other pairs than those that are
    scored. Raises ``ValueError`` for embeddings that are not finite pairs.
    """
    check_pairs(u, v)
    first, second = (u.mean(0), v.mean(0)) if means is None else means
    return normalize(u - first, dim=-1), normalize(v - second, dim=-1)


@dataclass(frozen=True)
class Diagnosis:
    """What a set of paired embeddings says about its gap; fields in the order in which they are usually read."""

    gap: float
    floor: float
    """The gap that sampling alone would show."""
    temperature: float
    pressure: float
    margin_quantiles: tuple[float, float, float]
    """Quartiles of the pairs' margins."""
    matched: float
    """Share of pairs with a positive margin."""
    uniformity: float
    image_to_text: float
    text_to_image: float
    invariant: float
    r""":math:`\beta\sqrt{\Delta/2}\,e^{-\Delta^2/16}`: constant under gradient flow in the parallel model alone."""

    @property
    def recall(self) -> float:
        """Recall at 1, the mean of both ways."""
        return 0.5 * (self.image_to_text + self.text_to_image)


@torch.no_grad()
def diagnose(u: Tensor, v: Tensor, scale: float, *, right: Tensor | None = None, k: int = 1) -> Diagnosis:
    r"""Gap, sampling floor, temperature, pressure, margins, uniformity and recall of paired embeddings (n, d).

    ``scale`` is :math:`\beta=1/\tau`, so give 1 / 0.07 for the temperature 0.07, not 0.07; the field ``temperature``
    says what was understood. Embeddings are normalised first, unlike in :func:`modality_gap`. ``right`` (n, n) says
    which text fits which image; by default only the own one. Raises ``ValueError`` for embeddings that are not finite
    pairs, for a scale that is not positive, and as :func:`lowdim.metrics.retrieval.paired_recall` does.
    """
    check_pairs(u, v)
    if not 0 < scale < math.inf:
        raise ValueError(f"scale: {scale!r} is not allowed; give a finite number above 0, one over the temperature")
    x, y = normalize(u.double(), dim=-1), normalize(v.double(), dim=-1)
    cosines = x @ y.T
    gap, margin = float(modality_gap(x, y)), margins(cosines)
    quartiles = torch.quantile(margin, torch.tensor([0.25, 0.5, 0.75], dtype=margin.dtype, device=margin.device))
    recall = paired_recall(x, y, k, right=right)
    return Diagnosis(
        gap=gap,
        floor=sampling_floor(x, y),
        temperature=1 / scale,
        pressure=float(pressure(cosines, scale)),
        margin_quantiles=tuple(quartiles.tolist()),
        matched=float((margin > 0).double().mean()),
        uniformity=gaussian_uniformity(torch.cat([x, y])),
        image_to_text=recall.image_to_text,
        text_to_image=recall.text_to_image,
        invariant=scale * math.sqrt(gap / 2) * math.exp(-(gap**2) / 16),
    )
