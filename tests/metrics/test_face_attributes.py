"""The judge's network and its folder; how well the shipped one reads is tested with its recipe."""

import pytest
import torch

from lowdim.metrics.face_attributes import AttributeRegressor, load_judge, save_judge
from lowdim.model_store import Card, DamagedModel

CARD = Card("judge", "A judge.", "none", "MIT", "lowdim train judge", "smoke", 0)


@pytest.fixture
def judge():
    torch.manual_seed(0)
    return AttributeRegressor(["smile", "skin"], [-1.0, 0.0], [1.0, 0.5], size=16, channels=(8, 8), width=16)


def test_output_is_in_the_units_of_the_ranges(judge):
    last = judge.network[-1]
    with torch.no_grad():
        last.weight.zero_()
        for value, expected in ((-1.0, [-1.0, 0.0]), (0.0, [0.0, 0.25]), (1.0, [1.0, 0.5])):
            last.bias.fill_(value)
            assert judge(torch.zeros(3, 3, 16, 16)).tolist() == [expected] * 3


def test_round_trip_gives_the_same_judge(tmp_path, judge):
    folder = save_judge(tmp_path / "judge", judge, CARD)
    images = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    loaded = load_judge(folder)
    assert loaded.names == ("smile", "skin")
    assert torch.equal(loaded(images), judge(images))
    half = load_judge(save_judge(tmp_path / "half", judge, CARD, dtype=torch.float16))
    assert {p.dtype for p in half.parameters()} == {torch.float32}
    torch.testing.assert_close(half(images), judge(images), rtol=0, atol=0.01)


def test_damaged_weights_are_refused(tmp_path, judge):
    folder = save_judge(tmp_path / "judge", judge, CARD)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(DamagedModel, match=r"model\.safetensors does not match the hash"):
        load_judge(folder)


def test_bad_arguments_are_named(judge):
    with pytest.raises(ValueError, match="names: 2 names with 1 lower"):
        AttributeRegressor(["a", "b"], [0.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="size: 20 is not allowed; give a multiple of 8"):
        AttributeRegressor(["a"], [0.0], [1.0], size=20)
    with pytest.raises(ValueError, match="images"):
        judge(torch.zeros(1, 3, 32, 32))
