"""Jacobian products and leading singular vectors against full matrices: exact models, an MLP, U-Nets with and without
attention, and operators that refuse one of the two modes.
"""

import math

import pytest
import torch

from lowdim.denoising.jacobian import full_jacobian, jvp, numerical_rank, top_k_svd, vjp
from lowdim.denoising.linearised import Linearised, forward_mode
from lowdim.denoising.networks import MLP, EDMDenoiser, small_unet
from lowdim.distributions import MoLRG

pytestmark = pytest.mark.filterwarnings("error")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def randomise(module, seed=0):
    """Weights large enough for a Jacobian far from the identity; the last layer starts at zero otherwise."""
    with torch.no_grad():
        for p in module.parameters():
            if p.dim() > 1:
                p.copy_(torch.randn(p.shape, generator=generator(seed)) / p[0].numel() ** 0.5)
    return module.eval()


def exact_case():
    model = MoLRG.random(20, [3, 2], generator(), dtype=torch.float64)
    return model, model.sample(2, generator(1)) + 0.3 * torch.randn(2, 20, dtype=torch.float64, generator=generator(2))


def mlp_case():
    return EDMDenoiser(randomise(MLP(12, 24, 2)).double(), 0.5), torch.randn(2, 12, dtype=torch.float64)


def unet_case():
    unet = randomise(small_unet(8, (8, 16), 1)).double()
    return EDMDenoiser(unet, 0.5), torch.randn(2, 1, 8, 8, dtype=torch.float64, generator=generator(3))


def attention_case():
    from lowdim.compat import import_diffusers

    unet = import_diffusers().UNet2DModel(
        sample_size=4,
        in_channels=1,
        out_channels=1,
        block_out_channels=(8,),
        layers_per_block=1,
        norm_num_groups=8,
        down_block_types=("AttnDownBlock2D",),
        up_block_types=("AttnUpBlock2D",),
    )
    return EDMDenoiser(randomise(unet).double(), 0.5), torch.randn(
        2, 1, 4, 4, dtype=torch.float64, generator=generator(4)
    )


class NoForwardMode(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[0].cos()


class OnceDifferentiable(torch.autograd.Function):
    generate_vmap_rule = False

    @staticmethod
    def forward(x):
        return x.sin()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])
        ctx.save_for_forward(inputs[0])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[0].cos()

    @staticmethod
    def jvp(ctx, tangent):
        return tangent * ctx.saved_tensors[0].cos()


def mixed(function):
    A = torch.randn(9, 9, dtype=torch.float64, generator=generator(5)) / 3
    return (lambda x, sigma: function.apply(x @ A.T)), torch.randn(2, 9, dtype=torch.float64, generator=generator(6))


CASES = {
    "exact": exact_case,
    "mlp": mlp_case,
    "unet": unet_case,
    "attention": attention_case,
    "no forward mode": lambda: mixed(NoForwardMode),
    "once differentiable": lambda: mixed(OnceDifferentiable),
}
SIGMA = torch.tensor([0.4, 1.5], dtype=torch.float64)


def by_differences(denoiser, x, sigma, step=1e-6):
    """The Jacobian by central differences, one column at a time: independent of autograd."""
    columns = []
    with torch.no_grad():
        for i in range(x[0].numel()):
            e = torch.zeros_like(x).flatten(1)
            e[:, i] = step
            e = e.reshape(x.shape)
            columns.append((denoiser(x + e, sigma) - denoiser(x - e, sigma)).flatten(1) / (2 * step))
    return torch.stack(columns, -1)


@pytest.mark.parametrize("name", CASES)
def test_products_and_full_matrix_agree_with_differences(name):
    denoiser, x = CASES[name]()
    J = by_differences(denoiser, x, SIGMA)
    v = torch.randn(2, 3, *x.shape[1:], dtype=x.dtype, generator=generator(7))
    # Central differences with step 1e-6 in float64 are good to about 1e-9 of values of order one.
    close = {"atol": 1e-7, "rtol": 1e-6}
    torch.testing.assert_close(full_jacobian(denoiser, x, SIGMA, chunk=5), J, **close)
    torch.testing.assert_close(jvp(denoiser, x, SIGMA, v).flatten(2), v.flatten(2) @ J.mT, **close)
    torch.testing.assert_close(vjp(denoiser, x, SIGMA, v).flatten(2), v.flatten(2) @ J, **close)
    torch.testing.assert_close(jvp(denoiser, x, SIGMA, v[:, 0]).flatten(1), (v[:, 0].flatten(1)[:, None] @ J.mT)[:, 0])


def test_the_two_refusing_operators_really_refuse():
    for name, product in {
        "no forward mode": forward_mode,
        "once differentiable": lambda d, x, s, v: Linearised(d, x, s).by_double_vjp(v),
    }.items():
        denoiser, x = CASES[name]()
        with pytest.raises(RuntimeError):
            product(denoiser, x, SIGMA, x)


def assert_top_svd(result, J, k, tol):
    _, S, Vh = torch.linalg.svd(J)
    torch.testing.assert_close(result.S, S[:k], rtol=1e-6, atol=1e-9)
    V = result.V.reshape(k, -1)
    torch.testing.assert_close(V @ V.T, torch.eye(k, dtype=V.dtype), rtol=0, atol=1e-10)
    missed = V - V @ Vh[:k].T @ Vh[:k]
    assert torch.linalg.matrix_norm(missed, ord=2) < 3 * tol
    torch.testing.assert_close(J @ V.T, (result.U.reshape(k, -1) * result.S[:, None]).T, rtol=0, atol=10 * tol)


@pytest.mark.parametrize("name", CASES)
def test_top_svd_agrees_with_the_full_one(name):
    denoiser, x = CASES[name]()
    J = full_jacobian(denoiser, x[:1], 0.8)[0]
    result = top_k_svd(denoiser, x[:1], 0.8, 3, generator(), tol=1e-4, max_iter=400)
    assert result.converged
    assert result.angle <= 1e-4
    assert result.U.shape == result.V.shape == (3, *x.shape[1:])
    assert_top_svd(result, J, 3, 1e-4)


def test_mask_restricts_the_rows():
    denoiser, x = unet_case()
    mask = torch.zeros(8, 8)
    mask[2:5, 3:7] = 1
    J = full_jacobian(denoiser, x[:1], 0.8)[0] * mask.reshape(-1, 1)
    result = top_k_svd(denoiser, x[:1], 0.8, 2, generator(), mask=mask, tol=1e-4, max_iter=400)
    assert_top_svd(result, J, 2, 1e-4)
    assert result.U[:, :, mask == 0].abs().max() < 1e-12
    tiny = torch.zeros(8, 8, dtype=torch.bool)
    tiny[3, 3:6] = True  # fewer rows than directions
    J = full_jacobian(denoiser, x[:1], 0.8)[0] * tiny.reshape(-1, 1)
    assert_top_svd(top_k_svd(denoiser, x[:1], 0.8, 3, generator(), mask=tiny), J, 3, 1e-8)


def test_a_block_as_large_as_the_space_is_exact_at_once():
    denoiser, x = mlp_case()
    J = full_jacobian(denoiser, x[:1], 0.8)[0]
    result = top_k_svd(denoiser, x[:1], 0.8, 9, generator(), oversample=3, max_iter=1)
    assert_top_svd(result, J, 9, 1e-9)
    largest = result.V.gather(1, result.V.abs().argmax(1, keepdim=True))
    assert (largest > 0).all()


def test_chunks_give_the_same_result_and_the_cost_is_counted():
    denoiser, x = unet_case()
    calls = []

    def counted(z, sigma):
        calls.append(z.shape[0])
        return denoiser(z, sigma)

    whole = top_k_svd(counted, x[:1], 0.8, 4, generator(), oversample=2)
    assert calls == [6]  # one forward pass serves all products
    assert whole.evaluations == 2 * 6 * whole.iterations
    parts = top_k_svd(counted, x[:1], 0.8, 4, generator(), oversample=2, chunk=4)
    assert calls == [6, 3]  # two even calls of three, not four and two
    torch.testing.assert_close(parts.V, whole.V, rtol=0, atol=1e-8)
    odd = top_k_svd(counted, x[:1], 0.8, 4, generator(), oversample=3, chunk=4)
    assert odd.evaluations == 2 * 8 * odd.iterations  # seven directions in two calls of four copies


def test_rank_below_k_converges_and_a_flat_spectrum_is_flagged():
    gen = generator(8)
    A = torch.randn(30, 2, dtype=torch.float64, generator=gen) @ torch.randn(2, 30, dtype=torch.float64, generator=gen)
    x = torch.zeros(1, 30, dtype=torch.float64)
    low = top_k_svd(lambda z, sigma: z @ A.T, x, 1.0, 5, gen)
    assert low.converged
    assert int((low.S / low.S[0] > 1e-9).sum()) == 2
    B = torch.diag(torch.linspace(1, 0.999, 30, dtype=torch.float64))
    flat = top_k_svd(lambda z, sigma: z @ B, x, 1.0, 2, gen, oversample=1, max_iter=5)
    assert not flat.converged
    assert flat.iterations == 5
    assert 1e-3 < flat.angle <= math.pi / 2


def test_float32_network_reaches_the_float64_subspace():
    denoiser, x = unet_case()
    exact = top_k_svd(denoiser, x[:1], 0.8, 2, generator(), tol=1e-5, max_iter=400)
    single = top_k_svd(denoiser.float(), x[:1].float(), 0.8, 2, generator(), tol=1e-4, max_iter=400)
    assert single.V.dtype == torch.float32
    missed = single.V.double().flatten(1)
    missed = missed - missed @ exact.V.flatten(1).T @ exact.V.flatten(1)
    assert torch.linalg.matrix_norm(missed, ord=2) < 1e-3


def test_numerical_rank_is_the_energy_rule():
    spectra = torch.tensor([[1.0, 1, 0, 0], [0, 0, 0, 0], [0.1, 0.1, 1, 0.1], [1, 0.2, 0.2, 0.2]])
    # Third row: 1 / 1.03 = 0.971 of the energy in one value, 0.981 in two; eta^2 = 0.9801.
    assert numerical_rank(spectra).tolist() == [2, 0, 2, 4]
    assert int(numerical_rank(torch.ones(100), eta=0.5)) == 26  # 25 % of the energy is not more than eta^2


def test_bad_arguments_are_named():
    denoiser, x = mlp_case()
    with pytest.raises(ValueError, match="x: .*one point"):
        top_k_svd(denoiser, x, 1.0, 2, generator())
    with pytest.raises(ValueError, match="k: 13"):
        top_k_svd(denoiser, x[:1], 1.0, 13, generator())
    with pytest.raises(ValueError, match="k: 4.*a value has 3 numbers"):
        top_k_svd(lambda z, sigma: z[:, :3], x[:1], 1.0, 4, generator())
    with pytest.raises(ValueError, match="mask: shape"):
        top_k_svd(denoiser, x[:1], 1.0, 2, generator(), mask=torch.ones(5))
    with pytest.raises(ValueError, match="mask: give true and false"):
        top_k_svd(denoiser, x[:1], 1.0, 2, generator(), mask=torch.full((12,), 0.5))
    with pytest.raises(ValueError, match=r"v: shape \(2, 5\)"):
        jvp(denoiser, x, 1.0, torch.ones(2, 5, dtype=x.dtype))
    with pytest.raises(ValueError, match="eta"):
        numerical_rank(torch.ones(3), eta=1.0)
    with pytest.raises(ValueError, match=r"denoiser: .*no_grad"):
        vjp(torch.no_grad()(denoiser), x, 1.0, x)
