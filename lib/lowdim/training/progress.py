"""A progress bar for loops that yield."""

from __future__ import annotations

from collections.abc import Iterator

from tqdm import tqdm

from lowdim.training.loop import TrainStep


def progress(steps: Iterator[TrainStep], total: int, name: str) -> Iterator[TrainStep]:
    """Pass the steps on and show a bar with the running loss; silent where standard error is no terminal."""
    smooth = None
    with tqdm(total=total, desc=name, unit="step", disable=None) as bar:
        for step in steps:
            smooth = step.loss if smooth is None else 0.98 * smooth + 0.02 * step.loss
            bar.update(step.step - bar.n)
            bar.set_postfix(loss=f"{smooth:.4g}", refresh=False)
            yield step
