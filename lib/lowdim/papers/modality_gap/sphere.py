"""Experiment on free features on the sphere: six pairs flow under four rules of the temperature."""

from __future__ import annotations

import torch
from torch import Tensor

from lowdim.papers.modality_gap.flow import FeatureFlow, caps, feature_flow
from lowdim.papers.modality_gap.gap import margins, modality_gap
from lowdim.papers.modality_gap.settings import PROFILES
from lowdim.papers.modality_gap.temperature import Exponential, Fixed, Softplus, Temperature
from lowdim.papers.modality_gap.theory import scale_on_curve
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

TAU0 = 0.07
RULES = ("learned", "softplus", "fixed 0.07", "fixed 0.5")


def rule_named(name: str) -> Temperature:
    """One of the four rules, in float64."""
    made = {
        "learned": Exponential(TAU0),
        "softplus": Softplus(TAU0),
        "fixed 0.07": Fixed(TAU0),
        "fixed 0.5": Fixed(0.5),
    }
    return made[name].double()


def sphere(profile: str, seed: int, device: str) -> Record:
    """Gap, temperature and matching of six pairs on the sphere up to t = 10^5, from several starts, by rule."""
    check_device(device)
    settings = PROFILES[profile]
    generator = make_generator(seed, "modality-gap", "sphere")
    times = torch.cat([torch.zeros(1), torch.logspace(-3, 5, settings.sphere_times - 1)]).double()
    starts = zip(*(caps(6, 3, 0.7, generator) for _ in range(settings.sphere_starts)), strict=True)
    u, v = (torch.stack(features) for features in starts)
    flows = {name: feature_flow(u, v, rule_named(name), times) for name in RULES}
    gaps = {name: modality_gap(flow.u, flow.v).T for name, flow in flows.items()}  # (starts, T)
    tau = 1 / flows["learned"].beta.T
    hundred = int((times - 100).abs().argmin())
    freezing = gaps["learned"][:, -1] / gaps["learned"][:, hundred]
    on_curve = torch.stack([_gap_on_curve(*one, hundred) for one in zip(1 / tau, gaps["learned"], strict=True)])
    record = Record(
        claims={
            "04-M7a": float((tau.amax(1) / TAU0).median()),
            "04-M7b": float(freezing.min()),
            "04-M7c": float((tau[:, -1] / TAU0).max()),
            "04-M7d": float((freezing / (on_curve[:, -1] / on_curve[:, hundred])).min()),
            "04-M8a": float(gaps["fixed 0.07"][:, -1].max()),
            "04-M8b": float(gaps["softplus"][:, -1].max()),
            "04-M8c": float(gaps["fixed 0.5"][:, -1].max()),
        },
        arrays={"times": times, "tau": tau, "on_curve": on_curve, "rules": RULES, "hundred": hundred},
    )
    for name in RULES:
        record.arrays |= {f"gap-{name}": gaps[name].numpy(), f"matched-{name}": _matched(flows[name]).numpy()}
    _film_arrays(flows, record)
    return record


def _gap_on_curve(beta: Tensor, gap: Tensor, start: int) -> Tensor:
    r"""The gap :math:`2\gamma` (T,) that Lemma 3.1 gives for the measured scales, through the state at ``start``."""
    gamma = torch.logspace(-6, -1e-3, 4000, dtype=torch.float64)
    scales = scale_on_curve(Exponential(TAU0), float(beta[start]), float(gap[start]) / 2, gamma)
    place = torch.searchsorted(-scales, -beta).clamp(max=len(gamma) - 1)
    return 2 * gamma[place]


def _matched(flow: FeatureFlow) -> Tensor:
    """Share of matched pairs (starts, T)."""
    return (margins(flow.u @ flow.v.mT) > 0).double().mean(-1).T


def _film_arrays(flows: dict[str, FeatureFlow], record: Record) -> None:
    """The features of the first start for a film: learned temperature against a fixed one."""
    for name in ("learned", "fixed 0.07"):
        flow = flows[name]
        first = torch.stack([flow.u[:, 0], flow.v[:, 0]], 1)  # (T, 2, n, 3)
        record.arrays |= {f"features-{name}": first.float().numpy()}
        record.arrays[f"film-tau-{name}"] = (1 / flow.beta[:, 0]).numpy()
