"""Retrieval between two sets of embeddings, where a query may have several right answers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lowdim.checks import check_count, check_finite


def recall_at_k(similarity: Tensor, right: Tensor, k: int = 1) -> float:
    """Share of queries with a right answer among their ``k`` most similar candidates.

    ``similarity`` is (queries, candidates), ``right`` a boolean mask of the same shape; queries without a right answer
    do not count. A wrong candidate as similar as the best right one is placed before it, so embeddings that have
    collapsed to a point score 0 and not 1.

    Raises ``ValueError`` when the shapes differ, nothing is right for any query, an entry is not finite, or ``k`` is
    not from 1 to the number of candidates.
    """
    check_finite("similarity", similarity)
    if similarity.dim() != 2 or right.shape != similarity.shape or right.dtype != torch.bool:
        raise ValueError(
            f"similarity, right: shapes {tuple(similarity.shape)}, {tuple(right.shape)} ({right.dtype}); "
            "both must be (queries, candidates), right of booleans"
        )
    check_count("k", k, most=max(similarity.shape[1], 1))
    answerable = right.any(1)
    if not bool(answerable.any()):
        raise ValueError("right: no query has a right answer; give at least one")
    best = similarity.masked_fill(~right, -torch.inf).amax(1, keepdim=True)
    before = ((similarity >= best) & ~right).sum(1)
    return float((before[answerable] < k).double().mean())


@dataclass(frozen=True)
class Recall:
    """Recall at k of texts given an image, of images given a text, and the mean of the two."""

    image_to_text: float
    text_to_image: float

    @property
    def mean(self) -> float:
        """The mean of both ways."""
        return 0.5 * (self.image_to_text + self.text_to_image)


def paired_recall(images: Tensor, texts: Tensor, k: int = 1, *, right: Tensor | None = None) -> Recall:
    """Recall at k both ways, by cosine similarity of embeddings ``images`` (n, d) and ``texts`` (m, d).

    ``right`` (n, m) says which text fits which image; by default (n = m) row i fits row i alone. Raises ``ValueError``
    as :func:`recall_at_k` does, and for embeddings of different dimension, of different number without ``right``, or of
    length zero.
    """
    similarity = cosine_similarity(images, texts)
    if right is None:
        if len(images) != len(texts):
            raise ValueError(
                f"images, texts: {len(images)} and {len(texts)} embeddings; give as many of each, or say in right "
                "which text fits which image"
            )
        right = torch.eye(len(images), dtype=torch.bool, device=similarity.device)
    return Recall(recall_at_k(similarity, right, k), recall_at_k(similarity.T, right.T, k))


def cosine_similarity(u: Tensor, v: Tensor) -> Tensor:
    """Cosines (n, m) of the rows of ``u`` (n, d) and ``v`` (m, d); ``ValueError`` for a row of length zero."""
    for name, x in (("u", u), ("v", v)):
        check_finite(name, x)
        if x.dim() != 2 or not len(x):
            raise ValueError(f"{name}: shape {tuple(x.shape)} is not allowed; give (n, d) with n >= 1")
        if not bool((torch.linalg.vector_norm(x, dim=-1) > 0).all()):
            raise ValueError(f"{name}: an embedding has length zero; its direction is undefined")
    if u.shape[1] != v.shape[1]:
        raise ValueError(f"v: dimension {v.shape[1]}, u has {u.shape[1]}; both must be the same")
    return torch.nn.functional.normalize(u, dim=-1) @ torch.nn.functional.normalize(v, dim=-1).T
