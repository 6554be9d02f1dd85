"""The clock of the CPU does not run while nothing is done; that of an accelerator does."""

import time

import pytest

from lowdim.metrics.clock import clock_for


@pytest.mark.parametrize(("device", "runs"), [("cpu", False), ("cuda", True), ("mps", True)])
def test_sleep_costs_only_by_the_wall(device, runs):
    clock = clock_for(device)
    before = clock()
    time.sleep(0.2)
    assert (clock() - before > 0.15) == runs
