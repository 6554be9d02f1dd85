"""Chapter 01: diffusion models learn low-dimensional distributions by subspace clustering (Wang et al., arXiv
2409.02426).
"""

from __future__ import annotations

from collections.abc import Callable

from lowdim.papers.subspace_clustering.clusters import angles, identifiability, many_subspaces
from lowdim.papers.subspace_clustering.exact import closed_form, gap, jacobian_rank, toy
from lowdim.papers.subspace_clustering.figures import FIGURES
from lowdim.papers.subspace_clustering.learning import trained_clusters, trained_network
from lowdim.papers.subspace_clustering.memorise import memorise, network_rank
from lowdim.papers.subspace_clustering.photographs import images_few, images_many
from lowdim.papers.subspace_clustering.pictures import digits, digits_network, disc_network, discs
from lowdim.papers.subspace_clustering.recovery import one_subspace
from lowdim.papers.subspace_clustering.settings import PROFILES, Settings
from lowdim.record import Record

EXPERIMENTS: dict[str, Callable[..., Record]] = {
    "toy": toy,
    "closed-form": closed_form,
    "jacobian-rank": jacobian_rank,
    "gap": gap,
    "one-subspace": one_subspace,
    "trained-network": trained_network,
    "many-subspaces": many_subspaces,
    "identifiability": identifiability,
    "trained-clusters": trained_clusters,
    "angles": angles,
    "network-rank": network_rank,
    "memorise": memorise,
    "discs": discs,
    "disc-network": disc_network,
    "digits": digits,
    "digits-network": digits_network,
    "images-few": images_few,
    "images-many": images_many,
}
WEIGHTS: tuple[str, ...] = ("digits",)

__all__ = ["EXPERIMENTS", "FIGURES", "PROFILES", "WEIGHTS", "Settings"]
