"""Peak signal-to-noise ratio and structural similarity against definitions and other libraries."""

import pytest
import torch

from lowdim.metrics.images import psnr, ssim
from lowdim.seeding import make_generator


def pictures(name, n=3, side=24):
    return torch.rand(n, 3, side, side, generator=make_generator(0, name)) * 2 - 1


def test_psnr_of_a_constant_shift():
    x = pictures("x")
    assert psnr(x + 0.2, x).tolist() == pytest.approx([20.0] * 3, abs=1e-4)  # 20 log10(2 / 0.2)
    assert torch.isinf(psnr(x, x)).all()


def test_both_agree_with_other_libraries():
    from skimage.metrics import peak_signal_noise_ratio

    from lowdim.compat import import_torchvision

    x, y = pictures("x"), pictures("x") + 0.3 * pictures("y")
    theirs = peak_signal_noise_ratio(x[0].numpy(), y[0].numpy(), data_range=2)
    assert float(psnr(y, x)[0]) == pytest.approx(theirs, abs=1e-4)
    import_torchvision()
    from torchmetrics.functional.image import structural_similarity_index_measure

    for window, margin in ((11, 5), (7, 3)):
        _, full = structural_similarity_index_measure(
            y, x, sigma=1.5 * window / 11, data_range=2.0, return_full_image=True
        )
        inside = full[..., margin:-margin, margin:-margin].flatten(1).mean(1)  # where no border was made up
        torch.testing.assert_close(ssim(y, x, window), inside.double(), rtol=0, atol=1e-4)
    assert ssim(x, x).tolist() == pytest.approx([1.0] * 3)


def test_bad_arguments_are_refused():
    x = pictures("x")
    with pytest.raises(ValueError, match="found: shape"):
        psnr(x[..., :8], x)
    for window in (4, 25, 1):
        with pytest.raises(ValueError, match="window"):
            ssim(x, x, window)
