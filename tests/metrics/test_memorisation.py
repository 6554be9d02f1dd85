import pytest
import torch

from lowdim.metrics.memorisation import generalisation_score, nearest_ratio
from lowdim.seeding import make_generator


def test_ratio_by_hand():
    training = torch.tensor([[0.0, 0.0], [4.0, 0.0]])
    samples = torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [2.0, 5.0]])
    torch.testing.assert_close(nearest_ratio(samples, training), torch.tensor([0.0, 1 / 3, 1.0, 1.0]))
    assert generalisation_score(samples, training) == pytest.approx(0.75)  # 1/3 itself is no copy


def test_images_and_chunks_give_the_same_ratios():
    generator = make_generator(0, "ratio")
    training = torch.randn(9, 1, 3, 3, generator=generator)
    samples = torch.randn(7, 1, 3, 3, generator=generator)
    whole = nearest_ratio(samples, training)
    assert torch.equal(whole, nearest_ratio(samples, training, chunk=2))
    distance = (samples.flatten(1)[:, None] - training.flatten(1)).norm(dim=2).sort(dim=1).values
    torch.testing.assert_close(whole, distance[:, 0] / distance[:, 1])


def test_copies_and_fresh_samples_in_many_dimensions():
    generator = make_generator(1, "ratio")
    training = torch.randn(200, 30, generator=generator)
    fresh = torch.randn(200, 30, generator=generator)
    assert generalisation_score(fresh, training) == 1
    assert generalisation_score(training + 0.01 * fresh, training) == 0
    assert (
        generalisation_score(training, torch.cat([training, training])) == 0
    )  # doubled training points are copies too


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda x: nearest_ratio(x, x[:1]), "training: shape"),
        (lambda x: nearest_ratio(x, x[:, :2]), "training: shape"),
        (lambda x: generalisation_score(x, x, threshold=1.0), "threshold: 1.0"),
    ],
)
def test_refusals(call, match):
    with pytest.raises(ValueError, match=match):
        call(torch.zeros(3, 4))
