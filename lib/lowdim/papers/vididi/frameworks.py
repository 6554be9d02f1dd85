r"""Three ways to teach an encoder that two views belong together, behind one signature.

``framework(view1, view2)`` is the loss of a batch, and ``framework.after_step()`` follows each step of the optimiser.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, mse_loss, normalize, relu

from lowdim.training.contrastive import contrastive_loss
from lowdim.training.ema import EMA


def simclr_loss(z1: Tensor, z2: Tensor, tau: float = 0.1) -> Tensor:
    r"""InfoNCE between views: the other view of the same video against those of the other videos,
    :math:`\ell(M)` of :func:`lowdim.training.contrastive.contrastive_loss` with cosines over :math:`\tau` as logits.

    Embeddings (B, D); negatives are the other view's alone. The authors sum both directions, this is their mean.
    """
    return contrastive_loss(normalize(z1, dim=-1) @ normalize(z2, dim=-1).T / tau)


def vicreg_loss(z1: Tensor, z2: Tensor, variance: float = 1.0, covariance: float = 0.04) -> Tensor:
    r"""Invariance, variance and covariance (Bardes et al. 2022) with weights 25 : 25 : 1 over 25:

    :math:`\frac1{BD}\|z^1-z^2\|^2+\frac{\mu}{2}\sum_v\frac1D\sum_j(1-\sqrt{\Var z^v_j+10^{-4}})_+
    +\nu\sum_v\frac1D\sum_{i\ne j}\Cov(z^v)_{ij}^2`.
    """
    loss = mse_loss(z1, z2)
    for z in (z1, z2):
        centred = z - z.mean(0)
        products = centred.T @ centred / (len(z) - 1)
        loss = loss + 0.5 * variance * relu(1 - (products.diagonal() + 1e-4).sqrt()).mean()
        others = products.square().sum() - products.diagonal().square().sum()
        loss = loss + covariance * others / z.shape[1]
    return loss


def perceptron(inputs: int, hidden: int, outputs: int, layers: int) -> nn.Sequential:
    """Linear layers with batch normalisation and rectifiers between them, none after the last."""
    parts: list[nn.Module] = []
    for _ in range(layers - 1):
        parts += [nn.Linear(inputs, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU()]
        inputs = hidden
    return nn.Sequential(*parts, nn.Linear(inputs, outputs))


class Framework(nn.Module):
    """An encoder, a projector that is thrown away after training, and a loss of two batches of embeddings.

    ``encoder`` tells the length of its features as ``encoder.outputs``; ``ValueError`` where it does not.
    """

    def __init__(self, encoder: nn.Module, hidden: int = 128, outputs: int = 128) -> None:
        super().__init__()
        if not hasattr(encoder, "outputs"):
            raise ValueError(
                f"encoder: {type(encoder).__name__} has no `outputs`; set encoder.outputs to the length D "
                "of its features (B, D)"
            )
        self.encoder = encoder
        self.projector = perceptron(cast(int, encoder.outputs), hidden, outputs, self.layers)

    layers = 3

    def compare(self, z1: Tensor, z2: Tensor) -> Tensor:
        """The loss of embeddings (B, D)."""
        raise NotImplementedError

    def forward(self, view1: Tensor, view2: Tensor) -> Tensor:
        """The loss of two views (B, C, T, H, W).

        Each passes through the encoder on its own, so that batch normalisation never mixes orders of differentiation.
        """
        z1, z2 = (self.projector(self.encoder(view)) for view in (view1, view2))
        with torch.autocast(z1.device.type, enabled=False):
            return self.compare(z1.float(), z2.float())

    def after_step(self) -> None:
        """What follows a step of the optimiser: nothing here."""


class SimCLR(Framework):
    """SimCLR (Chen et al. 2020) with negatives from the other view."""

    def compare(self, z1: Tensor, z2: Tensor) -> Tensor:
        """See :func:`simclr_loss`."""
        return simclr_loss(z1, z2)


class VICReg(Framework):
    """VICReg (Bardes et al. 2022)."""

    def compare(self, z1: Tensor, z2: Tensor) -> Tensor:
        """See :func:`vicreg_loss`."""
        return vicreg_loss(z1, z2)


class BYOL(Framework):
    r"""BYOL (Grill et al. 2020): a predictor of the projection that a slowly moving copy makes of the other view.

    The loss is :math:`2-2\cos` of prediction and target, the mean over both directions. The copy follows with decay
    ``decay`` and uses the statistics of its own batches.
    """

    layers = 2

    def __init__(self, encoder: nn.Module, hidden: int = 128, outputs: int = 128, decay: float = 0.99) -> None:
        super().__init__(encoder, hidden, outputs)
        self._ema = EMA(nn.Sequential(self.encoder, self.projector), decay)
        self.target = self._ema.module
        self.predictor = perceptron(outputs, hidden, outputs, 2)

    def compare(self, z1: Tensor, z2: Tensor) -> Tensor:
        """The distance of predictions ``z1`` from targets ``z2``."""
        return (2 - 2 * cosine_similarity(z1, z2, dim=-1)).mean()

    def forward(self, view1: Tensor, view2: Tensor) -> Tensor:
        """The loss of two views (B, C, T, H, W)."""
        with torch.no_grad():
            targets = [self.target(view).float() for view in (view1, view2)]
        guesses = [self.predictor(self.projector(self.encoder(view))).float() for view in (view1, view2)]
        return 0.5 * (self.compare(guesses[0], targets[1]) + self.compare(guesses[1], targets[0]))

    def after_step(self) -> None:
        """Move the copy."""
        self._ema.update(nn.Sequential(self.encoder, self.projector))


FRAMEWORKS: dict[str, type[Framework]] = {"simclr": SimCLR, "vicreg": VICReg, "byol": BYOL}
