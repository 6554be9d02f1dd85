"""Denoisers for pixels in [0, 1] are told from those of the book by their type."""

import subprocess
import sys

import pytest
import torch

from lowdim.compat import import_deepinv
from lowdim.denoising.ranges import check_range
from lowdim.denoising.views import denoiser_from_unit_range, unit_range_view
from lowdim.distributions import Gaussian

LAW = Gaussian(torch.zeros(1, 8, 8), torch.eye(64)[:, :3], torch.ones(3))


def test_denoisers_of_the_book_pass_as_they_are():
    assert check_range("denoiser", LAW) is LAW
    adapted = denoiser_from_unit_range(unit_range_view(LAW))
    assert check_range("denoiser", adapted) is adapted


def test_the_view_for_the_unit_range_is_refused():
    with pytest.raises(ValueError, match=r"prior: a UnitRangeView is for pixels in \[0, 1\].*unit_range\(prior\)"):
        check_range("prior", unit_range_view(LAW))


def test_denoisers_of_deepinv_are_refused_and_pass_adapted():
    median = import_deepinv().models.MedianFilter(kernel_size=3)
    with pytest.raises(ValueError, match=r"denoiser: a MedianFilter is for pixels in \[0, 1\].*lowdim.denoising.views"):
        check_range("denoiser", median)
    adapted = check_range("denoiser", denoiser_from_unit_range(median))
    x = 2 * torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0)) - 1
    torch.testing.assert_close(adapted(x, 0.1), 2 * median((x + 1) / 2, 0.05) - 1)


def test_asking_does_not_import_deepinv():
    code = """if True:
        import sys
        from lowdim.denoising.ranges import check_range
        check_range("denoiser", lambda x, sigma: x)
        assert not any(name.partition(".")[0] == "deepinv" for name in sys.modules)
    """
    subprocess.run([sys.executable, "-c", code], check=True)
