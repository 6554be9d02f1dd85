"""Diffusers pipelines as denoisers: tiny ones with random weights, saved and loaded in diffusers' own format."""

import pytest
import torch
from torch import Tensor

from denoising.pipes import diffusers, latent_pipe, pixel_pipe
from lowdim.denoising import bind, euler, invert, last
from lowdim.denoising.jacobian import top_k_svd
from lowdim.denoising.pipelines import open_pipeline, scheduler_sigmas


@pytest.fixture(scope="module")
def pixel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pixel")
    pixel_pipe().save_pretrained(folder)
    return diffusers.DDIMPipeline.from_pretrained(folder)


@pytest.fixture(scope="module")
def latent(tmp_path_factory):
    folder = tmp_path_factory.mktemp("latent")
    latent_pipe().save_pretrained(folder)
    pipe = diffusers.StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def draws(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def relative(ours: Tensor, theirs: Tensor) -> float:
    return float(((ours - theirs).norm() / theirs.norm()).detach())


# Both sides compute in float32, in another order.
ROUNDING = 2e-5


def test_pixel_pipeline_samples_as_its_own_call_does(pixel) -> None:
    model = open_pipeline(pixel)
    grid = model.sigmas(5)
    theirs = torch.from_numpy(
        pixel(batch_size=2, generator=torch.Generator().manual_seed(3), num_inference_steps=5, output_type="np").images
    ).permute(0, 3, 1, 2)
    start = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(3)) * (1 + grid[0] ** 2).sqrt()
    ours = last(euler(model.denoiser(), start.float(), grid))
    assert relative((ours / 2 + 0.5).clamp(0, 1), theirs) < ROUNDING
    assert not model.takes_text
    assert model.encode(theirs) is theirs
    assert model.decode(ours) is ours


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_latent_pipeline_samples_as_its_own_call_does(latent, guidance: float) -> None:
    model = open_pipeline(latent)
    z = draws(2, 4, 8, 8)
    options = {"num_inference_steps": 4, "guidance_scale": guidance, "negative_prompt": "grim"}
    theirs = latent("a face", latents=z[:1], output_type="latent", **options).images
    grid = model.sigmas(4)
    D = model.denoiser("a face", guidance, "grim")
    start = (z.double() * (1 + grid[0] ** 2).sqrt()).float()
    ours = last(euler(D, start, grid))  # a batch that shares the prompt
    # set_alpha_to_one: the pipeline ends at alpha_bar = 1, as the grid does.
    assert relative(ours[:1], theirs) < ROUNDING
    other = last(euler(model.denoiser("zzz", guidance, "grim"), start[:1], grid))
    assert relative(other, theirs) > 10 * ROUNDING  # the prompt is heard
    if guidance != 1:
        assert relative(last(euler(model.denoiser("a face", guidance), start[:1], grid)), theirs) > 10 * ROUNDING
    picture = latent("a face", latents=z[:1], output_type="pt", **options).images
    assert relative((model.decode(ours[:1]) / 2 + 0.5).clamp(0, 1), picture) < ROUNDING


def test_no_prompt_is_the_empty_prompt(latent) -> None:
    model = open_pipeline(latent)
    z = draws(1, 4, 8, 8)
    torch.testing.assert_close(model.denoiser()(z, 1.0), model.denoiser("", 1.0)(z, 1.0))
    assert relative(model.denoiser("a face")(z, 1.0), model.denoiser()(z, 1.0)) > 10 * ROUNDING


def test_latents_are_in_the_units_of_the_diffusion_model(latent) -> None:
    images = draws(2, 3, 16, 16).clamp(-1, 1)
    ours = open_pipeline(latent).encode(images)
    with torch.no_grad():
        moments = latent.vae.encode(images).latent_dist
    assert relative(ours, moments.mean * latent.vae.config.scaling_factor) < ROUNDING
    shifted = latent_pipe()
    shifted.vae.register_to_config(shift_factor=0.3)
    theirs = open_pipeline(shifted)
    shift = theirs.encode(images) / 0.18215 + 0.3
    assert relative(shift, moments.mean) < ROUNDING
    assert relative(theirs.decode(ours - 0.3 * 0.18215), open_pipeline(latent).decode(ours)) < ROUNDING


def test_parts_of_the_grid_join_and_inversion_returns(latent) -> None:
    model = open_pipeline(latent)
    D, grid = model.denoiser("a face", 2.0), model.sigmas(6)
    start = draws(1, 4, 8, 8) * grid[0].float()
    whole = last(euler(D, start, grid))
    halfway = last(euler(D, start, grid[:4]))
    assert relative(last(euler(D, halfway, grid[3:])), whole) < ROUNDING
    up = last(invert(D, whole, grid[3:], label="next", corrections=30))
    assert relative(last(euler(D, up, grid[3:])), whole) < 1e-3


def test_the_jacobian_goes_through_the_decoder(latent) -> None:
    model = open_pipeline(latent)
    D = model.denoiser("a face", 2.0)
    f, z = model.pictures(D), draws(1, 4, 8, 8)
    mask = torch.zeros(16, 16)
    mask[4:9, 5:12] = 1
    found = top_k_svd(f, z, 0.8, 2, torch.Generator().manual_seed(0), mask=mask, tol=1e-3, max_iter=200)
    assert found.V.shape == (2, 4, 8, 8)
    assert found.U.shape == (2, 3, 16, 16)
    assert float(found.U[:, :, mask == 0].abs().max()) < 1e-6  # rounding of the orthonormal basis
    with torch.no_grad():
        change = (f(z + 1e-2 * found.V, 0.8) - f(z - 1e-2 * found.V, 0.8)) * mask / 2e-2
    for moved, u, s in zip(change, found.U, found.S, strict=True):
        assert relative(moved, s * u) < 2e-2
    rows = [torch.autograd.functional.jacobian(lambda w: (f(w, 0.8) * mask).flatten(), z).flatten(1)]
    assert relative(found.S, torch.linalg.svdvals(rows[0])[:2]) < 1e-3


def test_a_network_distilled_with_its_guidance_is_told_it() -> None:
    latent = latent_pipe(time_cond_proj_dim=8)
    D = open_pipeline(latent).denoiser("a face", 4.0)
    z = draws(2, 4, 8, 8)
    told = latent.encode_prompt("a face", "cpu", 1, True)[0].expand(2, -1, -1)
    scale = latent.get_guidance_scale_embedding(torch.tensor([3.0, 3.0]), embedding_dim=8)
    plain = bind(open_pipeline(latent).network, {"encoder_hidden_states": told, "timestep_cond": scale})
    assert relative(D(z, 1.0), plain(z, 1.0)) < ROUNDING
    assert relative(open_pipeline(latent).denoiser("a face", 7.0)(z, 1.0), plain(z, 1.0)) > 10 * ROUNDING


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of diffusers
@pytest.mark.parametrize("name", ["DDIM", "PNDM", "EulerDiscrete", "DPMSolverMultistep", "EDMEuler"])
def test_sigmas_of_schedulers(name: str) -> None:
    options = {"skip_prk_steps": True} if name == "PNDM" else {}  # as Stable Diffusion has it
    scheduler = getattr(diffusers, f"{name}Scheduler")(**options)
    grid = scheduler_sigmas(scheduler, 7)
    assert grid.dtype == torch.float64
    assert grid[-1] == 0
    assert len(grid) == 8
    assert bool((grid[1:] < grid[:-1]).all())
    fresh = getattr(diffusers, f"{name}Scheduler")(**options)
    fresh.set_timesteps(7)
    first = fresh.timesteps[0]
    if name == "EDMEuler":
        assert abs(float(grid[0]) - fresh.config.sigma_max) < 1e-3
    else:
        alpha_bar = float(fresh.alphas_cumprod[int(first)])
        assert abs(float(grid[0]) / ((1 - alpha_bar) / alpha_bar) ** 0.5 - 1) < 1e-3
    assert scheduler.num_inference_steps is None  # left as it was


def test_bad_input_is_refused(pixel, latent) -> None:
    with pytest.raises(ValueError, match="clip_sample=True changes the estimate"):
        open_pipeline(pixel_pipe(clip_sample=True))
    with pytest.raises(ValueError, match="thresholding=True"):
        open_pipeline(pixel_pipe(thresholding=True))
    with pytest.raises(ValueError, match="no unet and no scheduler"):
        open_pipeline(object())
    with pytest.raises(ValueError, match="no text encoder"):
        open_pipeline(pixel).denoiser("a face")
    with pytest.raises(ValueError, match="no text encoder"):
        open_pipeline(pixel).denoiser(guidance=2.0)
    with pytest.raises(ValueError, match="steps: 0"):
        open_pipeline(pixel).sigmas(0)
    with pytest.raises(ValueError, match="NaN or infinite"):
        open_pipeline(latent).encode(torch.full((1, 3, 16, 16), torch.nan))
    with pytest.raises(ValueError, match="values up to 255"):
        open_pipeline(latent).encode(torch.full((1, 3, 16, 16), 255.0))
    with pytest.raises(ValueError, match=r"guidance: .* is not allowed"):
        open_pipeline(latent).denoiser("a face", float("nan"))
    more = latent_pipe()
    more.unet.register_to_config(addition_embed_type="text_time")
    with pytest.raises(ValueError, match="further conditions"):
        open_pipeline(more)
