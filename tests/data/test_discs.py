import pytest
import torch

from lowdim.data.discs import RANGES, disc_tangents, render_discs, sample_discs
from lowdim.seeding import make_generator


@pytest.fixture
def discs():
    return sample_discs(6, make_generator(0, "discs"), size=12)


def test_closed_form_tangents_are_the_forward_derivatives(discs):
    tangents = disc_tangents(discs.factors, size=12)
    for j, direction in enumerate(torch.eye(4, dtype=torch.float64)):
        _, by_jvp = torch.func.jvp(
            lambda f: render_discs(f, 12), (discs.factors,), (direction.expand_as(discs.factors),)
        )
        torch.testing.assert_close(tangents[:, j], by_jvp, rtol=1e-11, atol=1e-12)


def test_tangents_span_four_dimensions(discs):
    values = torch.linalg.svdvals(disc_tangents(discs.factors, size=12).flatten(2))
    assert (values[:, 3] / values[:, 0]).min() > 0.02


def test_pixels_follow_the_factors():
    centred = torch.tensor([[0.0, 0.0, 0.4, 0.75]], dtype=torch.float64)
    image = render_discs(centred, 17)[0, 0]
    assert image.shape == (17, 17)
    torch.testing.assert_close(image, image.T)
    torch.testing.assert_close(image, image.flip(0))
    fine = render_discs(centred, 65)[0, 0]
    assert fine[32, 32] == pytest.approx(2 * 0.75 - 1, abs=1e-4)  # inside: 2 b - 1
    assert fine[0, 0] == pytest.approx(-1, abs=1e-6)  # outside: black
    moved = render_discs(centred + torch.tensor([0.3, 0, 0, 0]), 17)[0, 0]
    assert moved.sum(0).argmax() > image.sum(0).argmax()  # x moves it along the columns


def test_area_is_that_of_a_disc():
    image = render_discs(torch.tensor([[0.1, -0.1, 0.5, 1.0]], dtype=torch.float64), 64)
    area = ((image + 1) / 2).sum() * (2 / 64) ** 2
    assert area == pytest.approx(torch.pi * 0.25, rel=0.01)


def test_samples_stay_in_range_and_repeat():
    first, second = (sample_discs(200, make_generator(3, "discs")) for _ in range(2))
    assert torch.equal(first.images, second.images)
    low, high = torch.tensor(RANGES, dtype=torch.float64).T
    assert ((first.factors >= low) & (first.factors <= high)).all()


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda f: render_discs(f[:, :3]), "factors: shape"),
        (lambda f: render_discs(f, size=1), "size: 1"),
        (lambda f: render_discs(f * torch.tensor([1, 1, -1, 1])), "radius"),
        (lambda f: render_discs(f, edge=0.0), "edge: 0.0"),
        (lambda f: sample_discs(0, make_generator(0, "discs")), "n: 0"),
    ],
)
def test_refusals(discs, call, match):
    with pytest.raises(ValueError, match=match):
        call(discs.factors)
