"""Chapter 04: explaining and mitigating the modality gap in contrastive multimodal learning (Yaras et al., CPAL 2025)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lowdim.record import Plot, Record


def _unwritten(name: str, *arguments: object, **parameters: object) -> Record:
    raise NotImplementedError(f"{name} is being written")


EXPERIMENTS: dict[str, Callable[..., Record]] = {
    name: partial(_unwritten, name)
    for name in (
        "parallel",
        "invariant",
        "rates",
        "bound",
        "mismatch",
        "sphere",
        "latent-start",
        "latent-temperature",
        "latent-mitigation",
        "tables",
        "faces-temperature",
        "faces-mitigation",
        "faces-mismatch",
    )
}
_OF = {
    "effective-scale": "parallel",
    "one-curve": "invariant",
    "slow-law": "rates",
    "parametrisations": "rates",
    "best-temperature": "rates",
    "lower-bound": "bound",
    "mismatch-limit": "mismatch",
    "sphere-gap": "sphere",
    "sphere-temperature": "sphere",
    "first-steps": "latent-start",
    "temperature-gap": "latent-temperature",
    "retrieval-window": "latent-temperature",
    "uniformity-probe": "latent-temperature",
    "mitigations": "latent-mitigation",
    "paper-tables": "tables",
    "faces-pairs": "faces-temperature",
    "faces-clouds": "faces-temperature",
    "faces-gap": "faces-temperature",
    "faces-diagnostics": "faces-temperature",
    "faces-mitigations": "faces-mitigation",
    "faces-mismatch": "faces-mismatch",
}
FIGURES: dict[str, Plot] = {
    id: Plot(experiment, partial(_unwritten, id), "Being drawn.", "") for id, experiment in _OF.items()
}
FILM_IDS = ("sphere",)
WEIGHTS: tuple[str, ...] = ()
