"""Keys, embedding, reading and detection of chapter 06, on exact denoisers and on a network."""

import math

import pytest
import torch

from denoising.test_pipelines import latent_pipe
from lowdim.denoising.grids import vp_sigmas
from lowdim.denoising.pipelines import open_pipeline
from lowdim.denoising.samplers import euler, last
from lowdim.denoising.weights import load_model
from lowdim.distributions.stationary import StationaryGaussian, mirror
from lowdim.papers.shallow_diffuse.baselines import SpreadSpectrum, tree_ring
from lowdim.papers.shallow_diffuse.detect import SCORES, Detector, correlation, key_p_values
from lowdim.papers.shallow_diffuse.keys import COLOUR_AXES, PATTERNS, Key, distances, make_key, merge, sectors
from lowdim.papers.shallow_diffuse.theory import euler_gain, inversion_gain
from lowdim.papers.shallow_diffuse.watermark import ShallowDiffuse, coefficients, inject, restore_channels
from lowdim.seeding import make_generator

SIZE = 16
LAW = StationaryGaussian.power_law(SIZE, channels=3)
GRID = vp_sigmas(50)[-16:]


def generator(*names):
    return make_generator(0, "shallow-tests", *names)


def key(**options):
    options = {"low": 3, "high": 5, "channels": 1} | options
    return make_key(SIZE, options.pop("low"), options.pop("high"), generator("key"), **options)


def states(n=4, sigma=1.0):
    return LAW.sample(n, generator("x")) + sigma * torch.randn(n, 3, SIZE, SIZE, generator=generator("n")).double()


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(("centre", "low", "high"), [("dc", 0, 3), ("dc", 2, 6), ("nyquist", 0, 4)])
def test_what_is_written_is_read_back(pattern, centre, low, high):
    """A symmetric key survives the real part exactly, also at zero frequency and in the Nyquist corner."""
    K = key(pattern=pattern, centre=centre, low=low, high=high, channels=(0, 2))
    x = states()
    marked = inject(x, K, 0.7)
    torch.testing.assert_close(coefficients(marked, K), (math.sqrt(1.49) * K.marked_values).expand(4, 2, -1))
    z, w = (torch.fft.fft2(torch.einsum("ac,bchw->bahw", COLOUR_AXES, y), norm="ortho") for y in (x, marked))
    torch.testing.assert_close(w[:, 1], z[:, 1])  # the axis without a key
    torch.testing.assert_close(w[..., ~K.mask], z[..., ~K.mask])  # coefficients without a mark


def test_a_key_has_the_strength_asked_for_and_rings_are_rings():
    K = key(strength=3.0)
    assert float(K.marked_values.abs().square().mean().sqrt()) == pytest.approx(3.0)
    assert K.size == int(K.mask.sum())
    rings = (distances(SIZE, SIZE) + 0.5).long()
    for ring in rings[K.mask].unique():
        assert len(K.values.real[K.mask & (rings == ring)].unique()) == 1
    assert torch.equal(K.mask, mirror(K.mask))


def test_nyquist_is_the_highest_frequency():
    assert float(distances(8, 8, "nyquist")[4, 4]) == 0
    assert float(distances(8, 8, "nyquist")[0, 0]) == pytest.approx(32**0.5)
    assert float(distances(8, 8)[0, 7]) == 1


def test_sectors_share_the_band_and_do_not_see_each_other():
    K = key(low=2, high=7, strength=2.0)
    for count in (1, 2, 4, 8):
        parts = sectors(K, count, generator("sectors"))
        assert torch.equal(merge(parts).mask, K.mask)
        marked = inject(states(), merge(parts), 0.5)
        for part in parts:
            found = coefficients(marked, part) / math.sqrt(1.25)
            torch.testing.assert_close(found, part.marked_values.expand_as(found))
            assert float(part.marked_values.abs().square().mean().sqrt()) == pytest.approx(2.0)
    with pytest.raises(ValueError, match="same coefficient"):
        merge([K, K])
    with pytest.raises(ValueError, match="sectors leave one"):
        sectors(key(low=1, high=1), 8, generator("s"))


@pytest.mark.parametrize("steps", [4, 15])
def test_a_linear_world_multiplies_every_mark_by_its_gain(steps):
    """Embedding scales the injected difference by the Euler gain, reading by the gain of inversion."""
    grid = vp_sigmas(50)[-steps - 1 :]
    method = ShallowDiffuse(LAW, key(strength=2.0), grid)
    x = states(sigma=float(grid[0]))
    found = method.embed_state(x)
    down = euler_gain(LAW.spectrum[1], grid)[method.key.mask]
    written = coefficients(inject(x, method.key, method.sigma) - x, method.key)
    torch.testing.assert_close(coefficients(found.marked - found.clean, method.key), down * written)
    up = inversion_gain(LAW.spectrum[1], grid)[method.key.mask]
    expected = up * coefficients(found.marked - found.clean, method.key) / math.sqrt(1 + method.sigma**2)
    torch.testing.assert_close(method.read(found.marked) - method.read(found.clean), expected)


def test_evaluations_are_counted_as_they_happen():
    calls = []

    def counted(x, sigma):
        calls.append(len(x))
        return LAW(x, sigma)

    grid = vp_sigmas(10)
    method = ShallowDiffuse(counted, key(), grid[-4:])
    for embed, x in ((method.embed_state, states()), (method.embed_picture, LAW.sample(2, generator("p")))):
        calls.clear()
        assert embed(x).evaluations * len(x) == sum(calls)
    calls.clear()
    start = 150 * torch.randn(2, 3, SIZE, SIZE, generator=generator("start")).double()
    assert method.embed_noise(start, grid[:-3]).evaluations * 2 == sum(calls)
    calls.clear()
    method.read(LAW.sample(2, generator("p")))
    assert sum(calls) == 2 * method.read_evaluations
    deep = tree_ring(counted, key(), grid)
    calls.clear()
    assert deep.embed_state(start, clean=start).evaluations * 2 == sum(calls)


def test_the_server_s_way_equals_sampling_in_one_go():
    grid = vp_sigmas(10)
    method = ShallowDiffuse(LAW, key(), grid[-4:])
    start = 150 * torch.randn(2, 3, SIZE, SIZE, generator=generator("start")).double()
    torch.testing.assert_close(method.embed_noise(start, grid[:-3]).clean, last(euler(LAW, start, grid)))
    with pytest.raises(ValueError, match="must end at the level of injection"):
        method.embed_noise(start, grid[:-4])


def test_restored_channels_come_from_the_clean_picture():
    K, x, y = key(channels=0), states(), states(sigma=2.0)
    z = torch.einsum("ac,bchw->bahw", COLOUR_AXES, restore_channels(x, y, K))
    torch.testing.assert_close(z[:, 0], torch.einsum("c,bchw->bhw", COLOUR_AXES[0], x))
    torch.testing.assert_close(z[:, 1:], torch.einsum("ac,bchw->bahw", COLOUR_AXES[1:], y))


@pytest.mark.parametrize("name", SCORES)
def test_scores_rank_the_key_first(name):
    K = key(strength=2.0)
    method = ShallowDiffuse(LAW, K, GRID)
    found = method.embed_state(states(60, method.sigma))
    marked, clean = (SCORES[name](method.read(x), K) for x in (found.marked, found.clean))
    assert float(marked.min()) >= float(clean.max())
    assert marked.shape == (60,)


def test_correlation_is_a_cosine_and_blind_to_size():
    K = key(pattern="random")
    exact = K.marked_values.expand(2, 1, -1)
    assert correlation(exact, K).tolist() == pytest.approx([1.0, 1.0])
    assert correlation(-0.1 * exact, K).tolist() == pytest.approx([-1.0, -1.0])
    assert correlation(1j * exact, K).abs().max() < 1e-12
    assert correlation(exact, key(pattern="zero")).tolist() == pytest.approx([-1.0, -1.0])


def test_a_calibrated_detector_keeps_its_rate_of_false_alarms():
    method = ShallowDiffuse(LAW, key(), GRID)
    scores = correlation(method.read(LAW.sample(6000, generator("negatives"))), method.key)
    detector = Detector.calibrate(scores[:1000], 0.01)
    assert abs(detector.rate(scores[1000:]).value - 0.01) < 4 * (0.01 / 1000 + 0.01 / 5000) ** 0.5
    assert abs(detector.area(scores[1000:]) - 0.5) < 0.05
    assert detector.found(scores[:1000]).sum() <= 10
    with pytest.raises(ValueError, match="at least 99"):
        Detector.calibrate(scores[:50])


def test_the_p_value_of_the_key_is_exact_for_any_picture():
    """One fixed picture, the same for all: over random keys the p-value is uniform on its steps."""
    read = 5 + coefficients(LAW.sample(1, generator("one")), key())
    ps = []
    for i in range(400):
        keys = [make_key(SIZE, 3, 5, generator(i, j), channels=1) for j in range(20)]
        ps.append(float(key_p_values(read, keys[0], keys[1:])))
    counts = (torch.tensor(ps) * 20).round().long().bincount(minlength=21)[1:].double()
    assert float(((counts - 20) ** 2 / 20).sum()) < 43.8  # chi-square, 19 degrees of freedom, 0.1 %
    marked = key().marked_values.expand(3, 1, -1)
    others = [make_key(SIZE, 3, 5, generator("o", j), channels=1) for j in range(99)]
    assert key_p_values(marked, key(), others).tolist() == pytest.approx([0.01] * 3)
    with pytest.raises(ValueError, match="others"):
        key_p_values(marked, key(), [key(low=2)])


def test_spread_spectrum_has_the_psnr_asked_for():
    x = LAW.sample(4, generator("p"))
    mark = SpreadSpectrum.at_psnr(key(), 30.0)
    marked = mark.embed(x)
    assert float(10 * torch.log10(4 / (marked - x).square().mean())) == pytest.approx(30.0)
    added = mark.read(marked) - mark.read(x)
    torch.testing.assert_close(added, (mark.amplitude * mark.key.marked_values).expand_as(added))
    with pytest.raises(ValueError, match="psnr"):
        SpreadSpectrum.at_psnr(key(pattern="zero"), 30.0)


def test_one_step_there_and_back_on_a_network():
    """The exact identity: error = |B'| (f_t(x_t) - f_{t-1}(x_{t-1})), for any network, with the cleaner label."""
    D, (high, low) = load_model("faces-32"), (0.8, 0.6)
    x = 0.5 * torch.randn(2, 3, 32, 32, generator=generator("net"))
    before = D(x, high)
    y = before + low * (x - before) / high
    back = y + (high - low) * (y - D(y, low)) / low
    expected = (high - low) / low * (before - D(y, low))
    torch.testing.assert_close(back - x, expected, rtol=0, atol=2e-6)


def test_a_latent_pipeline_carries_a_mark():
    """The page "on a model of your own": a tiny pipeline with random weights, key in the corner of channel 3."""
    model = open_pipeline(latent_pipe())
    D, grid = model.denoiser("a face"), model.sigmas(10)
    K = make_key(8, 0, 2, generator("latent"), centre="nyquist", channels=3, axes=torch.eye(4))
    method = ShallowDiffuse(D, K, grid[-4:])
    z = float(grid[0]) * torch.randn(2, 4, 8, 8, generator=generator("z"))
    found = method.embed_noise(z, grid[:-3], guided=model.denoiser("a face", 3.0, "grim"))
    picture = model.decode(found.marked)
    assert picture.shape == (2, 3, 16, 16)
    assert method.read(model.encode(picture.clamp(-1, 1))).shape == (2, 1, int(K.mask.sum()))
    assert float((found.marked - found.clean)[:, :3].abs().max()) < 1e-5


def test_a_list_of_levels_is_as_good_as_a_tensor():
    method, listed = ShallowDiffuse(LAW, key(), GRID), ShallowDiffuse(LAW, key(), GRID.tolist())
    assert (listed.run_evaluations, listed.sigma) == (method.run_evaluations, method.sigma)
    torch.testing.assert_close(listed.embed_state(states()).marked, method.embed_state(states()).marked)


def test_bad_input_is_refused_by_name():
    K, x = key(), states()
    method = ShallowDiffuse(LAW, K, GRID)
    with pytest.raises(ValueError, match="does not fit this key"):
        inject(x[..., :8], K, 1.0)
    with pytest.raises(ValueError, match="pictures: .* NaN"):
        method.read(x * float("nan"))
    for use in (method.read, method.embed_picture):
        with pytest.raises(ValueError, match=r"pictures: shape \(0, 3, 16, 16\) does not fit .* with B >= 1"):
            use(x[:0])
    with pytest.raises(ValueError, match="with B >= 1"):
        method.embed_state(x[:0])
    with pytest.raises(ValueError, match="with B >= 1"):
        method.embed_noise(x[:0], vp_sigmas(50)[:-15])
    with pytest.raises(ValueError, match="no coefficient"):
        key(low=40, high=50)
    with pytest.raises(ValueError, match="at least one"):
        Key(torch.zeros(4, 4, dtype=torch.bool), torch.zeros(4, 4, dtype=torch.complex128), COLOUR_AXES, (0,))
    lopsided = torch.zeros(4, 4, dtype=torch.bool)
    lopsided[0, 1] = True
    with pytest.raises(ValueError, match="-k is not"):
        Key(lopsided, torch.zeros(4, 4, dtype=torch.complex128), COLOUR_AXES, (0,))
    with pytest.raises(ValueError, match="conjugate"):
        Key(K.mask, K.values * 1j, COLOUR_AXES, (0,))
    with pytest.raises(ValueError, match="channels"):
        key(channels=3)
    with pytest.raises(ValueError, match="axes"):
        key(axes=torch.ones(3, 3))
    for name, value in (("pattern", "stripes"), ("centre", "left"), ("strength", 0.0)):
        with pytest.raises(ValueError, match=name):
            key(**{name: value})
    with pytest.raises(ValueError, match="low, high"):
        key(low=5, high=3)
    with pytest.raises(ValueError, match="read"):
        correlation(torch.zeros(2, 1, 3, dtype=torch.complex64), K)


def test_clipping_pipelines_are_refused_with_the_reason():
    pipe = latent_pipe()
    pipe.scheduler = type(pipe.scheduler).from_config(pipe.scheduler.config, clip_sample=True)
    with pytest.raises(ValueError, match="clip_sample=True changes the estimate"):
        open_pipeline(pipe)
