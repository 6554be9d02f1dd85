"""Training an encoder on videos without labels, with any framework and any schedule of derivatives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from lowdim.papers.vididi.clips import Clips
from lowdim.papers.vididi.differences import check_moving, make_views
from lowdim.papers.vididi.frameworks import Framework
from lowdim.papers.vididi.schedule import PairSchedule
from lowdim.training.loop import TrainStep, train, warm_up_then_cosine


def pretrain(
    framework: Framework,
    videos: Tensor,
    schedule: PairSchedule,
    passes: int,
    generator: torch.Generator,
    *,
    clips: Clips | None = None,
    batch: int = 64,
    learning_rate: float = 1e-3,
    weight_decay: float = 1e-4,
    autocast: bool = False,
    checkpoint: Path | None = None,
) -> Iterator[TrainStep]:
    """Train ``framework`` on ``videos`` (N, C, T, H, W) of bytes for ``passes`` over them, yielding after each step.

    A pass is ``N // batch`` steps in a fresh order; the ``N % batch`` videos that are left over wait for the next.
    Every batch is a pair of clips for each of ``batch`` videos, augmented on the videos' device, then differentiated in
    float32 as the schedule says. AdamW with a cosine. ``autocast`` runs the networks in bfloat16. Raises ``ValueError``
    for videos that are not bytes, too short or do not move, fewer than ``batch`` of them, a schedule that is only
    named, and as :func:`lowdim.training.loop.train`.
    """
    clips = clips or Clips()
    if not isinstance(schedule, PairSchedule):
        raise ValueError(f"schedule: {schedule!r} is not allowed; give a PairSchedule, such as SCHEDULES['vididi']")
    clips.check(videos)
    check_moving("videos", videos)
    if not 2 <= batch <= len(videos):
        raise ValueError(f"batch: {batch!r} is not allowed; give 2 to {len(videos)}, the number of videos")
    if clips.frames <= schedule.largest:
        raise ValueError(
            f"clips: {clips.frames} frames are too few for derivatives of order {schedule.largest}; "
            f"give at least {schedule.largest + 1}"
        )
    per_pass = len(videos) // batch
    steps = passes * per_pass
    clock = _Clock(warm_up_then_cosine(steps, max(1, steps // 20)))

    def loss(model: nn.Module, source: torch.Generator) -> Tensor:
        place = (clock.step - 1) % per_pass
        index = _order(len(videos), source, (clock.step - 1) // per_pass)[place * batch :][:batch]
        pairs = clips.pairs(videos, index, source)
        views = make_views(pairs, schedule.orders((clock.step - 1) // per_pass, source))
        with torch.autocast(videos.device.type, torch.bfloat16, enabled=autocast):
            return model(*views)

    learned = [p for p in framework.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(learned, learning_rate, weight_decay=weight_decay)
    done = train(
        framework, loss, optimiser, steps, generator=generator, schedule=clock.rate,
        checkpoint=checkpoint, tag=f"{type(framework).__name__} {schedule} {clips} {steps} steps of {batch}",
    )  # fmt: skip
    for step in done:
        framework.after_step()
        yield step


class _Clock:
    """Knows the step that is being taken, also after a training was resumed: the loop asks for its rate first."""

    def __init__(self, rate_at: object) -> None:
        self.step, self._rate_at = 0, rate_at

    def rate(self, step: int) -> float:
        self.step = step
        return max(1e-3, self._rate_at(step))  # type: ignore[operator]


def _order(n: int, source: torch.Generator, epoch: int) -> Tensor:
    """The order of the videos in a pass, the same at each of its steps and in every process that shares the seed."""
    own = torch.Generator().manual_seed((source.initial_seed() + 7919 * epoch) % 2**63)
    return torch.randperm(n, generator=own)
