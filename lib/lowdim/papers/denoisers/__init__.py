"""Chapter 00, the primer: denoisers, Tweedie's formulas, exact models, samplers and the dictionary of clocks."""

from __future__ import annotations

from collections.abc import Callable

from lowdim.papers.denoisers.figures import FIGURES
from lowdim.papers.denoisers.identities import error_curves, identities
from lowdim.papers.denoisers.learning import learning
from lowdim.papers.denoisers.paths import dictionary, inversion, sampler_order
from lowdim.papers.denoisers.pictures import ellipses, fields, measurement, trajectories
from lowdim.papers.denoisers.sets import digits, measured, memorisation
from lowdim.papers.denoisers.settings import PROFILES, Settings
from lowdim.record import Record

EXPERIMENTS: dict[str, Callable[..., Record]] = {
    "fields": fields,
    "identities": identities,
    "ellipses": ellipses,
    "error-curves": error_curves,
    "trajectories": trajectories,
    "sampler-order": sampler_order,
    "inversion": inversion,
    "memorisation": memorisation,
    "measurement": measurement,
    "measured": measured,
    "learning": learning,
    "digits": digits,
    "dictionary": dictionary,
}
WEIGHTS: tuple[str, ...] = ()

__all__ = ["EXPERIMENTS", "FIGURES", "PROFILES", "WEIGHTS", "Settings"]
