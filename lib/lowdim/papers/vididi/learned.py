"""Experiments with trained encoders: paired trainings with and without derivatives, ablations, flicker, and R3D-18."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from lowdim.data.motion import DIRECTIONS, Scenes, render_in_parts, sample_scenes
from lowdim.metrics.clock import clock_for
from lowdim.metrics.means import half_width
from lowdim.papers.vididi.clips import Clips
from lowdim.papers.vididi.encoders import SmallR3D, video_net
from lowdim.papers.vididi.evaluate import consistency, extract_features, linear_probe, recalibrate, retrieval
from lowdim.papers.vididi.frameworks import FRAMEWORKS
from lowdim.papers.vididi.schedule import SCHEDULES
from lowdim.papers.vididi.settings import PROFILES, Settings
from lowdim.papers.vididi.train import pretrain
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

FRAMES = 20
STARTS = (0, 6, 12)
LABELS = ("motion", "background")
ARMS = ("base", "vididi")
MEASURES = (*(f"{label} {kind}" for label in LABELS for kind in ("retrieval", "probe")), "consistency", "slow", "fast")
"""In per cent, but for the consistency; slow and fast are retrieval of motion among the slower and faster half."""


COLUMNS = (
    "loss", "schedule", "trainings", "motion, R@1 (%)", "motion, probe (%)", "background, R@1 (%)",
    "background, probe (%)", "clips encoded", "seconds a training",
)  # fmt: skip
LOSSES = {"vicreg": "VICReg", "simclr": "SimCLR", "byol": "BYOL"}
TITLES = {"base": "frames only", "vididi": "with derivatives"}


@dataclass(frozen=True)
class World:
    """Videos (n, 3, T, S, S) of bytes to train on and to test on, and their scenes (on the CPU)."""

    train: Tensor
    test: Tensor
    train_scenes: Scenes
    test_scenes: Scenes


@dataclass(frozen=True)
class Plan:
    """A size of training: the encoder, how many videos of how many pixels, how long, on which precision."""

    encoder: Callable[[], nn.Module]
    videos: int
    tests: int
    side: int
    clips: Clips
    passes: int
    batch: int
    rate: float
    hidden: int
    autocast: bool = False


def small_plan(settings: Settings, passes: int) -> Plan:
    """The small encoder on 32 x 32 videos."""
    return Plan(
        encoder=lambda: SmallR3D(settings.channels), videos=settings.videos, tests=settings.tests, side=32,
        clips=Clips(size=settings.side), passes=passes, batch=settings.batch, rate=settings.rate, hidden=128,
    )  # fmt: skip


def large_plan(settings: Settings, cuda: bool) -> Plan:
    """Torchvision's R3D-18, in bfloat16 where there is a GPU; the small encoder in profiles without large videos."""
    if not settings.large:
        return small_plan(settings, settings.large_passes)
    return Plan(
        encoder=lambda: video_net("r3d_18"), videos=settings.large, tests=min(settings.tests, settings.large),
        side=settings.large_side * 8 // 7, clips=Clips(size=settings.large_side), passes=settings.large_passes,
        batch=settings.large_batch, rate=1e-3, hidden=1024, autocast=cuda,
    )  # fmt: skip


def make_world(videos: int, tests: int, side: int, seed: int, number: int, device: torch.device) -> World:
    """Training and test videos, drawn on the device; eight directions, so chance is an eighth."""
    generator = make_generator(seed, "vididi", "world", number)
    sets = [sample_scenes(n, generator, motions=DIRECTIONS) for n in (videos, tests)]
    train, test = (render_in_parts(scenes.to(device), FRAMES, side) for scenes in sets)
    return World(train, test, *sets)


def fit(
    plan: Plan, world: World, framework: str, schedule: str, seed: int, number: int, clips: Clips
) -> tuple[nn.Module, list[float]]:
    """A trained encoder and its losses; both arms of a pair share videos, first weights and batches."""
    where = world.train.device
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(make_generator(seed, "vididi", "weights", number).initial_seed())
        model = FRAMEWORKS[framework](plan.encoder(), plan.hidden, plan.hidden).to(where)
    if plan.autocast:
        model.encoder.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    steps = pretrain(
        model, world.train, SCHEDULES[schedule], plan.passes, make_generator(seed, "vididi", "batches", number),
        clips=clips, batch=plan.batch, learning_rate=plan.rate, autocast=plan.autocast,
    )  # fmt: skip
    losses = [step.loss for step in steps]
    return model.encoder, losses


def score(encoder: nn.Module, plan: Plan, world: World) -> tuple[np.ndarray, Tensor]:
    """All of :data:`MEASURES` for frozen features of plain clips, and those of the test videos."""

    def features(videos: Tensor, order: int) -> Tensor:
        return extract_features(encoder, videos, plan.clips, starts=STARTS, order=order, autocast=plan.autocast)

    seen = world.train[:2048]
    recalibrate(encoder, seen, plan.clips)
    train, test = features(world.train, 0), features(world.test, 0)
    found = []
    for label in LABELS:
        known, wanted = getattr(world.train_scenes, label), getattr(world.test_scenes, label)
        found += [100 * retrieval(test, train, wanted, known), 100 * linear_probe(test, train, wanted, known)]
    speed, motion = world.test_scenes.speed, world.test_scenes.motion
    halves = [speed < speed.median(), speed >= speed.median()]
    by_speed = [100 * retrieval(test[h], train, motion[h], world.train_scenes.motion) for h in halves]
    recalibrate(encoder, seen, plan.clips, order=1)
    found.append(consistency(test, features(world.test, 1)))
    return np.array([*found, *by_speed]), test


def run(
    plan: Plan, framework: str, schedules: tuple[str, ...], starts: int, seed: int, where: torch.device,
    clips: Clips | None = None,
) -> tuple[np.ndarray, np.ndarray, dict[str, object]]:  # fmt: skip
    """Scores (starts, schedules, measures) of paired trainings, the seconds of each (starts, schedules), and losses and
    test features of the first start.
    """
    table: list[list[np.ndarray]] = []
    seconds = np.zeros((starts, len(schedules)))
    extra: dict[str, object] = {}
    clock = clock_for(where)
    for number in range(starts):
        world = make_world(plan.videos, plan.tests, plan.side, seed, number, where)
        row = []
        for arm, schedule in enumerate(schedules):
            began = clock()
            encoder, losses = fit(plan, world, framework, schedule, seed, number, clips or plan.clips)
            seconds[number, arm] = clock() - began
            scores, features = score(encoder, plan, world)
            row.append(scores)
            if number == 0:
                extra[f"losses-{schedule}"] = np.array(losses)
                extra[f"features-{schedule}"] = features[:400]
                extra |= {"labels": world.test_scenes.motion[:400], "places": world.test_scenes.background[:400]}
        table.append(row)
    return np.array(table), seconds, extra


def rows(
    plan: Plan, framework: str, table: np.ndarray, seconds: np.ndarray, names: tuple[str, ...]
) -> Iterator[tuple[str | float, ...]]:
    """A row of :data:`COLUMNS` for each schedule; with two trainings or more, means with 95 % t-intervals."""
    clips = 2 * plan.passes * (plan.videos // plan.batch) * plan.batch
    for arm, name in enumerate(names):
        cells = [_with_width(table[:, arm, k]) for k in range(2 * len(LABELS))]
        yield LOSSES[framework], TITLES.get(name, name), len(table), *cells, clips, float(seconds[:, arm].mean())


def _with_width(values: np.ndarray) -> str:
    mean = f"{values.mean():.1f}"
    return f"{mean} ± {half_width(values):.1f}" if len(values) > 1 else mean


def limits(gains: np.ndarray) -> tuple[float, float]:
    """The ends of the 95 % t-interval of the mean of paired differences, two or more."""
    mean, half = float(gains.mean()), half_width(gains)
    return mean - half, mean + half


def column(table: np.ndarray, name: str) -> np.ndarray:
    """One measure (starts, schedules) of a table of scores."""
    return table[..., MEASURES.index(name)]


def gain(table: np.ndarray, name: str) -> np.ndarray:
    """With derivatives minus without (starts,)."""
    return column(table, name)[:, 1] - column(table, name)[:, 0]


def compare(profile: str, seed: int, device: str, framework: str, ids: dict[str, str]) -> Record:
    """Paired trainings of the small encoder; ``ids`` names the claims: motion, background, consistency."""
    where, settings = check_device(device), PROFILES[profile]
    plan = small_plan(settings, settings.passes if framework == "vicreg" else settings.other_passes)
    table, seconds, extra = run(plan, framework, ARMS, settings.starts, seed, where)
    record = Record(arrays={"table": table, "measures": np.array(MEASURES), **extra})
    record.table(framework, COLUMNS, rows(plan, framework, table, seconds, ARMS))
    # Of a gain the lower end of the interval must be high enough, of a loss the upper end low enough.
    ends = {"motion retrieval": 0, "background retrieval": 1, "consistency": 0}
    if settings.starts > 1:
        record.claims |= {name: limits(gain(table, what))[ends[what]] for what, name in ids.items()}
    for arm, label in enumerate(ARMS):
        for what in ("motion retrieval", "background retrieval"):
            record.number(
                f"{framework}-{what.replace(' ', '-')}-{label}", column(table, what)[:, arm].mean(), "%", tolerance=10
            )
    return record


def vicreg(profile: str, seed: int, device: str) -> Record:
    """VICReg with and without derivatives."""
    ids = {"motion retrieval": "10-V9a", "background retrieval": "10-V10a", "consistency": "10-V12a"}
    record = compare(profile, seed, device, "vicreg", ids)
    table = record["table"]
    record.claims["10-V9b"] = float(gain(table, "motion retrieval").mean())
    record.claims["10-V12d"] = float(gain(table, "consistency").mean())
    return record


def simclr(profile: str, seed: int, device: str) -> Record:
    """SimCLR with and without derivatives."""
    ids = {"motion retrieval": "10-V11a", "background retrieval": "10-V10b", "consistency": "10-V12b"}
    return compare(profile, seed, device, "simclr", ids)


def byol(profile: str, seed: int, device: str) -> Record:
    """BYOL with and without derivatives."""
    ids = {"motion retrieval": "10-V11b", "background retrieval": "10-V10c", "consistency": "10-V12c"}
    return compare(profile, seed, device, "byol", ids)


def ablation(profile: str, seed: int, device: str) -> Record:
    """The schedule and its parts, VICReg."""
    where, settings = check_device(device), PROFILES[profile]
    names = tuple(SCHEDULES)
    plan = small_plan(settings, settings.other_passes)
    table, seconds, _ = run(plan, "vicreg", names, settings.ablations, seed, where)
    motion = column(table, "motion retrieval").mean(0)
    others = [motion[i] for i, name in enumerate(names) if name not in ARMS]
    record = Record(claims={"10-V13a": motion[names.index("vididi")] - max(others)})
    record.arrays |= {"table": table, "names": np.array(names), "measures": np.array(MEASURES)}
    record.table("ablation", COLUMNS, rows(plan, "vicreg", table, seconds, names))
    return record


def jittered(profile: str, seed: int, device: str) -> Record:
    """The method with contrast and brightness drawn for each clip, and for each frame as in the authors' code."""
    where, settings = check_device(device), PROFILES[profile]
    plan = small_plan(settings, settings.other_passes)
    kinds = (plan.clips, replace(plan.clips, per_frame=True))
    runs = [run(plan, "vicreg", ("vididi",), settings.ablations, seed, where, clips) for clips in kinds]
    table, seconds = (np.concatenate([found[part] for found in runs], 1) for part in (0, 1))
    motion = column(table, "motion retrieval").T
    record = Record(claims={"10-V13b": float((motion[1] - motion[0]).mean())}, arrays={"motion": motion})
    kinds_of_jitter = ("jitter for each clip", "jitter for each frame")
    record.table("jittered", COLUMNS, rows(plan, "vicreg", table, seconds, kinds_of_jitter))
    return record


def large(profile: str, seed: int, device: str, framework: str, name: str) -> Record:
    """R3D-18 with and without derivatives, one pair of trainings."""
    where, settings = check_device(device), PROFILES[profile]
    plan = large_plan(settings, where.type == "cuda")
    table, seconds, extra = run(plan, framework, ARMS, 1, seed, where)
    record = Record(arrays={"table": table, "measures": np.array(MEASURES), **extra})
    record.table(f"r3d-{framework}", COLUMNS, rows(plan, framework, table, seconds, ARMS))
    record.claims[name] = float(gain(table, "motion retrieval")[0])
    for arm, label in enumerate(ARMS):
        for what in ("motion retrieval", "motion probe", "background retrieval"):
            record.number(
                f"r3d-{framework}-{what.replace(' ', '-')}-{label}", column(table, what)[0, arm], "%", tolerance=10
            )
    return record


def r3d_vicreg(profile: str, seed: int, device: str) -> Record:
    """R3D-18 and VICReg."""
    return large(profile, seed, device, "vicreg", "10-V14b")


def r3d_simclr(profile: str, seed: int, device: str) -> Record:
    """R3D-18 and SimCLR."""
    return large(profile, seed, device, "simclr", "10-V14c")


def r3d_byol(profile: str, seed: int, device: str) -> Record:
    """R3D-18 and BYOL."""
    return large(profile, seed, device, "byol", "10-V14d")
