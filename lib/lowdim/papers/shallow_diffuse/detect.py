"""Is the key there? Scores of what an inversion reads, and a detector with a calibrated threshold.

All scores are larger where the key is more likely. ``read`` is ``(B, channels, marks)`` as given by
:meth:`~lowdim.papers.shallow_diffuse.watermark.ShallowDiffuse.read`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lowdim.metrics.detection import Rate, area_under_curve, rate_above, threshold_at
from lowdim.papers.shallow_diffuse.keys import Key

Score = Callable[[Tensor, Key], Tensor]


def correlation(read: Tensor, key: Key) -> Tensor:
    """The cosine ``Re <W, Y> / (|W| |Y|)`` between key and coefficients, ``(B,)`` in [-1, 1].

    Blind to the size of what is read: an inversion in few steps gives the key back smaller than it was written. For a
    key of zeros, which has no direction, it is minus the root mean square of ``Y``.
    """
    _values(read, key)
    if not bool((key.marked_values != 0).any()):
        return -read.abs().square().flatten(1).mean(1).double().sqrt()
    return cosines(read, key.marked_values[None])[:, 0]


def nearness(read: Tensor, key: Key) -> Tensor:
    """Minus the mean of ``|Y - W|``, ``(B,)``: the statistic of the released code."""
    return -(read - _values(read, key)).abs().flatten(1).mean(1).double()


def eta(read: Tensor, key: Key) -> Tensor:
    r"""Minus ``|M| |W - Y|^2 / |Y|^2``, ``(B,)``: the paper's statistic (Eq. 7)."""
    difference = (read - _values(read, key)).abs().square().flatten(1).sum(1).double()
    return -read[0].numel() * difference / read.abs().square().flatten(1).sum(1).double()


def p_value(read: Tensor, key: Key) -> Tensor:
    """One minus the p-value of the released code, ``(B,)``: the non-central chi-square law of ``eta`` if ``Y`` were
    complex white noise.

    It is not one: on a symmetric band every number counts twice, and the variance is estimated from the same numbers.
    Under white noise these p-values are not uniform (claim S17); use a threshold on negatives instead.
    """
    from scipy.stats import ncx2

    stacked = torch.view_as_real(read.to(torch.complex128)).flatten(1)
    written = torch.view_as_real(_values(read, key).to(torch.complex128).expand_as(read)).flatten(1)
    variance = stacked.var(1)
    statistic = (stacked - written).square().sum(1) / variance
    shift = written.square().sum(1) / variance
    return 1 - torch.from_numpy(ncx2.cdf(statistic.cpu().numpy(), stacked.shape[1], shift.cpu().numpy()))


def key_p_values(read: Tensor, key: Key, others: Sequence[Key]) -> Tensor:
    """``(1 + #{others whose correlation is no smaller}) / (1 + #others)`` for each picture, ``(B,)``.

    An exact p-value for *any* unmarked picture, attacked in any way, without a model of it and without negatives: it is
    the key that is random. If the picture was made without knowledge of ``key``, and ``others`` are drawn from the same
    law (same marks), then ``key`` is one of ``n + 1`` exchangeable keys, and ``P(p <= a) <= a``. It cannot be smaller
    than ``1 / (n + 1)``. Raises ``ValueError`` when a key marks other coefficients.
    """
    if not others or any(not torch.equal(other.mask, key.mask) for other in others):
        raise ValueError("others: give at least one key, all on the marks of key")
    _values(read, key)
    found = cosines(read, torch.stack([key.marked_values, *(other.marked_values for other in others)]))
    return (1 + (found[:, 1:] >= found[:, :1]).sum(1)).double() / (1 + len(others))


SCORES: Mapping[str, Score] = {"correlation": correlation, "nearness": nearness, "eta": eta, "p-value": p_value}


@dataclass(frozen=True)
class Detector:
    """A score with a threshold that unmarked pictures pass with at most the given probability.

    ``Detector.calibrate(negatives, rate)`` sets it on the scores of unmarked pictures that went through the same hands
    as those to be judged.
    """

    threshold: float
    negatives: Tensor

    @classmethod
    def calibrate(cls, negatives: Tensor, false_positive_rate: float = 0.01) -> Detector:
        """Raises ``ValueError`` with fewer negatives than the rate needs (99 for one in a hundred)."""
        return cls(threshold_at(negatives, false_positive_rate), negatives)

    def found(self, scores: Tensor) -> Tensor:
        """Whether each picture carries the key, ``(B,)``."""
        return scores > self.threshold

    def rate(self, scores: Tensor) -> Rate:
        """The share of pictures in which the key is found, with its 95 % Wilson interval."""
        return rate_above(scores, self.threshold)

    def area(self, scores: Tensor) -> float:
        """The area under the ROC curve against the negatives it was calibrated on."""
        return area_under_curve(scores, self.negatives)


def cosines(read: Tensor, values: Tensor) -> Tensor:
    """Cosines ``(B, n)`` of each reading with ``n`` patterns ``(n, marks)``, which are alike in all channels."""
    W, Y = values.to(torch.complex128).to(read.device), read.to(torch.complex128)
    products = torch.einsum("bcm,nm->bn", Y, W.conj()).real
    energies = Y.abs().square().flatten(1).sum(1)[:, None] * W.abs().square().sum(1) * read.shape[1]
    return products / energies.sqrt().clamp(min=1e-30)


def _values(read: Tensor, key: Key) -> Tensor:
    want = (len(key.channels), int(key.mask.sum()))
    if read.dim() != 3 or tuple(read.shape[1:]) != want or not bool(torch.isfinite(torch.view_as_real(read)).all()):
        raise ValueError(f"read: {tuple(read.shape)} is not allowed; give finite (B, {want[0]}, {want[1]})")
    return key.marked_values.to(read)
