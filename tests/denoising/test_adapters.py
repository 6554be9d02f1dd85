import pytest
import torch
from torch import Tensor

from lowdim.compat import import_diffusers
from lowdim.denoising import ancestral, bind, edm_sigmas, euler, heun, invert, last
from lowdim.denoising.adapters import VPNetwork, from_diffusers
from lowdim.denoising.conversions import alpha_bar_to_sigma

diffusers = import_diffusers()

PREDICTIONS = ["epsilon", "sample", "v_prediction"]


def make_unet(**options):
    torch.manual_seed(0)  # diffusers initialises networks from the global generator
    settings = {
        "sample_size": 8,
        "in_channels": 2,
        "out_channels": 2,
        "block_out_channels": (8, 16),
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "down_block_types": ("DownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "UpBlock2D"),
        "add_attention": False,
    }
    return diffusers.UNet2DModel(**{**settings, **options}).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def unet():
    # float64, so that only the rounding inside diffusers' float32 tables is left.
    return make_unet().double()


@pytest.fixture
def noise() -> Tensor:
    return torch.randn(2, 2, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def ddim(prediction: str = "epsilon", **options):
    return diffusers.DDIMScheduler(clip_sample=False, prediction_type=prediction, **options)


def vp_levels(scheduler) -> tuple[Tensor, Tensor]:
    """The scheduler's sampling grid as ``alpha_bar`` and ``sigma``."""
    alpha_bars = scheduler.alphas_cumprod.double()[scheduler.timesteps]
    return alpha_bars, alpha_bar_to_sigma(alpha_bars)


def relative(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).norm() / theirs.norm())


# diffusers keeps alpha_bar and sigma in float32: 6e-8 a factor, some tens of factors in ten steps.
ROUNDING = 5e-7


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("to_one", [True, False])
def test_euler_is_ddim(unet, noise: Tensor, prediction: str, to_one: bool) -> None:
    scheduler = ddim(prediction, set_alpha_to_one=to_one)
    scheduler.set_timesteps(10)
    theirs = noise
    for t in scheduler.timesteps:
        theirs = scheduler.step(unet(theirs, t).sample, t, theirs).prev_sample
    alpha_bars, sigmas = vp_levels(scheduler)
    grid = torch.cat([sigmas, sigmas.new_zeros(1)]) if to_one else sigmas
    ours = last(euler(from_diffusers(unet, scheduler), noise / alpha_bars[0].sqrt(), grid))
    # Without a level 0 the chain of diffusers ends on the VP point of timestep 0.
    assert relative(ours if to_one else ours * alpha_bars[-1].sqrt(), theirs) < ROUNDING


@pytest.mark.parametrize("eta", [0.5, 1.0])
def test_ancestral_is_ddim_with_eta(unet, noise: Tensor, eta: float) -> None:
    scheduler = ddim()
    scheduler.set_timesteps(10)
    theirs, draws = noise, torch.Generator().manual_seed(2)
    for t in scheduler.timesteps:
        fresh = torch.randn(noise.shape, generator=draws, dtype=noise.dtype)
        theirs = scheduler.step(unet(theirs, t).sample, t, theirs, eta=eta, variance_noise=fresh).prev_sample
    alpha_bars, sigmas = vp_levels(scheduler)
    grid = torch.cat([sigmas, sigmas.new_zeros(1)])
    start, draws = noise / alpha_bars[0].sqrt(), torch.Generator().manual_seed(2)
    assert relative(last(ancestral(from_diffusers(unet, scheduler), start, grid, draws, eta)), theirs) < ROUNDING


def test_inversion_with_the_next_label_is_that_of_diffusers(unet, noise: Tensor) -> None:
    scheduler = diffusers.DDIMInverseScheduler(clip_sample=False)
    scheduler.set_timesteps(10)
    theirs = noise
    for t in scheduler.timesteps:
        theirs = scheduler.step(unet(theirs, t).sample, t, theirs).prev_sample
    alpha_bars, sigmas = vp_levels(scheduler)
    grid = torch.cat([sigmas.flip(0), sigmas.new_zeros(1)])
    denoiser = from_diffusers(unet, scheduler)
    assert relative(last(invert(denoiser, noise, grid, label="next")) * alpha_bars[-1].sqrt(), theirs) < ROUNDING
    # The other convention is another walk.
    assert relative(last(invert(denoiser, noise, grid, label="current")) * alpha_bars[-1].sqrt(), theirs) > 1e-3


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("karras", [False, True])
def test_euler_is_the_euler_scheduler(unet, noise: Tensor, prediction: str, karras: bool) -> None:
    scheduler = diffusers.EulerDiscreteScheduler(prediction_type=prediction, use_karras_sigmas=karras)
    scheduler.set_timesteps(10)
    theirs = noise * scheduler.sigmas[0].double()
    for t in scheduler.timesteps:
        output = unet(scheduler.scale_model_input(theirs, t), t).sample
        theirs = scheduler.step(output, t, theirs).prev_sample
    start = noise * scheduler.sigmas[0].double()
    # This scheduler rounds its state to float32 at every step.
    assert relative(last(euler(from_diffusers(unet, scheduler), start, scheduler.sigmas)), theirs) < 4 * ROUNDING


def test_heun_is_the_heun_scheduler(unet, noise: Tensor) -> None:
    # Karras levels fall between trained timesteps: both sides must interpolate alike.
    scheduler = diffusers.HeunDiscreteScheduler(use_karras_sigmas=True, beta_schedule="linear")
    scheduler.set_timesteps(10)
    start = noise * scheduler.sigmas[0].double()
    theirs = start
    for t in scheduler.timesteps:
        output = unet(scheduler.scale_model_input(theirs, t), t).sample
        theirs = scheduler.step(output, t, theirs).prev_sample
    grid = torch.cat([scheduler.sigmas[:1], scheduler.sigmas[1::2]])
    assert relative(last(heun(from_diffusers(unet, scheduler), start, grid)), theirs) < 4 * ROUNDING


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_euler_is_the_edm_scheduler(unet, noise: Tensor, prediction: str) -> None:
    scheduler = diffusers.EDMEulerScheduler(prediction_type=prediction, sigma_data=0.7, sigma_min=0.01)
    scheduler.set_timesteps(10)
    theirs = 80 * noise
    for t in scheduler.timesteps:
        output = unet(scheduler.scale_model_input(theirs, t), t).sample
        theirs = scheduler.step(output, t, theirs).prev_sample
    ours = last(euler(from_diffusers(unet, scheduler), 80 * noise, edm_sigmas(10, sigma_min=0.01)))
    # This scheduler rounds its state to float32 at every step.
    assert relative(ours, theirs) < 4 * ROUNDING


def test_edm_preconditioning_is_that_of_the_paper(unet, noise: Tensor) -> None:
    sigma, data = 1.7, 0.4
    got = from_diffusers(unet, diffusers.EDMEulerScheduler(sigma_data=data))(noise, sigma)
    total = sigma**2 + data**2
    time = torch.tensor([sigma]).log() / 4
    want = data**2 / total * noise + sigma * data / total**0.5 * unet(noise / total**0.5, time).sample
    torch.testing.assert_close(got, want, rtol=0, atol=1e-6)


# Levels


def table(denoiser: VPNetwork) -> Tensor:
    return denoiser.log_sigmas.exp()


def test_timesteps_are_exact_on_the_table_and_interpolated_between(unet) -> None:
    denoiser = from_diffusers(unet, ddim())
    sigmas = table(denoiser)
    torch.testing.assert_close(denoiser.timestep(sigmas), torch.arange(1000.0, dtype=torch.float64), rtol=0, atol=1e-6)
    between = (sigmas[:-1] * sigmas[1:]).sqrt()
    torch.testing.assert_close(denoiser.timestep(between), 0.5 + torch.arange(999.0, dtype=torch.float64))


def test_levels_below_the_table_keep_timestep_zero_and_levels_above_are_refused(unet, noise: Tensor) -> None:
    denoiser = from_diffusers(unet, ddim())
    sigmas = table(denoiser)
    assert denoiser.timestep(sigmas[:1] * 0.1).tolist() == [0.0]
    assert relative(denoiser(noise, 1e-6), noise) < 1e-5
    assert denoiser.timestep(sigmas[-1:] * 1.0001).tolist() == [999.0]
    with pytest.raises(ValueError, match="trained up to 157"):
        denoiser(noise, float(sigmas[-1]) * 1.01)
    for sigma in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="sigma"):
            denoiser(noise, sigma)


def test_a_last_level_of_infinite_noise_is_left_out(unet) -> None:
    denoiser = from_diffusers(unet, ddim("v_prediction", rescale_betas_zero_snr=True))
    assert denoiser.log_sigmas.shape == (999,)
    assert bool(torch.isfinite(denoiser.log_sigmas).all())


@pytest.mark.parametrize("scheduler", [ddim(p) for p in PREDICTIONS] + [diffusers.EDMEulerScheduler()])
def test_each_sample_may_have_its_own_level(unet, noise: Tensor, scheduler) -> None:
    denoiser = from_diffusers(unet, scheduler)
    levels = torch.tensor([0.3, 20.0], dtype=torch.float64)
    apart = torch.cat([denoiser(noise[i : i + 1], float(levels[i])) for i in range(2)])
    torch.testing.assert_close(denoiser(noise, levels), apart, rtol=1e-9, atol=1e-9)


# Networks


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_input_and_output_keep_their_dtype(noise: Tensor, prediction: str, dtype: torch.dtype) -> None:
    denoiser = from_diffusers(make_unet().to(dtype), ddim(prediction))
    wide, single = denoiser(noise, 2.0), denoiser(noise.float(), 2.0)
    assert wide.dtype == torch.float64
    assert single.dtype == torch.float32
    torch.testing.assert_close(wide.float(), single, rtol=1e-4, atol=1e-5)


def test_learned_variances_are_dropped(noise: Tensor) -> None:
    wide = make_unet(out_channels=4).double()
    denoiser = from_diffusers(wide, ddim("sample"))
    assert denoiser(noise, 2.0).shape == noise.shape
    t = denoiser.timestep(torch.tensor([2.0], dtype=torch.float64)).float()
    torch.testing.assert_close(denoiser(noise, 2.0), wide(noise / 5**0.5, t).sample[:, :2])


def test_labels_are_bound_and_guided(noise: Tensor) -> None:
    unet = make_unet(num_class_embeds=3).double()
    denoiser = from_diffusers(unet, ddim())
    label, null = {"class_labels": torch.tensor([1, 2])}, {"class_labels": torch.tensor([0, 0])}
    cond, uncond = denoiser(noise, 2.0, label), denoiser(noise, 2.0, null)
    assert relative(cond, uncond) > 1e-4
    torch.testing.assert_close(bind(denoiser, label)(noise, 2.0), cond)
    guided = bind(denoiser, label, 3.0, null=null)(noise, 2.0)
    torch.testing.assert_close(guided, uncond + 3 * (cond - uncond))


def test_captions_are_bound(noise: Tensor) -> None:
    torch.manual_seed(0)
    unet = diffusers.UNet2DConditionModel(
        sample_size=8,
        in_channels=2,
        out_channels=2,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        cross_attention_dim=6,
        attention_head_dim=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )
    unet = unet.double().eval().requires_grad_(False)
    caption = {"encoder_hidden_states": torch.ones(2, 3, 6, dtype=torch.float64)}
    denoiser = bind(from_diffusers(unet, ddim("v_prediction")), caption)
    assert denoiser(noise, torch.tensor([0.5, 3.0])).shape == noise.shape


def test_forward_mode_and_vmap_pass_through(unet, noise: Tensor) -> None:
    denoiser = from_diffusers(unet, ddim())
    directions = torch.randn(3, *noise.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)

    def product(v: Tensor) -> Tensor:
        return torch.func.jvp(lambda x: denoiser(x, 2.0), (noise,), (v,))[1]

    many = torch.func.vmap(product)(directions)
    h = 1e-5
    differences = (denoiser(noise + h * directions[0], 2.0) - denoiser(noise - h * directions[0], 2.0)) / (2 * h)
    torch.testing.assert_close(many[0], differences, rtol=1e-6, atol=1e-7)


# Refusals


@pytest.mark.parametrize(
    ("scheduler", "message"),
    [
        (diffusers.DDIMScheduler(), "clip_sample=False"),
        (diffusers.DDPMScheduler(), "clip_sample=False"),
        (ddim(thresholding=True), "thresholding=False"),
        (ddim("flow"), "prediction_type 'flow'"),
        (diffusers.EDMEulerScheduler(prediction_type="sample"), "prediction_type 'sample'"),
        (diffusers.FlowMatchEulerDiscreteScheduler(), "not supported"),
        (diffusers.EulerDiscreteScheduler(prediction_type="v_prediction", timestep_type="continuous"), "not supported"),
    ],
)
def test_schedulers_that_mean_something_else_are_refused(unet, scheduler, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_diffusers(unet, scheduler)


def test_what_is_no_network_no_scheduler_and_no_float_is_named(unet, noise: Tensor) -> None:
    with pytest.raises(ValueError, match=r"scheduler: a NoneType is not allowed; give one of diffusers"):
        from_diffusers(unet, None)
    with pytest.raises(ValueError, match=r"network: a NoneType is not allowed; give one of diffusers"):
        from_diffusers(None, ddim())
    for scheduler in (ddim(), diffusers.EDMEulerScheduler()):
        with pytest.raises(ValueError, match=r"x: got a Tensor of torch.uint8; give a floating-point"):
            from_diffusers(unet, scheduler)(noise.to(torch.uint8), 1.0)


def test_the_advice_on_clipping_works(unet, noise: Tensor) -> None:
    scheduler = diffusers.DDPMScheduler()
    advised = diffusers.DDPMScheduler.from_config(scheduler.config, clip_sample=False)
    assert torch.equal(from_diffusers(unet, advised)(noise, 1.0), from_diffusers(unet, ddim())(noise, 1.0))
