"""What a method costs in seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch


def clock_for(device: str | torch.device) -> Callable[[], float]:
    """A clock (seconds, from any start) for work on ``device``: of this process on the CPU, where others may be at
    work too; by the wall on an accelerator, whose work no process is charged for. Fetch a result before it is read.
    """
    return time.process_time if torch.device(device).type == "cpu" else time.perf_counter
