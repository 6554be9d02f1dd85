"""The recorded quick results against a fresh run of the same sources: what changed, beyond each number's tolerance."""

import pytest

from lowdim.companion import results, timing
from lowdim.companion.catalogue import load_module
from lowdim.companion.promote import stale_parts
from lowdim.companion.provenance import file_digest
from notebooks.chapters import CHAPTERS, ROOT, RUN, stem

pytestmark = pytest.mark.skipif(not RUN.is_dir(), reason="needs a run: lowdim run --all")


@pytest.fixture(params=CHAPTERS, ids=stem)
def info(request):
    return request.param


def recorded(info):
    found = results.load_recorded(info, "quick", ROOT)
    assert found is not None, "nothing recorded: run `lowdim run` and `lowdim record`"
    return found


def test_the_recorded_result_belongs_to_these_sources(info):
    assert stale_parts(recorded(info), info, ROOT) == [], "run the chapter and `lowdim record`"


def test_a_fresh_run_finds_the_recorded_verdicts_and_numbers(info):
    fresh = results.read_result(results.result_path(info, RUN))
    assert stale_parts(fresh, info, ROOT) == [], "run the chapter again"
    drifts = results.compare(recorded(info), fresh)
    assert not drifts, "\n".join(drift.message for drift in drifts)


def test_recorded_figures_are_those_of_the_result(info):
    folder = ROOT / "book" / "results" / "quick"
    files = {entry["file"]: entry["sha256"] for entry in results.files(recorded(info))}
    for name, digest in files.items():
        assert file_digest(folder / name) == digest, f"{name}: run `lowdim record`"
    assert {f"figures/{path.name}" for path in (folder / "figures").glob(f"{info.number}-*")} == set(files)


@pytest.mark.parametrize("profile", ["study", "full"])
def test_slow_figures_say_what_the_chapter_says_today(info, profile):
    """Their hash leaves drawing code out, so words are compared; pixels may differ between processors."""
    result = results.load_recorded(info, profile, ROOT)
    module = load_module(info)
    today = {**module.FIGURES, **getattr(module, "FILMS", {})}
    for id, entry in (result["figures"] if result else {}).items():
        assert id in today, f"{id} is no figure any more: run `lowdim redraw {info.number}`"
        assert (entry["caption"], entry["alt"]) == (today[id].caption, today[id].alt), (
            f"{id}: run `lowdim redraw {info.number}`"
        )


def test_the_chapter_costs_at_most_twice_its_budget(info):
    facts = timing.read(RUN)[info.stem]
    words, twice = timing.beyond("quick", facts["seconds"], facts["peak_memory_bytes"])
    assert not twice, words
