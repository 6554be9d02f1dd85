"""Moving clips and the photographs behind them."""

from dataclasses import replace

import pytest
import torch

from lowdim.data.motion import (
    DIRECTIONS,
    MOTIONS,
    UNIT,
    backdrops,
    coverage,
    elsewhere,
    paths,
    render_in_parts,
    render_scenes,
    sample_scenes,
)
from lowdim.data.photographs import NAMES, load_photographs
from lowdim.seeding import make_generator


@pytest.fixture
def scenes():
    return sample_scenes(24, make_generator(0, "motion"))


def test_photographs_are_sixteen_different_ones():
    bank = load_photographs(32)
    assert bank.shape == (len(NAMES), 3, 32, 32)
    assert bank.min() >= -1
    assert bank.max() <= 1
    flat = bank.flatten(1)
    apart = torch.cdist(flat, flat) + 100 * torch.eye(len(NAMES))
    assert apart.min() > 5
    assert bank.flatten(1).std(1).min() > 0.05  # each has a content
    with pytest.raises(ValueError, match="side: 4"):
        load_photographs(4)


def test_the_centre_moves_as_the_label_says():
    """Of a translation by 1.5 pixels a frame, from the mass of the cover where it does not cross the edge."""
    scenes = sample_scenes(8, make_generator(1, "motion"), speeds=(1.5, 1.5))
    scenes = replace(scenes, motion=torch.arange(8), start=0 * scenes.start).to("cpu", torch.float64)
    cover, _ = coverage(scenes, 5, 32)
    line = torch.arange(32, dtype=torch.float64)
    mass = cover.sum((2, 3))
    across, down = (cover.sum(2) * line).sum(-1) / mass, (cover.sum(3) * line).sum(-1) / mass
    step = torch.stack([across.diff(dim=1).mean(1), down.diff(dim=1).mean(1)], 1)
    angle = torch.arange(8) * torch.pi / 4
    torch.testing.assert_close(step, 1.5 * torch.stack([angle.cos(), angle.sin()], 1).double(), atol=0.02, rtol=0)


def test_turns_stay_and_swings_return(scenes):
    turning = replace(scenes, motion=torch.full((24,), MOTIONS.index("clockwise")))
    centres, angles = paths(turning, 9)
    assert (centres == centres[:, :1]).all()
    rim = angles.diff(dim=1) * scenes.radius[:, None] / UNIT
    torch.testing.assert_close(rim, scenes.speed[:, None].expand_as(rim), atol=1e-3, rtol=1e-3)
    swinging = replace(scenes, motion=torch.full((24,), MOTIONS.index("swing up and down")))
    centres, _ = paths(swinging, 9)
    torch.testing.assert_close(centres[:, 0], centres[:, 8])
    assert (centres[:, :, 0].std(1) < 1e-6).all()
    assert centres[:, :, 1].std(1).min() > 0.01


def test_a_clip_is_background_and_texture_by_the_cover(scenes):
    video = render_scenes(scenes, 4, 32)
    cover, _ = coverage(scenes, 4, 32)
    behind = backdrops(scenes, 32)
    still = (cover < 1e-6)[:, None].expand_as(video)
    torch.testing.assert_close(video[still], behind[:, :, None].expand_as(video)[still], atol=1e-5, rtol=0)
    assert not torch.allclose(video, behind[:, :, None].expand_as(video))
    assert video.abs().max() <= 1 + 1e-5


def test_labels_do_not_depend_on_each_other():
    scenes = sample_scenes(20_000, make_generator(2, "motion"))
    table = torch.zeros(len(MOTIONS), len(NAMES))
    table.index_put_((scenes.motion, scenes.background), torch.ones(20_000), accumulate=True)
    expected = 20_000 / table.numel()
    chi = ((table - expected) ** 2 / expected).sum()  # 165 degrees of freedom
    assert 110 < chi < 235
    assert (scenes.texture != scenes.background).all()
    assert (elsewhere(scenes, make_generator(3, "motion")).background != scenes.background).all()


def test_bytes_parts_and_precision(scenes):
    whole = render_in_parts(scenes, 3, 16, part=64)
    assert torch.equal(whole, render_in_parts(scenes, 3, 16, part=5))
    assert whole.dtype == torch.uint8
    exact = render_scenes(scenes.to("cpu", torch.float64), 3, 16)
    assert (whole / 127.5 - 1 - exact).abs().max() < 1.2 / 127.5


def test_motions_can_be_chosen_and_bad_input_is_named():
    generator = make_generator(0, "motion")
    assert set(sample_scenes(200, generator, motions=DIRECTIONS).motion.tolist()) == set(range(8))
    for options, word in (
        ({"motions": ("sideways",)}, "sideways"),
        ({"speeds": (2.0, 1.0)}, "speeds"),
        ({"backgrounds": 1}, "backgrounds"),
    ):
        with pytest.raises(ValueError, match=word):
            sample_scenes(4, generator, **options)
    with pytest.raises(ValueError, match="size, frames"):
        render_scenes(sample_scenes(1, generator), 0, 32)
