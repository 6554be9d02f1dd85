"""Every operator: adjoint and linearity of the linear ones, derivatives of the others, shapes, noise, bad input."""

import re

import pytest
import torch

from lowdim.compat import import_deepinv
from lowdim.measurement.discrepancy import noise_level, observed_entries, squared_norm
from lowdim.measurement.dynamic_range import HighDynamicRange
from lowdim.measurement.matrices import MatrixPhysics
from lowdim.measurement.mri import coil_maps, multi_coil_mri
from lowdim.measurement.nonuniform_blur import NonuniformBlur
from lowdim.measurement.phase_retrieval import AmplitudePhaseRetrieval, turned
from lowdim.measurement.tasks import LINEAR, TASKS, make_task

deepinv = import_deepinv()
SHAPE = (3, 16, 16)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def operators():
    """Name to (physics, shape of an image), all in float64."""
    made = {name: (make_task(name, SHAPE, 0.05, generator()), SHAPE) for name in TASKS}
    made["mri"] = (multi_coil_mri(16, 0.01, generator(), coils=3), (2, 16, 16))
    made["mri-slices"] = (multi_coil_mri(16, 0.01, generator(), coils=3, slices=2), (2, 16, 16))
    made["matrix"] = (MatrixPhysics(torch.randn(4, 12, generator=generator()), (3, 4)), (3, 4))
    made["matrices"] = (MatrixPhysics(torch.randn(2, 4, 12, generator=generator())), (12,))
    return {name: (physics.double(), shape) for name, (physics, shape) in made.items()}


OPERATORS = operators()
TOMOGRAPHY = deepinv.physics.Tomography(angles=7, img_width=16, circle=False, normalize=True)
SINGLE = {"tomography": (TOMOGRAPHY, (1, 16, 16))}  # deepinv has it in single precision only
LINEAR_NAMES = [*LINEAR, "mri", "mri-slices", "tomography", "matrix", "matrices"]


def images(shape, count=2, seed=1):
    return 2 * torch.rand(count, *shape, generator=generator(seed), dtype=torch.float64) - 1


@pytest.mark.parametrize("name", LINEAR_NAMES)
def test_linear_operators_are_linear_and_their_adjoints_right(name):
    physics, shape = (OPERATORS | SINGLE)[name]
    dtype = torch.float32 if name in SINGLE else torch.float64
    p, q = images(shape).to(dtype), images(shape, seed=2).to(dtype)
    torch.testing.assert_close(physics.A(p - 3 * q), physics.A(p) - 3 * physics.A(q), rtol=0, atol=1e-5)
    v = torch.randn(physics.A(p).shape, generator=generator(3), dtype=dtype)
    left, right = (physics.A(p) * v).sum(), (p * physics.A_adjoint(v)).sum()
    assert float((left - right).abs()) < 1e-4 * float(left.abs() + 1)


@pytest.mark.parametrize("name", OPERATORS)
def test_derivatives_agree_with_central_differences(name):
    physics, shape = OPERATORS[name]
    x, direction = images(shape).requires_grad_(), images(shape, seed=4)
    v = torch.randn(physics.A(x).shape, generator=generator(5), dtype=torch.float64)
    (gradient,) = torch.autograd.grad((physics.A(x) * v).sum(), x)
    step = 1e-6
    with torch.no_grad():
        difference = (physics.A(x + step * direction) - physics.A(x - step * direction)) / (2 * step)
    expected, found = (difference * v).sum(), (gradient * direction).sum()
    assert float((found - expected).abs()) < 2e-4 * float(1 + expected.abs())


@pytest.mark.parametrize("name", [name for name in TASKS if name not in LINEAR])
def test_the_other_tasks_are_not_linear(name):
    physics, shape = OPERATORS[name]
    p, q = images(shape), images(shape, seed=2)
    assert float((physics.A((p + q) / 2) - (physics.A(p) + physics.A(q)) / 2).abs().max()) > 1e-2


@pytest.mark.parametrize("name", [*TASKS, "mri"])
def test_noise_has_its_level_where_something_is_measured(name):
    physics, shape = OPERATORS[name]
    x = images(shape, 40)
    y = physics(x)
    ratio = squared_norm(y - physics.A(x)) / (noise_level(physics, 40) ** 2 * observed_entries(physics, y))
    assert float(ratio.mean()) == pytest.approx(1, abs=0.05)


def test_the_same_seed_gives_the_same_operator_and_noise():
    for name in TASKS:
        first, second = (make_task(name, SHAPE, 0.1, generator(7)) for _ in range(2))
        x = images(SHAPE).float()
        torch.testing.assert_close(first(x), second(x), rtol=0, atol=0)


def test_inpainting_counts_the_entries_that_are_left():
    for name, kept in (("box-inpainting", 3 * (16 * 16 - 6 * 6)), ("random-inpainting", 3 * round(0.3 * 256))):
        physics, shape = OPERATORS[name]
        assert observed_entries(physics, physics.A(images(shape))).tolist() == [kept, kept]


def test_rows_of_zeros_carry_no_noise_and_do_not_count():
    matrix = torch.zeros(2, 3, 4, dtype=torch.float64)
    matrix[0, :2], matrix[1, :3] = torch.eye(4)[:2].double(), torch.eye(4)[:3].double()
    physics = MatrixPhysics(matrix, noise_model=deepinv.physics.GaussianNoise(0.3))
    y = physics(torch.ones(2, 4, dtype=torch.float64))
    assert float(y[0, 2]) == 0
    assert observed_entries(physics, y).tolist() == [2, 3]


def test_amplitudes_keep_energy_and_forget_reversal():
    physics = AmplitudePhaseRetrieval((1, 8, 8), pad=2).double()
    x = images((1, 8, 8))
    energy = ((x + 1) / 2).square().sum((1, 2, 3))
    torch.testing.assert_close(squared_norm(physics.A(x)), energy)
    torch.testing.assert_close(physics.A(turned(x)), physics.A(x), rtol=0, atol=1e-12)


def test_amplitudes_of_nothing_have_derivative_zero():
    x = -torch.ones(1, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(AmplitudePhaseRetrieval((1, 8, 8), pad=2).A(x).sum(), x)
    assert float(gradient.abs().max()) == 0


def test_saturated_pixels_have_derivative_zero():
    x = torch.tensor([[-0.9, -0.5001, -0.2, 0.4, 0.5001, 0.8]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(HighDynamicRange((6,)).A(x).sum(), x)
    assert gradient.tolist() == [[0, 0, 2, 2, 0, 0]]


def test_at_the_edge_of_saturation_the_derivative_is_that_of_the_inside():
    """PyTorch's choice among the subgradients from 0 to 2; one float further out it is 0."""
    edge = torch.tensor([-0.5, 0.5], dtype=torch.float64)
    x = torch.cat([edge, torch.nextafter(edge, 2 * edge)])[None].requires_grad_()
    seen = HighDynamicRange((4,)).A(x)
    assert seen.tolist() == [[-1, 1, -1, 1]]
    (gradient,) = torch.autograd.grad(seen.sum(), x)
    assert gradient.tolist() == [[2, 2, 0, 0]]


def test_the_nonuniform_blur_leaves_flat_images_and_blurs_bright_ones_more():
    physics = NonuniformBlur((1, 24, 24)).double()
    flat = torch.full((1, 1, 24, 24), 0.3, dtype=torch.float64)
    torch.testing.assert_close(physics.A(flat), flat)
    spike = torch.zeros(1, 1, 24, 24, dtype=torch.float64)
    spike[..., 12, 12] = 0.1
    kept = [
        float((physics.A(level + spike) - physics.A(level * torch.ones_like(spike))).max()) for level in (-0.8, 0.8)
    ]
    assert kept[0] > 2 * kept[1]


def test_super_resolution_is_the_bicubic_kernel_of_pillow():
    pytest.importorskip("PIL")
    import numpy as np
    from PIL import Image

    x = torch.rand(32, 32, generator=generator())
    pillow = np.asarray(Image.fromarray(x.numpy(), mode="F").resize((8, 8), Image.Resampling.BICUBIC))
    ours = make_task("super-resolution", (1, 32, 32), 0.05, generator()).A(x[None, None])[0, 0]
    # Pillow cuts the kernel at the border where the papers reflect; the inner pixels agree.
    assert float((ours - torch.tensor(pillow))[2:-2, 2:-2].abs().max()) < 1e-3


def test_coil_maps_have_unit_power_everywhere():
    maps = coil_maps(5, 12)
    torch.testing.assert_close(maps.abs().square().sum(0), torch.ones(12, 12))


def test_mri_measures_whole_columns_and_always_the_middle():
    mask = multi_coil_mri(32, 0.01, generator(), acceleration=4).mask[0, 0]
    columns = mask[0].bool()
    assert torch.equal(mask, columns.float().expand(32, 32))
    assert int(columns.sum()) == 8
    assert bool(columns[15:17].all())


def test_complex_residuals_count_both_parts():
    residual = torch.tensor([[3 + 4j, 0], [1, 1j]])
    assert squared_norm(residual).tolist() == [25, 2]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_task("denoising", SHAPE, 0.1, generator()), "name: 'denoising'"),
        (lambda: make_task("box-inpainting", (3, 16, 20), 0.1, generator()), "shape: (3, 16, 20)"),
        (lambda: make_task("box-inpainting", SHAPE, 0.0, generator()), "noise_std: 0.0"),
        (lambda: multi_coil_mri(16, -1.0, generator()), "noise_std: -1.0"),
        (lambda: multi_coil_mri(16, 0.1, generator(), acceleration=8), "acceleration: 8"),
        (lambda: coil_maps(0, 8), "coils: 0"),
        (lambda: coil_maps(4, 1), "side: 1"),
        (lambda: AmplitudePhaseRetrieval((8,), pad=1), "img_size: (8,)"),
        (lambda: AmplitudePhaseRetrieval((1, 8), pad=-1), "pad: -1"),
        (lambda: HighDynamicRange((8,), gain=0.0), "gain: 0.0"),
        (lambda: NonuniformBlur(SHAPE, widths=(1, 0.5, 2)), "widths: (1, 0.5, 2)"),
        (lambda: NonuniformBlur(SHAPE, contrast=0), "contrast: 0"),
        (lambda: MatrixPhysics(torch.ones(3)), "matrix: shape (3,)"),
        (lambda: MatrixPhysics(torch.ones(3, 4), (5,)), "event_shape: (5,)"),
        (lambda: MatrixPhysics(torch.ones(2, 3, 4)).A(torch.ones(3, 4)), "x: a batch of 3"),
        (lambda: noise_level(MatrixPhysics(torch.ones(3, 4)), 1), "noise model ZeroNoise"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
