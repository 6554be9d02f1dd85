"""Checkpoints: round trip of every kind of state, what is kept, and what is refused."""

import pytest
import torch

from lowdim.training.checkpoints import DamagedCheckpoint, load_checkpoint, load_newest, save_checkpoint

STATE = {
    "step": 3,
    "half": torch.arange(6, dtype=torch.bfloat16).reshape(2, 3).T,  # not contiguous
    "bytes": torch.arange(4, dtype=torch.uint8),
    "scalar": torch.tensor(0.1, dtype=torch.float64),
    "nested": {"rate": 1e-3 / 3, "nothing": None, "list": [1, torch.ones(2), {"a": True}]},
}


def test_round_trip_is_exact(tmp_path):
    state = load_checkpoint(save_checkpoint(tmp_path, 3, STATE))
    assert state["step"] == 3
    assert state["nested"]["rate"] == 1e-3 / 3
    assert state["nested"]["nothing"] is None
    assert torch.equal(state["nested"]["list"][1], torch.ones(2))
    for key in ("half", "bytes", "scalar"):
        assert state[key].dtype == STATE[key].dtype
        assert torch.equal(state[key], STATE[key])


def test_tensors_that_share_memory_are_both_kept(tmp_path):
    shared = torch.ones(3)
    state = load_checkpoint(save_checkpoint(tmp_path, 1, {"a": shared, "b": shared}))
    assert torch.equal(state["a"], state["b"])


def test_the_newest_two_are_kept(tmp_path):
    (tmp_path / ".step-00000001.json.99.partial").touch()  # left by a process that was killed
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, step, {"step": step})
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        f"step-0000000{i}.{kind}" for i in (2, 3) for kind in ("json", "safetensors")
    ]
    assert load_newest(tmp_path)["step"] == 3


@pytest.mark.parametrize("harm", ["truncate", "flip a number", "lose the tensors", "not json"])
def test_every_damage_is_seen(tmp_path, harm):
    path = save_checkpoint(tmp_path, 1, STATE)
    if harm == "truncate":
        tensors = path.with_suffix(".safetensors")
        tensors.write_bytes(tensors.read_bytes()[:-7])
    elif harm == "flip a number":
        path.write_text(path.read_text().replace('"step": 3', '"step": 4'))
    elif harm == "lose the tensors":
        path.with_suffix(".safetensors").unlink()
    else:
        path.write_text("{")
    with pytest.raises(DamagedCheckpoint, match=r"step-00000001\.json"):
        load_checkpoint(path)
    with pytest.warns(UserWarning, match="going back"), pytest.raises(DamagedCheckpoint, match="delete that folder"):
        load_newest(tmp_path)


def test_empty_folder_has_none(tmp_path):
    assert load_newest(tmp_path / "absent") is None
