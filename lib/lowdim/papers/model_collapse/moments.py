"""Linear flows: the velocity that ridge regression finds from the second moments of pairs, and the map it generates."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lowdim.denoising.velocities import Velocity, solve


class PairMoments(NamedTuple):
    """Second moments of pairs (noise x0, data x1): ``E x0 x0^T``, ``E x1 x0^T`` and ``E x1 x1^T``, each (d, d)."""

    noise: Tensor
    cross: Tensor
    data: Tensor

    def mix(self, other: PairMoments, ratio: float) -> PairMoments:
        """The moments when a fraction ``ratio`` of the pairs, chosen one by one, are ``other``'s."""
        return PairMoments(*((1 - ratio) * mine + ratio * theirs for mine, theirs in zip(self, other, strict=True)))

    def at(self, t: float) -> Tensor:
        """``Q_t = E x_t x_t^T`` of ``x_t = (1 - t) x0 + t x1``."""
        return (1 - t) ** 2 * self.noise + t * (1 - t) * (self.cross + self.cross.mT) + t**2 * self.data

    def velocity_cross(self, t: float) -> Tensor:
        """``E (x1 - x0) x_t^T``."""
        return t * self.data - (1 - t) * self.noise + (1 - t) * self.cross - t * self.cross.mT

    def data_cross(self, t: float) -> Tensor:
        """``E x1 x_t^T``."""
        return (1 - t) * self.cross + t * self.data


def independent_moments(data: Tensor) -> PairMoments:
    """Standard normal noise and independent data of second moment ``data``: the pairs of the first flow."""
    return PairMoments(torch.eye(len(data), dtype=data.dtype), torch.zeros_like(data), data)


def generated_moments(flow_map: Tensor) -> PairMoments:
    """Standard normal noise and the data that a linear flow makes of it."""
    return PairMoments(torch.eye(len(flow_map), dtype=flow_map.dtype), flow_map, flow_map @ flow_map.mT)


def reversed_moments(flow_map: Tensor, data: Tensor) -> PairMoments:
    """Real data of second moment ``data``, and the noise that a linear flow makes of them when run backwards."""
    back = torch.linalg.inv(flow_map)
    return PairMoments(back @ data @ back.mT, data @ back.mT, data)


def ridge_velocity(pairs: PairMoments, ridge: float) -> Velocity:
    r"""``v(x, t) = B_t x`` with :math:`B_t=E[(x_1-x_0)x_t^\top](Q_t+\lambda I)^{-1}`, all rows at one time."""

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        now = float(t[0])
        return x @ _regress(pairs.velocity_cross(now), pairs.at(now), ridge).mT

    return velocity


def ridge_denoiser_velocity(pairs: PairMoments, ridge: float) -> Velocity:
    r"""``v(x, t) = (D_t x - x) / (1 - t)`` with the ridge on the denoiser,
    :math:`D_t=E[x_1x_t^\top](Q_t+\lambda I)^{-1}`; ``t < 1``.
    """

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        now = float(t[0])
        return (x @ _regress(pairs.data_cross(now), pairs.at(now), ridge).mT - x) / (1 - now)

    return velocity


def linear_map(velocity: Velocity, d: int) -> Tensor:
    """The matrix (d, d) of the map that a linear velocity generates from t = 0 to 1, by an adaptive solver."""
    return solve(velocity, torch.eye(d, dtype=torch.float64), rtol=1e-6).mT


def _regress(cross: Tensor, moment: Tensor, ridge: float) -> Tensor:
    identity = torch.eye(len(moment), dtype=moment.dtype)
    return torch.linalg.solve(moment + ridge * identity, cross.mT).mT
