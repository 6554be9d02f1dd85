"""The deep image priors: what each does in a round, what makes two of them one, bad input, stopping and resuming."""

import itertools
import sys

import pytest
import torch
from torch import nn

from lowdim.compat import import_deepinv
from lowdim.measurement.matrices import MatrixPhysics
from lowdim.measurement.problem import NotConverged, pose
from lowdim.papers.udig_dip.methods import ASeqDIP, ReferenceDIP, SelfGuidedDIP, UDiGDIP
from lowdim.papers.udig_dip.networks import SideBySide, UNet
from lowdim.papers.udig_dip.purifier import Purifier, channelwise
from lowdim.papers.udig_dip.scans import first_image, make_scan
from lowdim.papers.udig_dip.solver import DeepImagePrior, Diverged, adjoint

deepinv = import_deepinv()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def net():
    return UNet(1, (8, 8))


def identity(x, sigma):
    return x


def half(x, sigma):
    return x / 2


class Pixels(nn.Module):
    """A network that ignores its input: its weights are the image."""

    def __init__(self):
        super().__init__()
        self.image = nn.Parameter(torch.zeros(1, 1, 4, 4, dtype=torch.float64))

    def forward(self, z):
        return self.image.expand(z.shape)


def problem(batch=2, noise=0.1, rows=10, shape=(1, 4, 4), dtype=torch.float32):
    matrix = torch.randn(rows, 16, generator=generator(1), dtype=dtype) / 4
    physics = MatrixPhysics(matrix, shape, noise_model=deepinv.physics.GaussianNoise(noise, rng=generator(2)))
    x = torch.rand(batch, *shape, generator=generator(3), dtype=dtype)
    return physics(x), physics, x


@pytest.fixture(scope="module")
def scan():
    return make_scan("mri-4", "phantoms", 2, 0, size=16)


def complex_net():
    return UNet(2, (8, 8))


@pytest.mark.parametrize("split", [(1, 12), (4, 3), (12, 1)])
def test_vanilla_does_not_depend_on_its_rounds(split):
    y, physics, _ = problem()
    whole = DeepImagePrior(net, rounds=2, steps=6)(y, physics, generator())
    assert torch.equal(DeepImagePrior(net, rounds=split[0], steps=split[1])(y, physics, generator()), whole)


def test_vanilla_is_a_loop_of_a_dozen_lines():
    y, physics, _ = problem(batch=1)
    found = DeepImagePrior(net, rounds=1, steps=5, learning_rate=1e-2)(y, physics, generator())
    g = generator()
    torch.manual_seed(int(torch.randint(2**62, (), generator=g)))
    f, z = net(), torch.randn(1, 1, 4, 4, generator=g)
    adam = torch.optim.Adam(f.parameters(), lr=1e-2)
    for _ in range(5):
        adam.zero_grad()
        (physics.A(f(z)) - y).square().sum().backward()
        adam.step()
    assert torch.equal(found, f(z))


def test_a_reference_without_a_term_is_vanilla_with_that_input():
    y, physics, x = problem()
    one = ReferenceDIP(net, x, rounds=2, steps=3)
    rounds = list(one.rounds(y, physics, generator()))
    assert all(torch.equal(r.z, x) for r in rounds)
    assert not torch.equal(rounds[0].estimate, rounds[1].estimate)


def test_autoencoding_feeds_the_output_in():
    y, physics, _ = problem()
    rounds = list(ASeqDIP(net, rounds=3, steps=2).rounds(y, physics, generator()))
    torch.testing.assert_close(rounds[0].z, adjoint(pose(y, physics)))
    for before, after in itertools.pairwise(rounds):
        torch.testing.assert_close(after.z, before.estimate)
        assert float(after.distance.min()) > 0
        assert float(after.misfit.min()) > 0


def test_a_purifier_that_does_nothing_leaves_the_autoencoding_scheme():
    y, physics, _ = problem()
    plain = ASeqDIP(net, rounds=3, steps=2, lam=0.1)(y, physics, generator())
    for denoise, same in ((identity, True), (half, False)):
        guided = UDiGDIP(net, Purifier(denoise), rounds=3, steps=2, lam=0.1)(y, physics, generator())
        assert torch.allclose(guided, plain, atol=1e-5) == same


def test_a_large_weight_holds_the_output_at_the_input():
    y, physics, _ = problem(batch=1)
    first = adjoint(pose(y, physics))

    def distance(lam):
        found = ASeqDIP(net, rounds=1, steps=300, lam=lam, learning_rate=1e-2)(y, physics, generator())
        return float((found - first).norm() / first.norm())

    assert distance(1e4) < 0.05 < distance(0.0)


def test_pixels_end_at_the_proximal_map():
    y, physics, _ = problem(batch=1, dtype=torch.float64)
    lam, a = 0.3, physics.matrix[0]
    solver = ASeqDIP(Pixels, rounds=1, steps=4000, lam=lam, learning_rate=5e-3)
    found = solver(y, physics, generator())
    z = adjoint(pose(y, physics)).flatten(1)
    formula = torch.linalg.solve(a.T @ a + lam * torch.eye(16).double(), (y @ a + lam * z).T).T
    torch.testing.assert_close(found.flatten(1), formula, rtol=0, atol=1e-7)


def test_balanced_weights_follow_the_levels():
    y, physics, _ = problem(noise=0.02)
    levels = [1.0, 0.1, 0.02, 0.001]
    solver = UDiGDIP(net, Purifier(identity), rounds=4, steps=1, tau=levels)
    solver.prepare(pose(y, physics))
    assert [solver.weight(k) for k in range(4)] == pytest.approx([1e-3, 0.04, 1.0, 1.0])


def test_each_round_is_purified_at_its_own_level():
    y, physics, _ = problem()
    asked = []

    def denoise(x, sigma):
        asked.append(float(sigma))
        return x

    solution = UDiGDIP(net, Purifier(denoise), rounds=4, steps=1, tau=[0.4, 0.3, 0.2, 0.1]).solve(y, physics)
    assert asked == pytest.approx([0.3, 0.2, 0.1])
    assert solution.evaluations == 3
    assert solution.updates == 4


def test_each_channel_is_an_image_of_its_own_at_the_level_of_its_sample():
    def seen(x, sigma):
        assert x.shape[1] == 1
        return x * torch.as_tensor(sigma).reshape(-1, 1, 1, 1)

    x = torch.randn(3, 2, 4, 4, generator=generator())
    levels = torch.tensor([0.5, 1.0, 2.0])
    torch.testing.assert_close(channelwise(seen)(x, levels), x * levels.reshape(-1, 1, 1, 1))
    torch.testing.assert_close(channelwise(seen)(x, 0.5), x / 2)


def test_the_scale_comes_from_the_data():
    y, physics, _ = problem()
    seen = []

    def denoise(x, sigma):
        seen.append(x.clone())
        return x

    for factor in (1, 10):
        noise = deepinv.physics.GaussianNoise(0.1 * factor)
        scaled = MatrixPhysics(physics.matrix, (1, 4, 4), noise_model=noise)
        solver = UDiGDIP(Linear, Purifier(denoise), rounds=2, steps=1, scale="data", learning_rate=1e-9)
        solver(factor * y, scaled, generator())
    torch.testing.assert_close(seen[0], seen[1], rtol=1e-4, atol=1e-5)


class Linear(nn.Module):
    """A network of one number."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.ones(()))

    def forward(self, z):
        return self.factor * z


def test_data_consistency_puts_the_measured_entries_in():
    mask = torch.zeros(1, 4, 4)
    mask[:, :2] = 1
    physics = deepinv.physics.Inpainting((1, 4, 4), mask=mask, noise_model=deepinv.physics.GaussianNoise(0.1))
    y = physics(torch.rand(1, 1, 4, 4, generator=generator()))
    rounds = list(ASeqDIP(net, rounds=2, steps=1, input_update="dc").rounds(y, physics, generator()))
    torch.testing.assert_close(rounds[1].z[..., :2, :], y[..., :2, :])
    torch.testing.assert_close(rounds[1].z[..., 2:, :], rounds[0].estimate[..., 2:, :])


def test_norms_stay_at_the_input_where_squares_leave_it():
    y, physics, _ = problem(batch=1)
    matrix = physics.matrix[0]
    unit = MatrixPhysics(matrix / torch.linalg.matrix_norm(matrix, 2), (1, 4, 4), noise_model=physics.noise_model)
    y = y / torch.linalg.matrix_norm(matrix, 2)
    first = adjoint(pose(y, unit))

    def moved(squared):
        solver = ASeqDIP(Linear, rounds=1, steps=500, lam=1.0, learning_rate=1e-4, squared=squared)
        return float((solver(y, unit, generator()) - first).norm() / first.norm())

    # The best multiple of A^T y explains y better than A^T y itself only if the start was not scaled to y.
    def half_start(problem):
        return adjoint(problem) / 2

    def moved_from_half(squared):
        solver = ASeqDIP(
            Linear, rounds=1, steps=500, lam=1.0, learning_rate=1e-3, squared=squared, start=half_start
        )  # fmt: skip
        return float((solver(y, unit, generator()) - first / 2).norm() / (first / 2).norm())

    assert moved(True) < 1e-2
    assert moved_from_half(False) < 0.01 < 0.1 < moved_from_half(True)


def test_the_guided_input_is_trained():
    y, physics, _ = problem()
    rounds = list(SelfGuidedDIP(net, rounds=2, steps=4, learning_rate=1e-2).rounds(y, physics, generator()))
    assert float((rounds[0].z - adjoint(pose(y, physics))).abs().min()) > 0
    assert not rounds[1].z.requires_grad


def test_inputs_and_purifiers_get_no_gradients(scan):
    denoiser = nn.Conv2d(1, 1, 3, padding=1)
    before = denoiser.weight.clone()
    solver = UDiGDIP(complex_net, Purifier(lambda x, sigma: denoiser(x)), rounds=2, steps=2, start=first_image)
    rounds = list(solver.rounds(scan.y, scan.physics, generator()))
    assert not any(r.z.requires_grad or r.estimate.requires_grad for r in rounds)
    assert denoiser.weight.grad is None
    assert torch.equal(denoiser.weight, before)


@pytest.mark.parametrize("residual", [False, True])
def test_networks_side_by_side_are_trained_as_if_alone(residual):
    y, physics, _ = problem()

    def factory():
        return UNet(1, (8, 8), residual=residual)

    torch.manual_seed(5)
    nets = [factory() for _ in range(2)]
    both = ASeqDIP(iter_factory(nets), rounds=2, steps=3)(y, physics, generator())
    for k in range(2):
        torch.manual_seed(5)
        nets = [factory() for _ in range(2)]
        alone = ASeqDIP(iter_factory(nets[k:]), rounds=2, steps=3)(y[k : k + 1], physics, generator())
        torch.testing.assert_close(both[k : k + 1], alone, rtol=0, atol=2e-4)


def iter_factory(nets):
    left = iter(nets)
    return lambda: next(left)


def test_a_residual_network_starts_as_the_identity():
    z = torch.randn(2, 3, 8, 8, generator=generator())
    assert torch.equal(UNet(3, (8, 16), residual=True)(z), z)
    assert not torch.allclose(UNet(3, (8, 16))(z), z)


def test_seeds_decide_everything(scan):
    solver = UDiGDIP(complex_net, Purifier(half, noise=True), rounds=2, steps=2)
    first, again, other = (solver(scan.y, scan.physics, generator(s)) for s in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("make", [
    lambda: DeepImagePrior(complex_net, rounds=4, steps=2),
    lambda: UDiGDIP(complex_net, Purifier(half, noise=True), rounds=4, steps=2),
    lambda: SelfGuidedDIP(complex_net, rounds=4, steps=2),
])  # fmt: skip
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(scan, make):
    whole = make()(scan.y, scan.physics, generator())
    stopped = list(itertools.islice(make().rounds(scan.y, scan.physics, generator(), keep=True), 2))[-1]
    solver = make()
    solver_rounds = list(solver.rounds(scan.y, scan.physics, torch.Generator(), resume=stopped.after))
    assert [r.index for r in solver_rounds] == [2, 3]
    assert torch.equal(solver_rounds[-1].estimate, whole)


@pytest.mark.parametrize(("terminal", "progress"), [(True, True), (True, False), (False, True)])
def test_progress_is_shown_on_request_where_there_is_a_terminal(scan, capsys, monkeypatch, terminal, progress):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    DeepImagePrior(complex_net, rounds=3, steps=1, progress=progress)(scan.y, scan.physics)
    shown = capsys.readouterr().err
    if terminal and progress:
        assert "| 3/3 [" in shown
        assert "round/s" in shown or "s/round" in shown
    else:
        assert shown == ""


def test_nan_wrong_shapes_and_devices_are_refused(scan):
    solver = UDiGDIP(complex_net, Purifier(half), rounds=1, steps=1)
    broken = scan.y.clone()
    broken[0, 0, 0, 0, 0] = float("nan")
    with pytest.raises(ValueError, match=r"y: 1 of \d+ entries are NaN or infinite"):
        solver(broken, scan.physics)
    with pytest.raises(ValueError, match="y: shape"):
        solver(scan.y[..., :-2, :], make_scan("mri-4", "phantoms", 2, 0, size=16).physics)
    elsewhere = nn.Conv2d(1, 1, 1).to("meta")
    with pytest.raises(ValueError, match="y: on cpu, but denoiser is on meta"):
        UDiGDIP(complex_net, Purifier(elsewhere), rounds=1, steps=1)(scan.y, scan.physics)


def test_balanced_weights_need_a_noise_level():
    y, physics, _ = problem()
    silent = MatrixPhysics(physics.matrix, (1, 4, 4))
    with pytest.raises(ValueError, match="physics: noise model .* is not allowed here; give GaussianNoise"):
        UDiGDIP(net, Purifier(half), rounds=1, steps=1)(y, silent)
    UDiGDIP(net, Purifier(half), rounds=1, steps=1, lam=0.1)(y, silent)  # with a weight of its own it needs none


def test_runs_that_do_not_converge_or_diverge_say_so():
    y, physics, _ = problem(noise=1e-4)
    with pytest.raises(NotConverged, match="2 of 2 samples end with residuals"):
        DeepImagePrior(net, rounds=1, steps=1).solve(y, physics, generator(), worst=2.0)

    class Explodes(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.full((), 1e38))

        def forward(self, z):
            return z * self.w * 1e10

    with pytest.raises(Diverged, match="round 0: the output is not finite"):
        DeepImagePrior(Explodes, rounds=1, steps=1)(y, physics, generator())


@pytest.mark.parametrize("worst", [float("nan"), float("inf"), 0.0, -1.0])
def test_a_bound_of_the_residuals_that_cannot_be_meant_is_refused_before_the_run(worst):
    y, physics, _ = problem()
    solver = DeepImagePrior(lambda: pytest.fail("the run has begun"), rounds=1, steps=1)
    with pytest.raises(ValueError, match=f"worst: {worst} is not allowed; give a finite number > 0"):
        solver(y, physics, generator(), worst=worst)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: DeepImagePrior(net(), rounds=1), "net_factory: a UNet is not allowed; give a function that makes"),
    (lambda: UDiGDIP(net(), Purifier(half)), "net_factory: a UNet is not allowed"),
    (lambda: UNet(1, (8, 8, 8))(torch.ones(1, 1, 8, 6)), "z: sides 8 x 6 are not allowed; give multiples of 4"),
    (lambda: DeepImagePrior(net, rounds=0), "rounds: 0"),
    (lambda: DeepImagePrior(net, steps=1.5), "steps: 1.5"),
    (lambda: DeepImagePrior(net, learning_rate=0.0), "learning_rate: 0.0"),
    (lambda: ASeqDIP(net, lam=-1.0), "lam: -1.0"),
    (lambda: ASeqDIP(net, input_update="best"), "input_update: 'best'"),
    (lambda: SelfGuidedDIP(net, noise=0.0), "noise: 0.0 is not allowed; give a finite number > 0"),
    (lambda: SelfGuidedDIP(net, noise=float("inf")), "noise: inf is not allowed; give a finite number > 0"),
    (lambda: SelfGuidedDIP(net, noise=float("nan")), "noise: nan is not allowed; give a finite number > 0"),
    (lambda: SelfGuidedDIP(net, alpha=-1.0), "alpha: -1.0 is not allowed; give a finite number >= 0"),
    (lambda: SelfGuidedDIP(net, alpha=float("inf")), "alpha: inf is not allowed; give a finite number >= 0"),
    (lambda: SelfGuidedDIP(net, alpha=float("nan")), "alpha: nan is not allowed; give a finite number >= 0"),
    (lambda: SelfGuidedDIP(net, draws=0), "draws: 0"),
    (lambda: UDiGDIP(net, Purifier(half), tau=0.0), "tau: 0.0"),
    (lambda: UDiGDIP(net, Purifier(half), tau=[0.1, 0.2], rounds=3), r"tau: \[0.1, 0.2\]"),
    (lambda: UDiGDIP(net, Purifier(half), scale=-1.0), "scale: -1.0"),
    (lambda: UDiGDIP(net, Purifier(half), scale=float("inf")), "scale: inf"),
    (lambda: UNet(1, (9,)), "channels, widths"),
    (lambda: Purifier(half, "magic"), "kind: 'magic'"),
    (lambda: Purifier(half, steps=2), "steps: 2"),
])  # fmt: skip
def test_settings_that_cannot_be_meant_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_reference_of_another_shape_is_refused():
    y, physics, x = problem()
    with pytest.raises(ValueError, match="reference:"):
        ReferenceDIP(net, x[:1], rounds=1, steps=1)(y, physics)


def test_side_by_side_draws_other_weights_for_each():
    group = SideBySide(net, 2, generator())
    z = torch.randn(1, 1, 8, 8, generator=generator()).expand(2, -1, -1, -1)
    first, second = group(z)
    assert not torch.allclose(first, second)
