"""The chapter's experiments, its scans, what is kept of a run, and its baselines."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from lowdim.compat import import_deepinv
from lowdim.distributions import Gaussian
from lowdim.measurement.problem import pose, residual_ratio
from lowdim.papers.udig_dip import EXPERIMENTS, FIGURES, FILMS, PROFILES
from lowdim.papers.udig_dip.baselines import DDS, HalfQuadraticSplitting, total_variation
from lowdim.papers.udig_dip.curves import error_by_column, rounds_of_a_film, small
from lowdim.papers.udig_dip.noisy import later
from lowdim.papers.udig_dip.purifier import Purifier
from lowdim.papers.udig_dip.runs import METHODS, Curve, at_least, descending, make_method, prior
from lowdim.papers.udig_dip.scans import TASKS, first_image, magnitude, make_scan
from lowdim.papers.udig_dip.signals import operator
from lowdim.papers.udig_dip.tuning import WEIGHTS, guided_sampler, tune
from lowdim.papers.udig_dip.vanishing import moves
from papers.contract import check_names_apart

deepinv = import_deepinv()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def records():
    return {name: run("smoke", 0, "cpu") for name, run in EXPERIMENTS.items()}


def test_no_two_experiments_measure_the_same(records):
    check_names_apart(records)


def test_every_experiment_measures_and_every_figure_is_drawn(records):
    for name, plot in FIGURES.items():
        assert plot.draw(records[plot.experiment]).axes, name
    for name, film in FILMS.items():
        labels = [label for label, _ in film.frames(records[film.experiment])]
        assert len(set(labels)) == len(labels) >= 2, name


@pytest.mark.parametrize("rounds", [2, 40, 80, 150, 10_000])
def test_a_film_of_a_long_run_is_short_and_has_both_ends(rounds):
    kept = rounds_of_a_film(rounds)
    assert len(set(kept)) == len(kept) <= 40
    assert len(kept) > 20 or len(kept) == rounds
    assert (kept[0], kept[-1]) == (0, rounds - 1)


@pytest.mark.parametrize(("channels", "size"), [(2, 48), (1, 64), (2, 128)])
def test_frames_of_a_film_are_small_magnitudes(channels, size):
    frames = torch.rand(3, 2, channels, size, size, generator=generator())
    found = small(frames)
    assert found.shape == (3, 2, min(size, 64), min(size, 64))
    assert found.dtype == torch.float16
    whole = frames.square().sum(2).sqrt()
    torch.testing.assert_close(found.float().mean((2, 3)), whole.mean((2, 3)), atol=1e-3, rtol=0)


def test_closed_forms_hold_in_smoke_as_well(records):
    claims = records["fixed-point"].claims | records["limit"].claims | records["norms"].claims
    assert claims["08-U4"] < 1e-8
    assert claims["08-U11a"] < 1e-6 < 0.05 < claims["08-U11b"]
    assert claims["08-U5b"] > 0


def test_an_experiment_is_the_same_twice_and_differs_with_the_seed(records):
    again, other = EXPERIMENTS["methods"]("smoke", 0, "cpu"), EXPERIMENTS["methods"]("smoke", 1, "cpu")
    assert again.claims == records["methods"].claims != other.claims


@pytest.mark.parametrize("kind", ["phantoms", "brains"])
@pytest.mark.parametrize("task", TASKS)
def test_scans_carry_the_noise_they_say(task, kind):
    scan = make_scan(task, kind, 3, 0, size=32)
    assert float(magnitude(scan.x).amax()) == pytest.approx(1.0, abs=1e-5)
    problem = pose(scan.y, scan.physics)
    ratio = residual_ratio(problem.misfit(scan.x), problem)
    assert ratio.tolist() == pytest.approx([1.0] * 3, abs=0.12)
    assert not torch.allclose(scan.reference, scan.x, atol=0.1)
    again = make_scan(task, kind, 3, 0, size=32)
    assert torch.equal(again.y, scan.y)


def test_every_slice_has_columns_of_its_own_and_a_quarter_of_them():
    scan = make_scan("mri-4", "phantoms", 3, 0)
    masks = scan.physics.mask[:, 0, 0]
    assert masks.sum(-1).tolist() == [16.0] * 3
    assert not torch.equal(masks[0], masks[1])
    assert make_scan("mri-8", "phantoms", 1, 0).physics.mask[0, 0, 0].sum() == 8


def test_gaussian_masks_are_denser_near_the_middle():
    masks = {task: make_scan(task, "phantoms", 40, 0).physics.mask[:, 0, 0] for task in ("mri-4", "mri-4-gaussian")}
    outside = {task: mask[:, 8:27].mean() + mask[:, 37:56].mean() for task, mask in masks.items()}
    assert all(bool((mask[:, 30:34] == 1).all()) and bool((mask.sum(-1) == 16).all()) for mask in masks.values())
    far = {task: mask[:, :8].mean() + mask[:, 56:].mean() for task, mask in masks.items()}
    assert float(far["mri-4-gaussian"] / outside["mri-4-gaussian"]) < 0.6 < float(far["mri-4"] / outside["mri-4"])
    assert not torch.equal(masks["mri-4-gaussian"][0], masks["mri-4-gaussian"][1])


def test_tables_show_the_last_image_and_its_cost(records):
    record, size = records["tasks"], PROFILES["smoke"]
    table = record.tables["every-task"]
    names = [str(name) for name in record["names"]]
    assert len(table.rows) == len(size.tasks) * len(names)
    row = dict(zip(table.columns, table.rows[len(names) + names.index("uDiG-DIP")], strict=True))
    assert row["PSNR (dB)"] == pytest.approx(record["psnr"][1, -1].mean())
    assert row["SSIM"] == pytest.approx(record["ssim"][1, -1].mean())
    assert (row["images"], row["updates"], row["evaluations"]) == (f"{size.slices} phantoms", size.updates, 1)
    stops = record.tables["stopping"]
    assert {row[1] for row in stops.rows} == set(METHODS.values())
    assert all(row[4] >= max(row[2], row[3]) - 1e-9 for row in stops.rows)


def test_full_tasks_run_in_a_tiny_size(monkeypatch):
    tiny = dataclasses.replace(PROFILES["smoke"], tasks=PROFILES["full"].tasks, size=32, updates=2, slices=1)
    monkeypatch.setattr("lowdim.papers.udig_dip.comparison.PROFILES", {"full": tiny})
    record = EXPERIMENTS["tasks"]("full", 0, "cpu")
    assert len(record.tables["every-task"].rows) == 6 * len(record["names"])
    assert FIGURES["tasks"].draw(record).axes
    assert {"ct-60", "mri-4-gaussian"} <= set(tiny.tasks)


def test_what_is_tuned_is_best_on_phantoms_that_no_method_is_judged_on(monkeypatch):
    size = dataclasses.replace(PROFILES["smoke"], dps_levels=20)
    denoiser = prior("cpu")
    seeds = []
    monkeypatch.setattr(
        "lowdim.papers.udig_dip.tuning.make_scan", lambda *a, **k: seeds.append(a[3]) or make_scan(*a, **k)
    )
    tuned = tune("ct-18", size, 0, denoiser, torch.device("cpu"))
    assert seeds == [1]
    other = make_scan("ct-18", "phantoms", 2, 1, size=size.size)
    assert not torch.equal(other.x, make_scan("ct-18", "phantoms", 2, 0, size=size.size).x)
    problem, start = pose(other.y, other.physics), other.start()
    smooth = [float(other.psnr(total_variation(problem, weight, start)).mean()) for weight in WEIGHTS]
    assert tuned.weight == WEIGHTS[int(np.argmax(smooth))]
    monkeypatch.setattr("lowdim.papers.udig_dip.tuning.GUIDANCES", (0.0, tuned.guidance, 1e3))
    assert tune("ct-18", size, 0, denoiser, torch.device("cpu")) == tuned  # nothing and far too much are worse


def test_dps_explains_a_scan_of_two_channels():
    scan = make_scan("mri-4", "phantoms", 2, 0, size=16)
    solution = guided_sampler(prior("cpu"), 30, 1.0).solve(scan.y, scan.physics, generator())
    assert solution.estimate.shape == scan.x.shape
    assert solution.backward.tolist() == solution.forward.tolist() == [30, 30]
    assert float((scan.psnr(solution.estimate) - scan.psnr(scan.start())).min()) > 1


def test_unknown_scans_and_methods_are_refused():
    with pytest.raises(ValueError, match="task, kind: 'mri-3'"):
        make_scan("mri-3", "phantoms", 1, 0)
    scan = make_scan("ct-18", "phantoms", 1, 0, size=16)
    with pytest.raises(ValueError, match="name: 'best'"):
        make_method("best", scan, PROFILES["smoke"], 2, None)


@pytest.mark.parametrize(("task", "cut"), [
    ("ct-18", lambda y: y[:, :, :-3]),
    ("ct-18", lambda y: y[..., :-1]),
    ("mri-4", lambda y: y[..., :-4]),
    ("mri-4", lambda y: y[:, :, :3]),
    ("mri-4", lambda y: torch.cat([y, y[:1]])),
])  # fmt: skip
def test_measurements_of_another_shape_are_refused(task, cut):
    scan = make_scan(task, "phantoms", 2, 0, size=16)
    with pytest.raises(ValueError, match=r"y: shape \(\d"):
        pose(cut(scan.y), scan.physics)


def test_the_first_image_of_tomography_is_filtered():
    scan = make_scan("ct-30", "brains", 2, 0)
    assert float(scan.psnr(scan.start()).min()) > 20


@pytest.mark.parametrize("name", METHODS)
def test_methods_have_one_signature(name):
    scan = make_scan("ct-18", "phantoms", 2, 0, size=16)
    method = make_method(name, scan, PROFILES["smoke"], 4, lambda x, sigma: x / 2)
    assert isinstance(method, deepinv.models.Reconstructor)
    assert method(scan.y, scan.physics, generator()).shape == scan.x.shape


def test_a_curve_knows_its_last_best_and_the_noise():
    psnr = torch.tensor([[1.0, 1.0], [3.0, 2.0], [2.0, 4.0]])
    residual = torch.tensor([[2.0, 3.0], [0.9, 2.0], [0.5, 1.5]])
    curve = Curve(psnr, residual, torch.tensor([10, 20, 30]), psnr, psnr, 0)
    assert curve.last.tolist() == [2.0, 4.0]
    assert curve.best.tolist() == [3.0, 4.0]
    assert curve.peak.tolist() == [20, 30]
    assert curve.crossing.tolist() == [1, 2]
    assert curve.stopped.tolist() == [3.0, 4.0]


def test_ten_times_the_peak_is_looked_up_for_each_image():
    psnr = torch.tensor([[2.0, 1.0], [1.5, 3.0], [1.0, 2.5], [0.5, 2.0]])
    curve = Curve(psnr, psnr, torch.tensor([10, 20, 30, 40]), psnr, psnr, 0)
    assert later(curve, 3).tolist() == [1.0, 2.0]  # 30 of 10 updates; 60 of 20 are more than there are
    assert later(curve, 1).tolist() == curve.best.tolist()


def test_moves_are_from_an_output_to_the_next_input():
    frames = torch.zeros(3, 2, 1, 2, 2)
    frames[1, 0], frames[1, 1], frames[2, 0] = 0.5, 1.0, 4.0
    blank = torch.zeros(3, 1)
    assert moves(Curve(blank, blank, torch.arange(3), blank, frames, 0)).tolist() == [0.5, 3.0]


def test_the_lower_end_is_of_students_interval():
    values = torch.tensor([1.0, 2.0, 3.0])
    assert at_least(values) == pytest.approx(2 - 4.302652729911275 / math.sqrt(3))


def test_levels_fall_evenly():
    levels = np.log(descending(5, (0.1, 0.001)))
    assert np.diff(levels) == pytest.approx([math.log(0.1) / 2] * 4)


def test_errors_are_split_by_what_was_measured():
    scan = make_scan("mri-4", "phantoms", 1, 0, size=16)
    spectrum = torch.fft.fftshift(torch.fft.fft2(torch.complex(scan.x[:, 0], scan.x[:, 1])), (-2, -1))
    wrong = spectrum.clone()
    wrong[scan.physics.mask[:, 0] == 0] += 5
    image = torch.fft.ifft2(torch.fft.ifftshift(wrong, (-2, -1)))
    measured, other = error_by_column(torch.stack([image.real, image.imag], 1), scan)
    assert float(measured) < 1e-5
    assert float(other) == pytest.approx(5 / 16, rel=1e-4)


def exact_case():
    covariance = torch.diag(torch.linspace(0.05, 1.0, 64, dtype=torch.float64))
    law = Gaussian.from_covariance(torch.zeros(64, dtype=torch.float64), covariance)
    from lowdim.measurement.matrices import MatrixPhysics

    a = operator("pooling", generator()) * 2
    physics = MatrixPhysics(a, (1, 8, 8), noise_model=deepinv.physics.GaussianNoise(0.1, rng=generator(1)))
    x = law.sample(3, generator(2)).reshape(3, 1, 8, 8)

    def denoise(z, sigma):
        return law(z.flatten(1), sigma).reshape(z.shape)

    return law, physics, physics(x), denoise


def test_splitting_with_an_exact_denoiser_ends_at_the_posterior_mean():
    law, physics, y, denoise = exact_case()
    best = torch.stack([law.posterior(row, physics.matrix[0], 0.1).mean() for row in y]).reshape(3, 1, 8, 8)
    found = HalfQuadraticSplitting(Purifier(denoise), descending(300, (0.5, 0.05))).solve(y, physics)
    assert found.evaluations == 299
    assert float((found.estimate - best).square().mean().sqrt()) < 0.02 < float((y @ physics.matrix[0]).std())


def test_dds_spreads_around_the_posterior_mean():
    law, physics, y, denoise = exact_case()
    best = torch.stack([law.posterior(row, physics.matrix[0], 0.1).mean() for row in y]).reshape(3, 1, 8, 8)
    runs = torch.stack([DDS(denoise, levels=40)(y, physics, generator(k)) for k in range(30)])
    spread = float(runs.std(0).mean())
    assert spread > 0.02
    assert float((runs.mean(0) - best).square().mean().sqrt()) < spread


def test_total_variation_removes_noise_and_keeps_the_scale():
    physics = deepinv.physics.Denoising(deepinv.physics.GaussianNoise(0.1, rng=generator()))
    x = torch.zeros(1, 1, 16, 16)
    x[..., 4:12, 4:12] = 1
    y = physics(x)
    found = total_variation(pose(y, physics), 0.1, y)
    assert float((found - x).square().mean()) < 0.3 * float((y - x).square().mean())


@pytest.mark.parametrize(("make", "message"), [
    (lambda: HalfQuadraticSplitting(Purifier(lambda x, s: x), []), r"tau: \[\]"),
    (lambda: DDS(lambda x, s: x, eta=2.0), "eta: 2.0"),
])  # fmt: skip
def test_bad_settings_of_baselines_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_profiles_grow():
    quick, study, full = (dataclasses.asdict(PROFILES[name]) for name in ("quick", "study", "full"))
    for name in ("slices", "updates", "curve_slices", "curve_updates", "signals"):
        assert quick[name] < study[name] <= full[name]
    assert full["size"] > study["size"]


def test_first_images_are_scaled_to_the_measurement():
    scan = make_scan("mri-4", "phantoms", 2, 0, size=16)
    problem = pose(scan.y, scan.physics)
    start = first_image(problem)
    for factor in (0.9, 1.1):
        assert bool((problem.misfit(factor * start) > problem.misfit(start)).all())
