"""Chapter 10: ViDiDi, video representations from temporal derivatives (Chen et al. 2024, arXiv 2409.02371).

For videos of your own::

    from lowdim.data.videos import load_folder
    from lowdim.papers.vididi.encoders import video_net
    from lowdim.papers.vididi.frameworks import VICReg
    from lowdim.papers.vididi.schedule import PairSchedule
    from lowdim.papers.vididi.train import pretrain

    videos = load_folder("clips", frames=48, side=128).videos
    for step in pretrain(VICReg(video_net("r3d_18")), videos, PairSchedule(), 400, generator):
        print(step.step, step.loss)
"""

from __future__ import annotations

from collections.abc import Callable

from lowdim.papers.vididi.exact import backgrounds, films, flicker, gains, schedule, series
from lowdim.papers.vididi.figures import FIGURES, FILMS
from lowdim.papers.vididi.learned import ablation, byol, jittered, r3d_byol, r3d_simclr, r3d_vicreg, simclr, vicreg
from lowdim.papers.vididi.linear import canonical_pairs
from lowdim.papers.vididi.pixels import neighbours
from lowdim.papers.vididi.settings import PROFILES, Settings
from lowdim.record import Record

EXPERIMENTS: dict[str, Callable[..., Record]] = {
    "films": films,
    "series": series,
    "gains": gains,
    "backgrounds": backgrounds,
    "flicker": flicker,
    "schedule": schedule,
    "neighbours": neighbours,
    "canonical": canonical_pairs,
    "vicreg": vicreg,
    "simclr": simclr,
    "byol": byol,
    "ablation": ablation,
    "jittered": jittered,
    "r3d-vicreg": r3d_vicreg,
    "r3d-simclr": r3d_simclr,
    "r3d-byol": r3d_byol,
}
WEIGHTS: tuple[str, ...] = ()

__all__ = ["EXPERIMENTS", "FIGURES", "FILMS", "PROFILES", "WEIGHTS", "Settings"]
