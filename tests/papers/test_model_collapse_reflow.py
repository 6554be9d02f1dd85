"""Chapter 03: pairs, and Reflow with its variants, for networks of a user."""

import copy

import pytest
import torch
from torch import nn

from lowdim.denoising.networks import MLP
from lowdim.denoising.velocities import FlowNetwork, generate, reverse
from lowdim.papers.model_collapse.pairs import Generated, Independent, Mixture, Pairs, Reversed
from lowdim.papers.model_collapse.plane_flow import FeatureVelocity
from lowdim.papers.model_collapse.reflow import Fit, first_flow, flows, frozen, ocar, rca_reflow, reflow
from lowdim.papers.model_collapse.trained_linear import LinearVelocity, ridge_loss
from lowdim.seeding import make_generator

REAL = torch.randn(40, 2, generator=make_generator(0, "real")) + 3
FIT = Fit(steps=6, batch=8, pool=20, every=2)
ONLINE = Fit(steps=6, batch=8, pool=8, every=2)


class Scale(nn.Module):
    """A flow x -> e^g x with one weight; knows how often it was asked."""

    def __init__(self, g=0.5):
        super().__init__()
        self.g = nn.Parameter(torch.tensor(g))
        self.asked = 0

    def forward(self, x, t):
        self.asked += 1
        return self.g * x


def network(seed=0):
    torch.manual_seed(seed)
    flow = FlowNetwork(MLP(2, width=16, depth=1))
    nn.init.normal_(flow.network.leave.weight, std=0.1)
    return flow


def generator(name="run"):
    return make_generator(0, name)


# Pairs


def test_generated_and_reversed_pairs_lie_on_the_flow():
    flow = Scale()
    made = Generated(REAL, 5)(flow, 30, generator())
    assert made.x0.shape == (30, 2)
    torch.testing.assert_close(made.x1, generate(flow, made.x0, 5))
    back = Reversed(REAL, 5)(flow, 30, generator())
    torch.testing.assert_close(back.x0, reverse(flow, back.x1, 5))
    assert len({tuple(row.tolist()) for row in back.x1} & {tuple(row.tolist()) for row in REAL}) == 30
    assert not back.x0.requires_grad


def test_reversal_through_another_flow_and_with_noise():
    first, current = Scale(0.5), Scale(2.0)
    back = Reversed(REAL, 5, through=first)(current, 10, generator())
    torch.testing.assert_close(back.x0, reverse(first, back.x1, 5))
    assert current.asked == 0
    noisy = Reversed(REAL, 5, noise_std=0.1)(current, 10, generator())
    exact = reverse(current, noisy.x1, 5)
    assert 0 < float((noisy.x0 - exact).std()) < 0.3


def test_a_mixture_picks_whole_pairs_in_the_right_share():
    real, generated = torch.ones(50, 2), torch.full((50, 2), -1.0)
    n = 4000
    pairs = Mixture(Independent(generated), Independent(real), 0.3)(Scale(), n, generator())
    assert bool((pairs.x1.abs() == 1).all())  # never an average
    share = float((pairs.x1[:, 0] == 1).double().mean())
    assert abs(share - 0.3) < 0.03
    first_half = float((pairs.x1[: n // 2, 0] == 1).double().mean())
    assert abs(first_half - share) < 0.05  # shuffled
    for ratio, value in ((0.0, -1), (1.0, 1)):
        assert bool(
            (Mixture(Independent(generated), Independent(real), ratio)(Scale(), 9, generator()).x1 == value).all()
        )


def test_pairs_refuse_bad_input():
    for make in (Independent, lambda real: Reversed(real, 5)):
        with pytest.raises(ValueError, match="real"):
            make(torch.zeros(0, 2))
        with pytest.raises(ValueError, match="finite"):
            make(torch.full((3, 2), float("nan")))
    for ratio in (-0.1, 1.1):
        with pytest.raises(ValueError, match="ratio"):
            Mixture(Independent(REAL), Independent(REAL), ratio)
    with pytest.raises(ValueError, match="noise_std"):
        Reversed(REAL, 5, noise_std=-1.0)
    with pytest.raises(RuntimeError, match="generated data are NaN or infinite"):
        Generated(REAL, 5)(lambda x, t: x * float("inf"), 4, generator())


# Reflow


def test_steps_and_rounds_are_reported():
    steps = list(rca_reflow(network(), REAL, 2, FIT, generator=generator(), euler_steps=3))
    assert [(s.round, s.step) for s in steps] == [(r, i) for r in (1, 2) for i in range(1, 7)]
    assert [s.flow is not None for s in steps] == [i == 6 for _ in (1, 2) for i in range(1, 7)]
    assert all(not p.requires_grad for s in steps if s.flow for p in s.flow.parameters())


def test_a_round_trains_on_the_flow_of_the_round_before():
    seen = []

    def source(velocity, n, generator):
        seen.append(copy.deepcopy(velocity.state_dict()))
        return Generated(REAL, 3)(velocity, n, generator)

    model = network()
    done = list(flows(reflow(model, source, 3, FIT, generator=generator())))
    assert len(seen) == 3
    for start, flow in zip(seen[1:], done[:-1], strict=True):
        for name, value in flow.state_dict().items():
            assert torch.equal(start[name], value)


def test_online_pairs_come_from_the_network_in_training():
    seen = []

    def source(velocity, n, generator):
        seen.append(velocity.g.item())
        return Generated(REAL, 3)(velocity, n, generator)

    model = Scale()
    list(reflow(model, source, 1, Fit(steps=6, batch=8, pool=8, refresh=2, every=2), generator=generator()))
    assert len(seen) == 3
    assert len(set(seen)) == 3


def test_averaged_weights_become_the_flow():
    fit = Fit(steps=6, batch=8, pool=20, ema=0.9)
    model = network()
    steps = reflow(model, Independent(REAL), 1, fit, generator=generator())
    last = list(steps)[-1]
    plain = network()
    list(reflow(plain, Independent(REAL), 1, FIT, generator=generator()))
    found, other = last.flow.state_dict(), plain.state_dict()
    assert any(not torch.equal(found[name], other[name]) for name in other)
    assert all(torch.equal(found[name], value) for name, value in model.state_dict().items())


def run(name, model, folder):
    """The steps of a run of two rounds (one for the first flow), from fixed seeds."""
    options = {"generator": generator(), "checkpoint": folder}
    short = {"euler_steps": 3, **options}
    return {
        "plain": lambda: rca_reflow(model, REAL, 2, FIT, ratio=0.0, **short),
        "rca": lambda: rca_reflow(model, REAL, 2, FIT, **short),
        "first": lambda: rca_reflow(model, REAL, 2, FIT, through=frozen(network()), **short),
        "ocar": lambda: ocar(model, REAL, 2, ONLINE, **short),
        "ocar-s": lambda: ocar(model, REAL, 2, ONLINE, refresh=2, noise_std=0.1, **short),
        "first flow": lambda: first_flow(model, REAL, ONLINE, **options),
    }[name]()


@pytest.mark.parametrize("name", ["plain", "rca", "first", "ocar", "ocar-s", "first flow"])
@pytest.mark.parametrize("stop", [3, 6, 9])
def test_a_killed_run_ends_at_the_same_weights(name, stop, tmp_path):
    whole = network()
    unbroken = list(run(name, whole, None))
    broken = network()
    steps = run(name, broken, tmp_path)
    for _ in range(min(stop, len(unbroken) - 1)):
        next(steps)
    steps.close()
    again = network()
    resumed = list(run(name, again, tmp_path))
    for key, value in whole.state_dict().items():
        assert torch.equal(again.state_dict()[key], value), key
    ours = [s.flow for s in resumed if s.flow is not None]
    theirs = [s.flow for s in unbroken if s.flow is not None]
    for one, other in zip(ours, theirs, strict=True):
        assert all(torch.equal(one.state_dict()[key], value) for key, value in other.state_dict().items())


def test_more_rounds_continue_a_finished_run(tmp_path):
    short = network()
    list(rca_reflow(short, REAL, 1, FIT, euler_steps=3, generator=generator(), checkpoint=tmp_path))
    longer, whole = network(), network()
    list(rca_reflow(longer, REAL, 3, FIT, euler_steps=3, generator=generator(), checkpoint=tmp_path))
    list(rca_reflow(whole, REAL, 3, FIT, euler_steps=3, generator=generator()))
    assert all(torch.equal(longer.state_dict()[key], value) for key, value in whole.state_dict().items())


def test_a_folder_of_another_run_is_refused(tmp_path):
    list(rca_reflow(network(), REAL, 1, FIT, euler_steps=3, generator=generator(), checkpoint=tmp_path))
    with pytest.raises(ValueError, match="other weights"):
        list(rca_reflow(network(1), REAL, 1, FIT, euler_steps=3, generator=generator(), checkpoint=tmp_path))
    fit = Fit(steps=7, batch=8, pool=20, every=2)
    with pytest.raises(ValueError, match="another run"):
        list(rca_reflow(network(), REAL, 1, fit, euler_steps=3, generator=generator(), checkpoint=tmp_path))


def test_bad_arguments_are_refused_at_once():
    options = {"generator": generator()}
    with pytest.raises(ValueError, match="rounds"):
        rca_reflow(network(), REAL, 0, FIT, **options)
    for ratio in (-0.5, 1.5):
        for method in (rca_reflow, ocar):
            with pytest.raises(ValueError, match="ratio"):
                method(network(), REAL, 1, FIT, ratio=ratio, **options)
    for method in (rca_reflow, ocar):
        with pytest.raises(ValueError, match="real"):
            method(network(), REAL[:0], 1, FIT, **options)
    for name, value in (("steps", 0), ("batch", 0), ("pool", 4), ("refresh", 0), ("refresh", 4), ("every", 0)):
        with pytest.raises(ValueError, match=name):
            Fit(**({"steps": 6, "batch": 8, "pool": 20, "every": 2} | {name: value}))


def test_wrong_shapes_and_nan_are_noticed():
    class Narrow(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.ones(()))

        def forward(self, x, t):
            return self.w * x[:, :1]

    with pytest.raises(ValueError, match="velocity"):
        list(reflow(Narrow(), Independent(REAL), 1, FIT, generator=generator()))
    unequal = lambda velocity, n, generator: Pairs(torch.zeros(n, 2), torch.zeros(n, 3))  # noqa: E731
    with pytest.raises(ValueError, match="x0"):
        list(reflow(network(), unequal, 1, FIT, generator=generator()))
    with pytest.raises(RuntimeError, match="diverged"):
        list(rca_reflow(Scale(1e30), REAL, 1, FIT, generator=generator()))
    bad = lambda velocity, x0, x1, generator: velocity.g * float("nan")  # noqa: E731
    with pytest.raises(RuntimeError, match="step 1"):
        list(reflow(Scale(), Independent(REAL), 1, FIT, generator=generator(), loss=bad))


# The flows of the experiments


def test_the_penalised_loss_has_the_ridge_solution_as_its_minimum():
    g = generator()
    x0 = torch.randn(3000, 2, generator=g, dtype=torch.float64)
    x1 = x0 @ torch.tensor([[2.0, 0.3], [0.0, 0.5]], dtype=torch.float64)
    model = LinearVelocity(2, 1)
    for k, t in enumerate((0.0, 1.0)):
        x_t = (1 - t) * x0 + t * x1
        gram = x_t.T @ x_t / len(x0) + 0.2 * torch.eye(2, dtype=torch.float64)
        model.matrices.data[k] = torch.linalg.solve(gram, x_t.T @ (x1 - x0) / len(x0)).T
    ridge_loss(0.2)(model, x0.repeat(20, 1), x1.repeat(20, 1), generator("loss")).backward()
    assert float(model.matrices.grad.abs().max()) < 0.02
    model.matrices.grad = None
    ridge_loss(0.0)(model, x0.repeat(20, 1), x1.repeat(20, 1), generator("loss")).backward()
    assert float(model.matrices.grad.abs().max()) > 0.1


def test_random_features_fit_what_is_linear_exactly():
    g = generator()
    base = FeatureVelocity(2, 20, 1e-12, g)
    x0 = torch.randn(200, 2, generator=g, dtype=torch.float64)
    fitted = base.fit(Pairs(x0, x0 + torch.tensor([1.0, -2.0], dtype=torch.float64)), 2, g)
    found = fitted(x0, torch.rand(200, generator=g, dtype=torch.float64))
    torch.testing.assert_close(found, torch.tensor([1.0, -2.0], dtype=torch.float64).expand(200, 2), rtol=0, atol=1e-5)
    assert float(base.weights.abs().max()) == 0
