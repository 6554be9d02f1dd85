"""Agreement of a clustering with labels, whatever the clusters are called."""

from __future__ import annotations

import torch
from torch import Tensor


def _check_labels(truth: Tensor, predicted: Tensor) -> None:
    if truth.dim() != 1 or truth.shape != predicted.shape or not len(truth):
        raise ValueError(
            f"truth, predicted: shapes {tuple(truth.shape)}, {tuple(predicted.shape)}; both must be (N,), N >= 1"
        )
    if truth.is_floating_point() or predicted.is_floating_point():
        raise ValueError("truth, predicted: floating point is not allowed; give integer labels")


def clustering_accuracy(truth: Tensor, predicted: Tensor) -> float:
    """Share of points in the right cluster under the best one-to-one naming of clusters (Hungarian method)."""
    from scipy.optimize import linear_sum_assignment

    _check_labels(truth, predicted)
    rows, columns = truth.unique(return_inverse=True)[1], predicted.unique(return_inverse=True)[1]
    table = torch.zeros(int(rows.max()) + 1, int(columns.max()) + 1, dtype=torch.long)
    table.index_put_((rows.cpu(), columns.cpu()), torch.ones(len(truth), dtype=torch.long), accumulate=True)
    best = linear_sum_assignment(table.numpy(), maximize=True)
    return float(table[best].sum()) / len(truth)


def normalised_mutual_information(truth: Tensor, predicted: Tensor) -> float:
    """Mutual information over the mean of the two entropies, from 0 (independent) to 1 (same partition);
    scikit-learn.
    """
    from sklearn.metrics import normalized_mutual_info_score

    _check_labels(truth, predicted)
    return float(normalized_mutual_info_score(truth.cpu().numpy(), predicted.cpu().numpy()))
