import pytest
import torch
from torch.nn.functional import avg_pool2d, max_pool2d

from lowdim.data.faces import (
    ATTRIBUTES,
    LABELS,
    NAMES,
    PARTS,
    SHAPES,
    attribute_bounds,
    face_tangents,
    label_faces,
    part_masks,
    part_regions,
    render,
    render_faces,
    sample_attributes,
    sample_faces,
)
from lowdim.seeding import make_generator

STD = torch.tensor([a.std for a in ATTRIBUTES], dtype=torch.float64)


@pytest.fixture(scope="module")
def attributes():
    return sample_attributes(12, make_generator(0, "faces", "test"), torch.float64)


@pytest.fixture(scope="module")
def tangents(attributes):
    return face_tangents(attributes, 32)


def middle(**values):
    """A face with all attributes in the middle of their ranges but for ``values``."""
    row = [values.get(a.name, a.middle) for a in ATTRIBUTES]
    return torch.tensor([row], dtype=torch.float64)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (16, [[0.031797, -0.094141, -0.010549], [0.139813, -0.261492, 0.108999], [0.131128, 0.827807, -0.186682]]),
        (32, [[0.038800, -0.159741, 0.592906], [0.162310, -0.837034, 0.554161], [0.155384, -0.295018, 0.023757]]),
        (64, [[0.038863, 0.083911, -0.481791], [0.165401, 1.064043, 0.024557], [0.162258, 1.601831, 0.032545]]),
    ],
)
def test_picture_is_the_one_that_weights_were_trained_on(size, expected):
    """Shipped weights know these faces: mean and two dense projections of three of them must not change."""
    low, high = attribute_bounds(torch.float64)
    t = torch.arange(1, len(ATTRIBUTES) + 1, dtype=torch.float64)
    fractions = torch.stack([0.5 + 0.5 * torch.sin(k * t) for k in (1, 2, 3)])
    x = render_faces(low + (high - low) * fractions, size).flatten(1)
    phase = torch.arange(x.shape[1], dtype=torch.float64) ** 1.3
    patterns = torch.stack([torch.sin(phase), torch.sin(2 * phase)], dim=1) / size
    measured = torch.cat([x.mean(1, keepdim=True), x @ patterns], dim=1)
    torch.testing.assert_close(measured, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=2e-6)


def test_pixels_stay_inside_the_range_at_its_corners():
    low, high = attribute_bounds(torch.float64)
    ends = torch.randint(0, 2, (200, len(ATTRIBUTES)), generator=make_generator(1, "corners"))
    images = render_faces(torch.where(ends == 1, high, low), 16)
    assert images.abs().max() < 0.99  # nothing is at the limit, so nothing was clipped
    assert images.min() < -0.6
    assert images.max() > 0.8


def test_every_size_shows_the_same_face(attributes):
    fine = render_faces(attributes, 128)
    for size, allowed in ((64, 0.03), (32, 0.06), (16, 0.09)):
        error = avg_pool2d(fine, 128 // size) - render_faces(attributes, size)
        assert error.square().mean().sqrt() < allowed
        others = avg_pool2d(fine, 128 // size).roll(1, 0) - render_faces(attributes, size)
        assert others.square().mean() > 10 * error.square().mean()


def test_a_shift_moves_the_whole_picture():
    size = 64
    still = render_faces(middle(), size)
    right = render_faces(middle(shift_x=2 / size), size)
    down = render_faces(middle(shift_y=2 / size), size)
    torch.testing.assert_close(right[..., 1:], still[..., :-1], rtol=0, atol=1e-12)
    torch.testing.assert_close(down[..., 1:, :], still[..., :-1, :], rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [16, 32])
def test_tangents_agree_with_central_differences(size):
    attributes = sample_attributes(6, make_generator(2, "differences"), torch.float64)
    low, high = attribute_bounds(torch.float64)
    attributes = low + 0.001 * (high - low) + 0.998 * (attributes - low)  # away from the ends: both steps are allowed
    tangents = face_tangents(attributes, size)
    assert tangents.shape == (6, len(ATTRIBUTES), 3, size, size)
    for k, a in enumerate(ATTRIBUTES):
        step = torch.zeros_like(attributes)
        step[:, k] = 1e-5 * a.std
        difference = (render_faces(attributes + step, size) - render_faces(attributes - step, size)) / (2e-5 * a.std)
        error = (difference - tangents[:, k]).flatten(1).norm(dim=1) / tangents[:, k].flatten(1).norm(dim=1)
        assert error.max() < 1e-5, a.name


def test_forward_differentiation_gives_the_same_derivatives(attributes, tangents):
    directions = STD * torch.randn(12, len(ATTRIBUTES), generator=make_generator(3, "direction"), dtype=torch.float64)
    _, derivative = torch.func.jvp(lambda a: render_faces(a, 32), (attributes,), (directions,))
    torch.testing.assert_close(torch.einsum("nacij,na->ncij", tangents, directions), derivative)


def test_attributes_are_independent_coordinates(tangents):
    values = torch.linalg.svdvals((tangents * STD[:, None, None, None]).flatten(2))
    assert (values[:, -1] / values[:, 0]).min() > 0.02


PARTS_MOVED = {
    "smile": ("mouth",),
    "mouth": ("mouth",),
    "eyes": ("eyes",),
    "gaze": ("eyes",),
    "brow": ("brows",),
    "hair_colour": ("hair", "brows"),
    "hair_length": ("hair",),
    "skin": ("skin",),
    "background": ("background",),
}


@pytest.mark.parametrize("name", PARTS_MOVED)
def test_an_attribute_changes_its_part_only(name, attributes, tangents):
    masks = part_masks(attributes, 32)
    mask = sum(masks[part] for part in PARTS_MOVED[name])
    inside = max_pool2d((mask > 0.05).double(), 3, stride=1, padding=1)  # with a rim of one pixel
    energy = tangents[:, NAMES.index(name)].square()
    share = (energy * inside).flatten(1).sum(1) / energy.flatten(1).sum(1)
    assert share.min() > 0.99
    assert inside.mean() < 0.75  # a mask of everything would pass the line above


def test_masks_share_out_every_pixel(attributes):
    masks = part_masks(attributes, 32)
    assert tuple(masks) == PARTS
    stacked = torch.stack(list(masks.values()))
    assert stacked.shape == (len(PARTS), 12, 1, 32, 32)
    assert stacked.min() >= 0
    torch.testing.assert_close(stacked.sum(0), torch.ones(12, 1, 32, 32, dtype=torch.float64))
    assert (stacked.amax((2, 3, 4)) > 0.5).all()  # every part is seen on every face


def test_masks_follow_the_attributes():
    def area(part, **values):
        return part_masks(middle(**values), 32)[part].sum()

    assert area("eyes", eyes=1.0) > 1.5 * area("eyes", eyes=0.25)
    assert area("mouth", mouth=1.0) > 2 * area("mouth", mouth=0.0)
    assert area("hair", hair_length=1.0) > 1.4 * area("hair", hair_length=0.0)
    assert area("background", width=0.45) > area("background", width=0.57)


def test_regions_have_room_for_every_state_of_the_part(attributes):
    few = attributes[:4]
    regions = part_regions(few, 32)
    assert tuple(regions) == tuple(SHAPES)
    low, high = attribute_bounds(torch.float64)
    for part, names in SHAPES.items():
        for end in (low, high):
            changed = few.clone()
            for name in names:
                changed[:, NAMES.index(name)] = end[NAMES.index(name)]
            assert (regions[part] >= part_masks(changed, 32)[part] - 1e-12).all()
            torch.testing.assert_close(part_regions(changed, 32)[part], regions[part])
        assert regions[part].mean() < 0.5


def test_features_move_the_way_their_names_say():
    def centre(image, part, axis):
        weight = part_masks(image, 64)[part].sum((0, 1, 3 if axis == 0 else 2))
        return (weight * torch.arange(64)).sum() / weight.sum()

    assert centre(middle(brow=1.0), "brows", 0) < centre(middle(brow=-1.0), "brows", 0) - 2
    left, right = (render_faces(middle(gaze=g), 64)[0].mean(0) for g in (-1.0, 1.0))
    eye = part_masks(middle(), 64)["eyes"][0, 0] * (torch.arange(64) < 32)
    columns = torch.arange(64.0, dtype=torch.float64)
    dark = [((1 - x) * eye).sum(0) for x in (left, right)]
    assert (dark[0] * columns).sum() / dark[0].sum() < (dark[1] * columns).sum() / dark[1].sum() - 1
    smile, frown = (part_masks(middle(smile=s, mouth=0.0), 64)["mouth"][0, 0] for s in (1.0, -1.0))
    rows = torch.arange(64.0, dtype=torch.float64)[:, None]
    for mask, sign in ((smile, 1), (frown, -1)):
        corner, middle_ = mask[:, 24:27], mask[:, 31:33]
        drop = (middle_ * rows).sum() / middle_.sum() - (corner * rows).sum() / corner.sum()
        assert sign * drop > 1.5  # the middle of a smile is below its corners


def test_labels_name_hair_and_expression():
    cases = {
        (0.1, -0.5): "black hair, frowning",
        (0.1, 0.5): "black hair, smiling",
        (0.3, -0.01): "brown hair, frowning",
        (0.6, 0.01): "red hair, smiling",
        (0.9, 1.0): "blond hair, smiling",
    }
    for (colour, smile), name in cases.items():
        assert LABELS[label_faces(middle(hair_colour=colour, smile=smile)).item()] == name
    counts = torch.bincount(label_faces(sample_attributes(4000, make_generator(4, "labels"))), minlength=len(LABELS))
    expected = 4000 * torch.tensor([0.10, 0.10, 0.15, 0.15, 0.15, 0.15, 0.10, 0.10])
    assert ((counts - expected).abs() < 5 * expected.sqrt()).all()


def test_samples_repeat_and_are_uniform():
    first, second = (sample_faces(40, make_generator(5, "faces"), 16) for _ in range(2))
    assert torch.equal(first.images, second.images)
    assert torch.equal(first.images, render_faces(first.attributes, 16))
    assert torch.equal(first.labels, label_faces(first.attributes))
    assert first.images.dtype == torch.float32
    many = sample_attributes(20000, make_generator(6, "faces"), torch.float64)
    low, high = attribute_bounds(torch.float64)
    assert ((many >= low) & (many <= high)).all()
    torch.testing.assert_close(many.std(0), STD, rtol=0.02, atol=0)
    correlation = torch.corrcoef(many.T) - torch.eye(len(ATTRIBUTES), dtype=torch.float64)
    assert correlation.abs().max() < 0.04


def test_dither_is_uniform_noise_on_the_same_faces():
    clean, noisy = (sample_faces(30, make_generator(7, "faces"), 16, dither=d) for d in (0.0, 0.05))
    noise = noisy.images - clean.images
    assert torch.equal(clean.attributes, noisy.attributes)
    assert 0.049 < noise.abs().max() <= 0.0501
    assert noise.std() == pytest.approx(0.05 / 3**0.5, rel=0.02)
    assert noise.mean().abs() < 0.001


def test_chunks_and_precision_do_not_change_a_face(attributes, monkeypatch):
    whole = render_faces(attributes, 16)
    torch.testing.assert_close(render_faces(attributes.float(), 16).double(), whole, rtol=0, atol=2e-5)
    monkeypatch.setattr(render, "CHUNK", 5 * 16 * 16)
    torch.testing.assert_close(render_faces(attributes, 16), whole, rtol=0, atol=1e-14)
    assert render_faces(attributes[:0], 16).shape == (0, 3, 16, 16)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda a: render_faces(a[:, :4]), r"attributes: shape \(2, 4\) .* \(B, 13\)"),
        (lambda a: render_faces(middle(smile=1.2)), r"attributes: smile = 1.2 of face 0 .* -1 to 1"),
        (lambda a: render_faces(middle(width=0.2)), r"width = 0.2 of face 0 .* 0.45 to 0.57"),
        (lambda a: part_masks(middle(eyes=0.0)), r"eyes = 0 "),
        (lambda a: label_faces(middle(smile=-3.0)), r"smile = -3 "),
        (lambda a: render_faces(a * torch.nan), "attributes: .* NaN"),
        (lambda a: render_faces(a, 4), "size: 4"),
        (lambda a: face_tangents(a, 4), "size: 4"),
        (lambda a: part_masks(a, 4), "size: 4"),
        (lambda a: part_regions(a, 16, levels=1), "levels: 1"),
        (lambda a: sample_attributes(0, make_generator(0, "faces")), "n: 0"),
        (lambda a: sample_attributes(2, make_generator(0, "faces"), torch.int64), "dtype: torch.int64"),
        (lambda a: sample_faces(2, make_generator(0, "faces"), dither=-0.1), "dither: -0.1"),
        (lambda a: sample_faces(2, make_generator(0, "faces"), dither=1.0), "dither: 1.0"),
    ],
)
def test_bad_input_is_explained(call, match):
    with pytest.raises(ValueError, match=match):
        call(sample_attributes(2, make_generator(0, "faces")))
