"""The judge of faces: reads the attributes back from pictures, trained on freshly drawn, slightly noisy faces."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lowdim.data.faces import ATTRIBUTES, NAMES, attribute_bounds, render_faces, sample_attributes
from lowdim.metrics.face_attributes import JUDGE, AttributeRegressor, save_judge
from lowdim.model_store import Scores
from lowdim.profile import Profiles
from lowdim.recipes.recipe import Recipe, Training
from lowdim.training.loop import LossStep

LOW, HIGH = attribute_bounds()


@dataclass(frozen=True, kw_only=True)
class JudgeTraining(Training):
    """The settings of the judge's training: also the widths of its levels and the largest noise level it meets."""

    channels: tuple[int, ...]
    noise: float = 0.1
    bfloat16: bool = True


def build(settings: JudgeTraining) -> AttributeRegressor:
    """The untrained judge."""
    return AttributeRegressor(NAMES, LOW.tolist(), HIGH.tolist(), channels=settings.channels)


def loss(settings: JudgeTraining, device: torch.device) -> LossStep:
    """Mean squared error of the attributes, each measured in half-widths of its range, so that all weigh the same.

    The noise keeps the judge from resting on single pixel values, which samples of a network get slightly wrong.
    """

    def loss_step(model: nn.Module, generator: torch.Generator) -> Tensor:
        attributes = sample_attributes(settings.batch, generator)
        images = render_faces(attributes)
        level = settings.noise * torch.rand(settings.batch, 1, 1, 1, generator=generator)
        images = images + level * torch.randn(images.shape, generator=generator)
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.bfloat16):
            read = model(images.to(device))
        return ((read.float() - attributes.to(device)) / ((HIGH - LOW) / 2).to(device)).square().mean()

    return loss_step


def score(
    judge: AttributeRegressor, settings: JudgeTraining, generator: torch.Generator
) -> tuple[Scores, dict[str, bytes]]:
    """Root mean squared errors and shares of variance explained, for each attribute, on fresh clean faces."""
    attributes = sample_attributes(2000, generator)
    images = render_faces(attributes).to(next(judge.parameters()).device)
    with torch.no_grad():
        read = torch.cat([judge(part) for part in images.split(250)]).cpu()
    error = (read - attributes).square().mean(0)
    rows: list[dict[str, str | float]] = [
        {
            "attribute": attribute.name,
            "range": f"{attribute.low:g} to {attribute.high:g}{' ' * bool(attribute.unit)}{attribute.unit}",
            "root mean squared error": float(e.sqrt()),
            "variance explained": float(1 - e / variance),
        }
        for attribute, e, variance in zip(ATTRIBUTES, error, attributes.var(0), strict=True)
    ]
    return {"On 2000 fresh faces": rows}, {}


_SHIPPED = JudgeTraining(channels=(32, 48, 64), steps=3000, batch=64, warm_up=200, learning_rate=2e-3)
RECIPES = {
    JUDGE: Recipe(
        name=JUDGE,
        description="A judge that reads the attributes of a 32 x 32 cartoon face from its pixels.",
        data=f"cartoon faces drawn afresh for every batch, {len(ATTRIBUTES)} independent attributes",
        licence="weights: MIT; the faces are drawn by this package",
        profiles=Profiles(
            smoke=JudgeTraining(channels=(8, 8), steps=6, batch=4, warm_up=2, every=3, bfloat16=False),
            quick=_SHIPPED,
            study=_SHIPPED,
            full=_SHIPPED,
        ),
        build=build,
        loss=loss,
        score=score,
        save=save_judge,
        dtype=torch.float16,
        loader="lowdim.metrics.face_attributes.load_judge",
        use="judge(images), images (B, 3, 32, 32) in [-1, 1]; the attributes in their units",
    )
}
