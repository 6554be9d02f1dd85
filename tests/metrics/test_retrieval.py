"""Recall with several right answers, against a plain loop and cases that can be counted by hand."""

import pytest
import torch

from lowdim.metrics.retrieval import cosine_similarity, paired_recall, recall_at_k
from lowdim.seeding import make_generator

SIMILARITY = torch.tensor([[0.9, 0.5, 0.1], [0.2, 0.3, 0.8], [0.4, 0.4, 0.4]])
OWN = torch.eye(3, dtype=torch.bool)


def test_counted_by_hand():
    assert recall_at_k(SIMILARITY, OWN, 1) == pytest.approx(1 / 3)
    assert recall_at_k(SIMILARITY, OWN, 2) == pytest.approx(2 / 3)
    assert recall_at_k(SIMILARITY, OWN, 3) == 1


def test_any_right_answer_counts():
    right = OWN.clone()
    right[1, 2] = True
    assert recall_at_k(SIMILARITY, right, 1) == pytest.approx(2 / 3)


def test_ties_count_against():
    """The third query is as similar to all: a collapsed embedding must not score."""
    assert recall_at_k(SIMILARITY[2:], OWN[2:], 2) == 0
    assert recall_at_k(torch.ones(4, 4), torch.eye(4, dtype=torch.bool), 1) == 0


def test_queries_without_an_answer_do_not_count():
    right = OWN.clone()
    right[1] = False
    assert recall_at_k(SIMILARITY, right, 1) == pytest.approx(1 / 2)


@pytest.mark.parametrize("k", [1, 3])
def test_agrees_with_sorting(k):
    generator = make_generator(0, "test", "recall")
    u, v = torch.randn(2, 40, 6, generator=generator, dtype=torch.float64)
    right = torch.rand(40, 40, generator=generator) < 0.08
    right.fill_diagonal_(True)
    found = paired_recall(u, v, k, right=right)
    cosines = torch.nn.functional.cosine_similarity(u[:, None], v[None], dim=-1)
    for ours, table, mask in ((found.image_to_text, cosines, right), (found.text_to_image, cosines.T, right.T)):
        hits = [bool(mask[i, table[i].argsort(descending=True)[:k]].any()) for i in range(40)]
        assert ours == pytest.approx(sum(hits) / 40)
    assert found.mean == pytest.approx((found.image_to_text + found.text_to_image) / 2)


def test_both_ways_differ():
    u = torch.tensor([[1.0, 0.0], [0.8, 0.6]])
    v = torch.tensor([[0.8, 0.6], [0.6, 0.8]])
    found = paired_recall(u, v)
    assert (found.image_to_text, found.text_to_image) == (0.5, 0.5)
    assert paired_recall(u, u).mean == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((SIMILARITY, OWN, 0), "k"),
        ((SIMILARITY, OWN, 4), "k"),
        ((SIMILARITY, OWN[:2]), "shapes"),
        ((SIMILARITY, OWN.long()), "booleans"),
        ((SIMILARITY, torch.zeros_like(OWN)), "no query"),
        ((SIMILARITY * float("nan"), OWN), "NaN"),
    ],
)
def test_bad_input_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        recall_at_k(*arguments)


def test_unequal_counts_and_dimensions_are_refused():
    u, v = torch.ones(3, 2), torch.ones(2, 2)
    with pytest.raises(ValueError, match="3 and 2"):
        paired_recall(u, v)
    with pytest.raises(ValueError, match="dimension"):
        cosine_similarity(u, torch.ones(3, 4))
    with pytest.raises(ValueError, match="length zero"):
        cosine_similarity(torch.zeros(2, 2), v)
    with pytest.raises(ValueError, match="n >= 1"):
        cosine_similarity(torch.ones(0, 2), v)
