"""A chapter that holds at seed 0 alone holds by accident: the cheapest one is run at another seed."""

import pytest

from lowdim.companion import results, timing
from lowdim.companion.execute import Job, run_chapters
from notebooks.chapters import CHAPTERS, ROOT, RUN

SEED = 1


@pytest.mark.skipif(not RUN.is_dir(), reason="needs a run: lowdim run --all")
def test_verdicts_hold_at_another_seed():
    costs = timing.read(RUN)
    info = min(CHAPTERS, key=lambda info: costs[info.stem]["seconds"])
    outcome = run_chapters([Job(info, seed=SEED)], ROOT)[0]
    assert outcome.state != "failed", outcome.failure
    other = results.read_result(results.result_path(info, RUN.with_name(outcome.job.run_name)))
    first = results.read_result(results.result_path(info, RUN))
    verdicts = [{name: claim["verdict"] for name, claim in result["claims"].items()} for result in (first, other)]
    assert verdicts[0] == verdicts[1]
