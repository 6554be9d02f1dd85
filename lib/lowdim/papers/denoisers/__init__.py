"""Chapter 00, the primer: denoisers, Tweedie's formulas, exact models, samplers and the dictionary of clocks."""

from __future__ import annotations

from collections.abc import Callable

from lowdim.papers.denoisers import identities, learning, paths, pictures, sets
from lowdim.papers.denoisers.figures import FIGURES, FILMS
from lowdim.papers.denoisers.settings import PROFILES, Settings
from lowdim.record import Record

EXPERIMENTS: dict[str, Callable[..., Record]] = {
    "fields": pictures.fields,
    "identities": identities.identities,
    "ellipses": pictures.ellipses,
    "error-curves": identities.error_curves,
    "flow": pictures.flow,
    "trajectories": pictures.trajectories,
    "sampler-order": paths.sampler_order,
    "inversion": paths.inversion,
    "memorisation": sets.memorisation,
    "measured": sets.measured,
    "measurement": pictures.measurement,
    "learning": learning.learning,
    "digits": sets.digits,
    "dictionary": paths.dictionary,
}
WEIGHTS: tuple[str, ...] = ()

__all__ = ["EXPERIMENTS", "FIGURES", "FILMS", "PROFILES", "WEIGHTS", "Settings"]
