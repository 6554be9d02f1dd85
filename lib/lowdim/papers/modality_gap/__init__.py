"""Chapter 04: explaining and mitigating the modality gap in contrastive multimodal learning (Yaras et al., CPAL 2025).

For embeddings of your own::

    from lowdim.papers.modality_gap.gap import diagnose, mean_shift
    print(diagnose(images, texts, scale=1 / 0.07))        # gap, sampling floor, pressure, uniformity, recall, ...
    print(diagnose(*mean_shift(images, texts), scale=1 / 0.07))
"""

from __future__ import annotations

from collections.abc import Callable

from lowdim.papers.modality_gap.bound import bound
from lowdim.papers.modality_gap.dynamics import invariant, rates
from lowdim.papers.modality_gap.figures import FIGURES, FILMS
from lowdim.papers.modality_gap.pairs import mismatch, parallel
from lowdim.papers.modality_gap.portraits import faces_mismatch, faces_mitigation, faces_temperature
from lowdim.papers.modality_gap.settings import PROFILES, Settings
from lowdim.papers.modality_gap.sphere import sphere
from lowdim.papers.modality_gap.toys import latent_mitigation, latent_start, latent_temperature, tables
from lowdim.record import Record

EXPERIMENTS: dict[str, Callable[..., Record]] = {
    "parallel": parallel,
    "invariant": invariant,
    "rates": rates,
    "bound": bound,
    "mismatch": mismatch,
    "sphere": sphere,
    "latent-start": latent_start,
    "latent-temperature": latent_temperature,
    "latent-mitigation": latent_mitigation,
    "tables": tables,
    "faces-temperature": faces_temperature,
    "faces-mitigation": faces_mitigation,
    "faces-mismatch": faces_mismatch,
}
WEIGHTS: tuple[str, ...] = ()

__all__ = ["EXPERIMENTS", "FIGURES", "FILMS", "PROFILES", "WEIGHTS", "Settings"]
