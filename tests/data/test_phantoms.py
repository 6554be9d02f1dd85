"""Phantoms, phases and slices of the brain template."""

import math

import pytest
import torch

from lowdim.data import mni152
from lowdim.data.mni152 import brain_slices
from lowdim.data.phantoms import sample_phantoms, smooth_phases, with_phase


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_phantoms_fill_their_range_and_are_not_dark():
    pictures = sample_phantoms(40, generator(), 32)
    assert pictures.shape == (40, 1, 32, 32)
    assert float(pictures.min()) == 0
    torch.testing.assert_close(pictures.amax((1, 2, 3)), torch.ones(40))
    assert float(pictures.mean((1, 2, 3)).min()) >= 0.03
    assert torch.equal(sample_phantoms(40, generator(), 32), pictures)
    assert not torch.equal(sample_phantoms(40, generator(1), 32), pictures)


def test_ellipses_have_rims_of_a_pixel():
    """Most pixels lie inside regions: equal to a neighbour; few lie on a rim."""
    pictures = sample_phantoms(20, generator(), 64)
    flat = (pictures[..., 1:] - pictures[..., :-1]).abs() < 1e-6
    assert 0.5 < float(flat.double().mean()) < 0.99


def test_phases_are_smooth_centred_and_within_half_a_turn():
    phases = smooth_phases(200, generator(), 16)
    span = (phases.amax((1, 2, 3)) - phases.amin((1, 2, 3))) / math.pi
    assert 0 <= float(span.min()) < 0.1
    assert 0.9 < float(span.max()) <= 1 + 1e-5
    assert float(phases.mean((1, 2, 3)).abs().max()) < 1e-5
    third = phases.diff(n=3, dim=-1).abs().max()  # of a quadratic polynomial
    assert float(third) < 1e-4


def test_a_phase_keeps_the_magnitude():
    magnitudes, phases = sample_phantoms(3, generator(), 16), smooth_phases(3, generator(1), 16)
    found = with_phase(magnitudes, phases)
    torch.testing.assert_close(found.square().sum(1, keepdim=True).sqrt(), magnitudes)
    torch.testing.assert_close(torch.atan2(found[:, 1:], found[:, :1])[magnitudes > 0], phases[magnitudes > 0])


def test_slices_are_brains():
    slices = brain_slices(6, generator(), 48)
    assert slices.shape == (6, 1, 48, 48)
    assert float(slices.min()) == 0
    torch.testing.assert_close(slices.amax((1, 2, 3)), torch.ones(6))
    border = torch.cat([slices[..., 0, :], slices[..., -1, :], slices[..., :, 0], slices[..., :, -1]], -1)
    assert float(border.max()) < 0.02  # nothing is cut off
    middle = slices[..., 16:32, 16:32].mean((1, 2, 3))
    assert float(middle.min()) > 0.4


def test_unturned_slices_are_nearly_symmetric_and_turned_ones_are_not():
    plain = brain_slices(6, generator(), 64, turned=False)
    turned = brain_slices(6, generator(), 64)

    def asymmetry(pictures):
        return float((pictures - pictures.flip(-1)).square().mean() / pictures.square().mean())

    assert asymmetry(plain) < 0.02 < asymmetry(turned)
    assert torch.equal(brain_slices(6, generator(3), 64, turned=False), plain)


def test_a_local_file_comes_first_and_a_missing_one_is_named(tmp_path, monkeypatch):
    (tmp_path / mni152.FILE).write_bytes(b"")
    monkeypatch.setenv("LOWDIM_DATA", str(tmp_path))
    assert mni152._path() == tmp_path / mni152.FILE
    monkeypatch.delenv("LOWDIM_DATA")
    assert mni152._path().name == mni152.FILE
    monkeypatch.setattr(mni152.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="install nilearn"):
        mni152._path()


@pytest.mark.parametrize("draw", [sample_phantoms, brain_slices])
def test_sizes_that_cannot_be_meant_are_refused(draw):
    for n, size in ((0, 32), (1, 4)):
        with pytest.raises(ValueError, match="n, size"):
            draw(n, generator(), size)
