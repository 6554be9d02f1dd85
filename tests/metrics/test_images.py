import re

import pytest
import torch

from lowdim.metrics.images import psnr, ssim


def pictures(count=3, side=24):
    return 2 * torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0)) - 1


def test_psnr_of_a_known_error_and_the_same_in_both_ranges():
    x = 0.5 * pictures()
    assert psnr(x + 0.2, x).tolist() == pytest.approx([20.0] * 3, abs=1e-4)
    torch.testing.assert_close(psnr((x + 1.2) / 2, (x + 1) / 2, (0.0, 1.0)), psnr(x + 0.2, x), rtol=0, atol=1e-4)


def test_values_outside_the_range_are_cut():
    x = torch.ones(2, 1, 4, 4)
    assert psnr(x + 0.5, x).tolist() == [float("inf")] * 2


def test_both_agree_with_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    x = pictures()
    noisy = (x + 0.3 * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))).clamp(-1, 1)
    for k in range(3):
        a, b = noisy[k].double().numpy(), x[k].double().numpy()
        assert float(psnr(noisy, x)[k]) == pytest.approx(metrics.peak_signal_noise_ratio(b, a, data_range=2), abs=1e-3)
        theirs = metrics.structural_similarity(
            (a + 1) / 2,
            (b + 1) / 2,
            data_range=1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            channel_axis=0,
        )
        assert float(ssim(noisy, x)[k]) == pytest.approx(theirs, abs=1e-4)


def test_an_image_is_similar_to_itself():
    assert ssim(pictures(), pictures()).tolist() == pytest.approx([1.0] * 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: psnr(pictures(2), pictures(3)), "images: shape (2, 3, 24, 24) for a truth of (3, 3, 24, 24)"),
        (lambda: psnr(pictures(), pictures(), (1.0, -1.0)), "limits: (1.0, -1.0)"),
        (lambda: ssim(pictures(side=8), pictures(side=8)), "images: shape (3, 3, 8, 8)"),
        (lambda: psnr(pictures() / 0, pictures()), "images: "),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
