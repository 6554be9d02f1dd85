"""A chapter while it runs: it runs the experiments, judges the claims, saves the figures and writes the result."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lowdim.companion import figures, films, results, verdicts
from lowdim.companion.catalogue import ChapterInfo, find, find_root, load_module, run_folder
from lowdim.companion.claims import ChapterClaims, Claim, Judgement, judge, load_claims
from lowdim.profile import check_device, check_profile, check_seed
from lowdim.record import Film, Plot, Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Chapter:
    """One run of a chapter.

    ``number`` is the chapter's number or name; an unknown value of any argument raises a ``ValueError`` naming the
    choices. In the ``smoke`` and ``quick`` profiles on a CPU, PyTorch is set to one thread, so that numbers repeat.
    """

    def __init__(self, number: str | int, *, profile: str = "quick", seed: int = 0, device: str = "cpu") -> None:
        self._started = time.perf_counter()
        self.info: ChapterInfo = find(number)
        self.profile = check_profile(profile)
        self.seed = check_seed(seed)
        self.device = str(check_device(device))
        self.root: Path | None = find_root()
        self.folder: Path = run_folder(profile, self.root)
        self.claims: ChapterClaims = load_claims(self.info.number, self.root)
        self.records: dict[str, Record] = {}
        self.judgements: dict[str, Judgement] = {}
        self._module = load_module(self.info)
        self._parameters: dict[str, dict[str, Any]] = {}
        self._figures: dict[str, figures.SavedFigure] = {}
        if profile in ("smoke", "quick") and self.device == "cpu":
            torch.set_num_threads(1)
        if "IPython" in sys.modules:  # a notebook's own figures follow the book's style too
            _use_style()

    def run(self, name: str, **parameters: Any) -> Record:
        """Run the experiment ``name``, judge its claims and return its record.

        Running the same experiment again with the same parameters replaces the first run. Raises ``ValueError`` for an
        unknown experiment, for a claim that is unknown or belongs to another experiment, and for a claim or number that
        another run has measured already.
        """
        experiment = self._choose("experiment", name, self._module.EXPERIMENTS)
        if self._parameters.get(name) == parameters:
            self._forget(name)
        record = experiment(self.profile, self.seed, self.device, **parameters)
        self._check_record(name, record)
        for claim_id, value in record.claims.items():
            self.judgements[claim_id] = judge(self.claims[claim_id], value, self.profile)
        self._parameters[name] = parameters
        self.records[name] = record
        return record

    def plot(self, id: str) -> None:
        """Draw the chapter's figure ``id`` from the record of its experiment, save it and show it.

        Raises ``ValueError`` for an unknown figure, and when its experiment has not run yet.
        """
        plot: Plot = self._choose("figure", id, self._module.FIGURES)
        self.figure(plot.draw(self._drawn_from("figure", id, plot)), id=id, caption=plot.caption, alt=plot.alt)

    def film(self, id: str) -> None:
        """Render the chapter's film ``id`` from the record of its experiment, save it and show its poster.

        On the page the poster becomes a player with a button and a slider. In ``smoke`` only the first
        :data:`~lowdim.companion.films.SMOKE_FRAMES` frames are rendered. Raises ``ValueError`` for an unknown film, one
        named like a figure, and when its experiment has not run yet.
        """
        film: Film = self._choose("film", id, self._films)
        if id in self._module.FIGURES:
            raise ValueError(f"film: {id!r} is a figure of chapter {self.info.number} too; give each an id of its own")
        record = self._drawn_from("film", id, film)
        figures.check_figure(id, film.caption, film.alt)
        reel = films.shoot(film.frames(record), films.SMOKE_FRAMES if self.profile == "smoke" else None)
        saved = films.save_film(reel, f"{self.info.number}-{id}", film.seconds, self.folder)
        self._put(films.poster(reel), id, film.caption, film.alt, saved)

    def draw(self) -> None:
        """Draw every figure and film of the chapter whose experiment has run."""
        for id, plot in self._module.FIGURES.items():
            if plot.experiment in self.records:
                self.plot(id)
        for id, film in self._films.items():
            if film.experiment in self.records:
                self.film(id)

    def drawn(self) -> dict[str, dict[str, Any]]:
        """The figures and films saved so far, id -> its entry in the result."""
        return {id: self._figures[id].entry() for id in sorted(self._figures)}

    def figure(self, fig: Figure, *, id: str, caption: str, alt: str) -> None:
        """Save any Matplotlib figure as figure ``id`` of this chapter and show it.

        The vector file goes into the run folder, a PNG into the cell. ``caption`` may hold Markdown and ``$math$``;
        ``alt`` describes the figure for readers who do not see it.
        """
        figures.check_figure(id, caption, alt)
        self._put(fig, id, caption, alt)

    def _put(self, fig: Figure, id: str, caption: str, alt: str, film: films.SavedFilm | None = None) -> None:
        label = f"{self.info.number}-{id}"
        self._figures[id] = figures.save_figure(fig, label, caption, alt, self.folder, film)
        if figures.in_notebook():
            figures.show(figures.mime_bundle(fig, label, caption, alt, film))
        figures.close(fig)

    def verdicts(self) -> None:
        """Show the claims that this run has measured, with their verdicts."""
        rows = [(claim, self.judgements[claim.id]) for claim in self.claims if claim.id in self.judgements]
        figures.show({"text/html": verdicts.run_verdicts_html(rows), "text/plain": verdicts.run_verdicts_text(rows)})

    def finish(self, *, partial: bool = False) -> None:
        """Write the result of this run as ``NN-name.json`` in the run folder; in study and full, its arrays beside it.

        Raises ``ValueError`` naming the claims that this profile decides and that no experiment has measured, unless
        ``partial``.
        """
        missing = [] if partial else self._unmeasured()
        if missing:
            what = ", ".join(f"{claim.id} (experiment {claim.experiment!r})" for claim in missing)
            raise ValueError(f"the {self.profile} profile decides claims that were not measured: {what}")
        results.write_result(results.result_path(self.info, self.folder), self._result())

    def _result(self) -> dict[str, Any]:
        from lowdim.companion import provenance

        out_of_reach = {claim.id: judge(claim, None, self.profile) for claim in self.claims if claim.out_of_reach}
        numbers = {name: number for record in self.records.values() for name, number in record.numbers.items()}
        result = {
            "chapter": self.info.number,
            "profile": self.profile,
            "seed": self.seed,
            "device": _device_name(self.device),
            "wall_seconds": round(time.perf_counter() - self._started, 3),
            "peak_memory_bytes": peak_memory(),
            "claims": results.claims_section(out_of_reach | self.judgements),
            "numbers": results.numbers_section(numbers),
            "figures": self.drawn(),
            "versions": provenance.versions(),
            "hashes": _hashes(self.info, self.root, self.records),
            "commit": provenance.commit_label(self.root) if self.root else None,
            "recorded": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        tables = {name: table for record in self.records.values() for name, table in record.tables.items()}
        if tables:
            result["tables"] = results.tables_section(tables)
        arrays = self._arrays() if self.profile in ("study", "full") else {}
        if arrays:
            result["arrays"] = results.write_arrays(self.folder / f"{self.info.stem}.npz", arrays)
        return result

    def _arrays(self) -> dict[str, Any]:
        return {f"{name}.{key}": value for name, record in self.records.items() for key, value in record.arrays.items()}

    def _unmeasured(self) -> list[Claim]:
        return [claim for claim in self.claims.decided_by(self.profile) if claim.id not in self.judgements]

    def _choose(self, kind: str, name: str, table: Mapping[str, Any]) -> Any:
        if name not in table:
            choices = ", ".join(table) or "none"
            raise ValueError(f"{kind}: {name!r} is unknown in chapter {self.info.number}; choose one of {choices}")
        return table[name]

    @property
    def _films(self) -> Mapping[str, Film]:
        return getattr(self._module, "FILMS", {})

    def _drawn_from(self, kind: str, id: str, picture: Plot | Film) -> Record:
        """The record that ``picture`` is drawn from; the style is set."""
        record = self.records.get(picture.experiment)
        if record is None:
            first = f"call run({picture.experiment!r}) first"
            raise ValueError(f"{kind} {id!r} is drawn from {picture.experiment!r}; {first}")
        _use_style()
        return record

    def _forget(self, name: str) -> None:
        for claim_id in self.records.pop(name).claims:
            del self.judgements[claim_id]

    def _check_record(self, name: str, record: Record) -> None:
        for claim_id in record.claims:
            if claim_id not in self.claims:
                known = ", ".join(claim.id for claim in self.claims) or "none"
                raise ValueError(f"experiment {name!r} measures claim {claim_id!r}, which has no entry; known: {known}")
            owner = self.claims[claim_id].experiment
            if owner != name:
                raise ValueError(f"experiment {name!r} measures claim {claim_id!r}, which belongs to {owner!r}")
        for other, earlier in self.records.items():
            twice = (record.claims.keys() & earlier.claims.keys()) | (record.numbers.keys() & earlier.numbers.keys())
            if twice:
                raise ValueError(f"{', '.join(sorted(twice))}: measured by {other!r} already, and again by {name!r}")


def run_chapter(
    number: str | int,
    profile: str = "quick",
    seed: int = 0,
    device: str = "cpu",
    *,
    experiments: Sequence[str] | None = None,
    draw: bool = True,
) -> dict[str, Any]:
    """Run a chapter without its notebook and return its result: every experiment (or those named) in order, then their
    figures and films unless ``draw`` is false.
    """
    chapter = Chapter(number, profile=profile, seed=seed, device=device)
    module = load_module(chapter.info)
    for name in module.EXPERIMENTS if experiments is None else experiments:
        chapter.run(name)
    if draw:
        chapter.draw()
    chapter.finish(partial=experiments is not None)
    return results.read_result(results.result_path(chapter.info, chapter.folder))


def peak_memory() -> int:
    """The largest resident memory of this process so far, in bytes."""
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024


def _hashes(info: ChapterInfo, root: Path | None, experiments: Iterable[str]) -> dict[str, str]:
    """The hashes that decide the run, among them those of the code of each experiment that ran."""
    from lowdim.companion import provenance

    if root is None:
        return {}
    measuring = provenance.measuring_hashes(info, root)
    ran = (f"{provenance.EXPERIMENT}{name}" for name in experiments)
    return provenance.chapter_hashes(info, root) | {name: measuring[name] for name in ran}


def _device_name(device: str) -> str:
    """The device as results name it: ``cpu``, or the accelerator's model."""
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.startswith("cuda") else device


def _use_style() -> None:
    from lowdim.style import use_style

    use_style()
