"""The edits of chapter 05 against closed forms: linear maps, a Gaussian of faces, a model with a decoder."""

import math

import pytest
import torch

from lowdim.data.faces import sample_faces
from lowdim.denoising import bind, log_sigmas
from lowdim.denoising.jacobian import full_jacobian
from lowdim.denoising.pipelines import open_pipeline
from lowdim.distributions import Gaussian, MoLRG
from lowdim.papers.loco_edit.directions import (
    Towards,
    combine,
    local_directions,
    pixel_change,
    project_out,
    told_direction,
)
from lowdim.papers.loco_edit.editor import Editor
from lowdim.papers.loco_edit.theory import gaussian_gains, linearity_bound, noise_jacobian, semantic_residual

pytestmark = pytest.mark.filterwarnings("error")
SIGMA = 0.8


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Toy:
    """A smooth map of small colour pictures that is far from symmetric: its left and right vectors cannot be taken for
    each other.
    """

    def __init__(self, channels=3, size=4, out=None, seed=1):
        n = channels * size**2
        self.shape = (channels, size, size) if out is None else out
        rows = math.prod(self.shape)
        decay = 0.8 ** torch.arange(n).double()
        self.A = torch.randn(rows, n, dtype=torch.float64, generator=generator(seed)) @ torch.diag(decay)

    def __call__(self, x, sigma):
        return torch.sin(x.flatten(1) @ self.A.T / 4).reshape(len(x), *self.shape)


@pytest.fixture
def toy():
    x = torch.randn(1, 3, 4, 4, dtype=torch.float64, generator=generator(2))
    mask = torch.zeros(4, 4, dtype=torch.bool)
    mask[1:3, 1:4] = True
    J = full_jacobian(Toy(), x, SIGMA)[0]
    inside = mask.expand(3, 4, 4).flatten()
    return Toy(), x, mask, J, inside


def faces_gaussian(rank=40):
    return Gaussian.from_samples(sample_faces(200, generator(3), 8, dtype=torch.float64).images, rank)


def span_angle(found, truth):
    a, b = torch.linalg.qr(found.T).Q, torch.linalg.qr(truth.T).Q
    return float(torch.linalg.matrix_norm(a - b @ (b.T @ a), ord=2))


def test_directions_are_right_vectors_of_the_inside_blind_outside(toy):
    f, x, mask, J, inside = toy
    found = local_directions(f, x, SIGMA, mask, generator(), rank=3, outside_rank=4, tol=1e-7, max_iter=500)
    _, S_in, V_in = torch.linalg.svd(J[inside])
    _, S_out, V_out = torch.linalg.svd(J[~inside])
    assert span_angle(found.inside.V.flatten(1), V_in[:3]) < 1e-5
    torch.testing.assert_close(found.inside.S, S_in[:3])
    assert span_angle(found.outside.V.flatten(1), V_out[:4]) < 1e-5
    assert span_angle(found.inside.V.flatten(1), torch.linalg.svd(J.T[inside])[2][:3]) > 0.1  # not the left ones
    v = found.vectors.flatten(1)
    torch.testing.assert_close(v.norm(dim=1), torch.ones(3, dtype=v.dtype))
    assert float((v @ V_out[:4].T).abs().max()) < 1e-5
    torch.testing.assert_close(found.gains, (v @ J[inside].T).norm(dim=1))
    assert float((v @ J[~inside].T).norm(dim=1).max()) <= float(S_out[4]) + 1e-6  # the leakage bound
    assert float((V_in[:3] @ J[~inside].T).norm(dim=1).max()) > float(S_out[4])  # which they break without projection
    kept = (V_in[:3] - V_in[:3] @ V_out[:4].T @ V_out[:4]).norm(dim=1)
    torch.testing.assert_close(found.kept, kept, atol=1e-5, rtol=0)
    assert found.evaluations == found.inside.evaluations + found.outside.evaluations + 3


def test_no_projection_leaves_the_singular_vectors(toy):
    f, x, mask, _, _ = toy
    plain = local_directions(f, x, SIGMA, mask, generator(), rank=2, outside_rank=0)
    assert plain.outside is None
    assert plain.vectors is plain.inside.V
    torch.testing.assert_close(plain.gains, plain.inside.S, rtol=1e-2, atol=0)
    whole = local_directions(f, x, SIGMA, torch.ones(4, 4), generator(), rank=2)
    assert whole.outside is None  # nothing is outside


def test_projection_by_hand():
    basis = torch.eye(6, dtype=torch.float64)[:2].reshape(2, 2, 3)
    v = torch.tensor([[3.0, 1.0, 2.0, 0, 0, 2.0]], dtype=torch.float64).reshape(1, 2, 3)
    out, kept = project_out(v, basis)
    torch.testing.assert_close(out.flatten(), torch.tensor([0, 0, 1, 0, 0, 1], dtype=torch.float64) / 2**0.5)
    torch.testing.assert_close(kept, torch.tensor([(8 / 18) ** 0.5], dtype=torch.float64))


def test_edits_of_a_gaussian_are_exactly_linear_and_add_up():
    law = faces_gaussian()
    grid = log_sigmas(400, 1e-3, SIGMA)
    editor = Editor(law, grid)
    image = law.sample(1, generator(4))
    x = editor.invert(image)
    top, low = torch.zeros(8, 8), torch.zeros(8, 8)
    top[:3], low[5:] = 1, 1
    first, second = (editor.directions(x, mask, generator(5), rank=1) for mask in (top, low))
    change = pixel_change(top, 0.2)
    step = first.strength(0, change) * first.vectors[0]
    moved = editor.predict(x, step, [-1.0, 0.0, 1.0, 2.0])[:, 0]
    torch.testing.assert_close(moved[2] - moved[1], moved[1] - moved[0], atol=1e-10, rtol=0)
    torch.testing.assert_close(moved[3] - moved[1], 2 * (moved[2] - moved[1]), atol=1e-10, rtol=0)
    inside = (moved[2] - moved[1]) * top
    assert abs(float(inside.norm()) / change - 1) < 1e-6  # the strength is what was asked for
    assert abs(float(inside[:, :3].square().mean().sqrt()) - 0.2) < 1e-6
    both = combine(first, second, indices=(0, 0), change=change)
    alone = [editor.predict(x, d.strength(0, change) * d.vectors[0], [1.0])[0] - moved[1] for d in (first, second)]
    torch.testing.assert_close(editor.predict(x, both, [1.0])[0] - moved[1], alone[0] + alone[1], atol=1e-10, rtol=0)


def test_a_mask_of_its_own_for_each_channel_gives_the_same_rms():
    mask = torch.zeros(8, 8)
    mask[:2, :3] = 1
    change = 0.2 * (3 * 6) ** 0.5  # the norm of 0.2 everywhere inside, in three channels
    for same in (mask, mask[None], mask.expand(3, 8, 8), mask.expand(1, 3, 8, 8)):
        assert pixel_change(same, 0.2) == pytest.approx(change)
    one = torch.stack([mask, 0 * mask, 0 * mask])
    assert pixel_change(one, 0.2) == pytest.approx(0.2 * 6**0.5)


def test_the_sampler_moves_a_gaussian_by_the_root_of_the_predicted_gain():
    law = faces_gaussian()
    editor = Editor(law, log_sigmas(800, 1e-3, SIGMA))
    x = law.sample(1, generator(4)) + SIGMA * torch.randn(1, 3, 8, 8, dtype=torch.float64, generator=generator(6))
    predicted, flowed = gaussian_gains(law.eigenvalues, SIGMA)
    for axis in (0, 5, 20):
        v = law.basis[:, axis].reshape(1, 3, 8, 8)
        for moved, gain in ((editor.predict(x, v, [0.0, 1.0]), predicted), (editor.edit(x, v, [0.0, 1.0]), flowed)):
            along = (moved[1] - moved[0]).flatten() @ v.flatten()
            # The sampler's steps are of first order.
            assert abs(float(along / gain[axis]) - 1) < 5e-3


def test_editing_returns_the_image_at_strength_zero_and_transfers():
    law = faces_gaussian()
    editor = Editor(law, log_sigmas(100, 1e-2, SIGMA))
    images = law.sample(3, generator(7))
    x = editor.invert(images, corrections=40)
    v = law.basis[:, 2].reshape(3, 8, 8)
    edited = editor.edit(x, v, [0.0, 1.0])
    torch.testing.assert_close(edited[0], images, atol=1e-3, rtol=0)
    change = (edited[1] - edited[0]).flatten(1)
    torch.testing.assert_close(change, change[:1].expand(3, -1), atol=1e-8, rtol=0)  # the same for every image
    own = torch.stack([v, -v, 0 * v])
    each = editor.edit(x, own, [1.0])[0] - edited[0]
    torch.testing.assert_close(each.flatten(1)[1], -change[0], atol=1e-8, rtol=0)
    assert float(each[2].abs().max()) < 1e-14


def test_a_direction_told_is_the_gradient(toy):
    f, x, mask, _, inside = toy
    told = Toy(seed=9)
    v = told_direction(f, told, x, SIGMA, mask)
    wanted = (told(x, SIGMA) - f(x, SIGMA)).flatten() * inside
    J_told = full_jacobian(told, x, SIGMA)[0]
    want = wanted @ J_told
    torch.testing.assert_close(v.flatten(), want / want.norm())
    up, down = ((told(x + h * v, SIGMA) * mask).flatten() @ wanted for h in (1e-4, -1e-4))
    best = float((up - down) / 2e-4)
    for seed in range(20):
        u = torch.randn(x.shape, dtype=x.dtype, generator=generator(seed))
        u = u / u.norm()
        up, down = ((told(x + h * u, SIGMA) * mask).flatten() @ wanted for h in (1e-4, -1e-4))
        assert float((up - down) / 2e-4) < best


def test_towards_is_the_formula_of_the_code_for_noise_predictions():
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64, generator=generator(8))
    nets = {"o": Toy(seed=1), "e": Toy(seed=2), None: Toy(seed=3)}

    def model(x, sigma, condition):
        return nets[condition](x, sigma)

    s, m = 3.0, 2.0
    e_n, e_o, e_e = ((x - nets[c](x, SIGMA)) / SIGMA for c in (None, "o", "e"))
    noise = e_n + s * (e_o - e_n) + m * (e_e - e_n)
    got = Towards(bind(model, "o", s), model, "e", None, m)(x, SIGMA)
    torch.testing.assert_close(got, x - SIGMA * noise)


def test_latents_are_edited_through_the_decoder():
    law = Gaussian.from_samples(torch.randn(60, 2, 3, 3, dtype=torch.float64, generator=generator(9)))
    decoder = Toy(2, 3, out=(3, 6, 6), seed=10)

    def decode(z):
        return decoder(z, None)

    editor = Editor(law, log_sigmas(60, 1e-2, SIGMA), lambda z, s: decode(law(z, s)), decode=decode)
    mask = torch.zeros(6, 6, dtype=torch.bool)
    mask[:2] = True
    x = law.sample(1, generator(11))
    found = editor.directions(x, mask, generator(12), rank=2, outside_rank=1, tol=1e-7, max_iter=500)
    J = torch.autograd.functional.jacobian(lambda z: editor.f(z, SIGMA).flatten(), x).flatten(1)
    rows = mask.expand(3, 6, 6).flatten()
    assert span_angle(found.inside.V.flatten(1), torch.linalg.svd(J[rows])[2][:2]) < 1e-5
    assert found.vectors.shape == (2, 2, 3, 3)
    assert found.inside.U.shape == (2, 3, 6, 6)
    assert editor.predict(x, found.vectors[0], [0.0, 1.0]).shape == (2, 1, 3, 6, 6)
    assert editor.edit(x, found.vectors[0], [1.0]).shape == (1, 1, 3, 6, 6)
    told = editor.told(Gaussian.from_samples(law.sample(50, generator(1)) + 1), x, mask)
    assert told.shape == x.shape


@pytest.mark.filterwarnings("default")  # diffusers warns of itself
@pytest.mark.parametrize("kind", ["pixel", "latent"])
def test_a_diffusers_pipeline_is_edited_from_its_folder(kind, tmp_path):
    from denoising.pipes import diffusers, latent_pipe, pixel_pipe

    (pixel_pipe if kind == "pixel" else latent_pipe)().save_pretrained(tmp_path)
    name = "DDIMPipeline" if kind == "pixel" else "StableDiffusionPipeline"
    model = open_pipeline(getattr(diffusers, name).from_pretrained(tmp_path))
    prompt = {} if kind == "pixel" else {"prompt": "a face", "guidance": 2.0}
    editor = Editor.for_pipeline(model, steps=100, start=95, **prompt)
    torch.testing.assert_close(editor.sigmas, model.sigmas(100)[95:])
    size = 8 if kind == "pixel" else 16
    image = torch.randn(1, 3, size, size, generator=generator(17)).clamp(-1, 1)
    x = editor.invert(image, corrections=20)
    # What the sampler brings back is the image, seen through the autoencoder.
    torch.testing.assert_close(editor.sample(x), model.decode(model.encode(image)).detach(), atol=2e-3, rtol=0)
    mask = torch.zeros(size, size)
    mask[size // 2 :] = 1
    found = editor.directions(x, mask, generator(18), rank=1, outside_rank=1, tol=1e-3, max_iter=300)
    assert found.vectors.shape == (1, *x.shape[1:])
    assert found.inside.U.shape == (1, 3, size, size)
    step = 1e-3
    moved = editor.predict(x, found.vectors[0], [-step, step])
    change = ((moved[1] - moved[0]) * mask / (2 * step)).norm()
    assert abs(float(change / found.gains[0]) - 1) < 2e-2
    if kind == "latent":
        told = model.denoiser("zzz", 2.0)
        v = editor.told(told, x, mask)
        assert v.shape == x.shape
    with pytest.raises(ValueError, match="start: 10"):
        Editor.for_pipeline(model, steps=10, start=10)


def test_bad_input_is_refused(toy):
    f, x, mask, _, _ = toy
    go = lambda **given: local_directions(  # noqa: E731
        **({"f": f, "x": x, "sigma": SIGMA, "mask": mask, "generator": generator()} | given)
    )
    with pytest.raises(ValueError, match="mask: give true and false"):
        go(mask=torch.zeros(4, 4))
    with pytest.raises(ValueError, match="mask: give true and false"):
        go(mask=torch.full((4, 4), 0.5))
    with pytest.raises(ValueError, match="mask: shape .* does not broadcast"):
        go(mask=torch.ones(5, 5))
    with pytest.raises(ValueError, match="rank: 0"):
        go(rank=0)
    with pytest.raises(ValueError, match="rank: 49"):
        go(rank=49)
    with pytest.raises(ValueError, match="outside_rank: -1"):
        go(outside_rank=-1)
    with pytest.raises(ValueError, match="NaN or infinite"):
        go(x=torch.full_like(x, torch.nan))
    with pytest.raises(ValueError, match=r"one point \(1, "):
        go(x=x.repeat(2, 1, 1, 1))
    with pytest.raises(ValueError, match="nothing is left to edit with"):
        go(outside_rank=48)
    with pytest.raises(ValueError, match="not orthonormal"):
        project_out(x, 2 * x / x.norm())
    with pytest.raises(ValueError, match=r"basis: shape \(1, 5\)"):
        project_out(x, x.new_ones(1, 5))
    with pytest.raises(ValueError, match="asks for no change"):
        told_direction(f, f, x, SIGMA, mask)
    with pytest.raises(ValueError, match="rms: -1"):
        pixel_change(mask, -1.0)
    with pytest.raises(ValueError, match=r"mask: shape \(2, 4, 4\) is not allowed; give \(H, W\) or \(3, H, W\)"):
        pixel_change(torch.ones(2, 4, 4), 0.1)
    with pytest.raises(ValueError, match=r"x: shape \(2, .* is not allowed; give one point"):
        told_direction(f, lambda z, s: f(z, s) + 1, x.repeat(2, 1, 1, 1), SIGMA, mask)
    editor = Editor(f, log_sigmas(4, 0.1, SIGMA))
    with pytest.raises(ValueError, match="v: shape"):
        editor.edit(x, x[0, 0], [1.0])
    with pytest.raises(ValueError, match="strengths"):
        editor.edit(x, x, [math.inf])
    with pytest.raises(ValueError, match="strengths: shape"):
        editor.predict(x, x, [])
    with pytest.raises(ValueError, match="x0: .* NaN or infinite"):
        editor.invert(x * math.nan)
    with pytest.raises(ValueError, match="sigmas"):
        Editor(f, torch.tensor([0.1, 0.5]))
    found = go()
    with pytest.raises(ValueError, match="indices: 2 indices for 1"):
        combine(found, indices=(0, 1), change=1.0)


def test_the_bound_holds_on_random_mixtures_and_is_not_idle():
    worst = 0.0
    for trial in range(200):
        draws = generator(trial)
        alpha_bar = 0.02 + 0.96 * float(torch.rand((), generator=draws))
        model = MoLRG.random(14, [2, 4, 3], draws, orthogonal=trial % 2 == 0, weights=[0.2, 0.5, 0.3])
        x_t = torch.randn(4, 14, generator=draws, dtype=torch.float64) * 3
        u = torch.randn(4, 14, generator=draws, dtype=torch.float64)
        u = u / u.norm(dim=1, keepdim=True)
        strengths = torch.tensor([0.01, 0.3, 1.0, 10.0], dtype=torch.float64)
        root, sigma = alpha_bar**0.5, ((1 - alpha_bar) / alpha_bar) ** 0.5
        mean = model(x_t / root, sigma)
        slope = model.denoiser_product(x_t / root, sigma, u) / root
        bound = linearity_bound(model.bases, x_t, alpha_bar, strengths)
        for i, s in enumerate(strengths):
            remainder = (model((x_t + s * u) / root, sigma) - mean - s * slope).norm(dim=1)
            worst = max(worst, float((remainder / bound[:, i]).max()))
    assert 0.01 < worst < 1
    with pytest.raises(ValueError, match="alpha_bar"):
        linearity_bound(model.bases, x_t, 1.5, strengths)


def test_the_semantic_subspace_is_exact_at_every_noise():
    model = MoLRG.random(20, [3, 4, 2], generator(13))
    for sigma in (0.5, 1.0, 3.0):
        x = model.sample(2, generator(14)) + sigma * torch.randn(2, 20, dtype=torch.float64, generator=generator(15))
        assert float(semantic_residual(model.denoiser_jacobian(x, sigma), model.bases).max()) < 1e-6
    other = MoLRG.random(20, [3, 4, 2], generator(16))
    assert float(semantic_residual(model.denoiser_jacobian(x, sigma), other.bases).min()) > 1


def test_the_noise_jacobian(toy):
    f, x, _, J, _ = toy
    rows = torch.autograd.functional.jacobian(lambda z: ((z - f(z, SIGMA)) / SIGMA).flatten(), x).flatten(1)
    torch.testing.assert_close(noise_jacobian(J, SIGMA), rows)
