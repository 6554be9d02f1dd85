"""The fixed features in which images are compared: the last layer but one of a small classifier, trained on real data.

A Fréchet distance in these features is not FID; numbers of different classifiers cannot be compared.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lowdim.seeding import make_generator
from lowdim.training.loop import train, warm_up_then_cosine


class Classifier(nn.Module):
    """Convolutions with batch norm, ReLU and halving of the size, one for each of ``channels``; mean over pixels; a
    linear layer. A norm taken image by image would hide a loss of contrast.
    """

    def __init__(self, in_channels: int, channels: tuple[int, ...], classes: int = 10) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((in_channels, *channels), channels, strict=False):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.AvgPool2d(2)]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(channels[-1], classes)

    def features(self, x: Tensor) -> Tensor:
        """Features (B, channels[-1]) of images (B, C, size, size)."""
        return self.body(x).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Class scores (B, classes)."""
        return self.head(self.features(x))


def train_classifier(images: Tensor, labels: Tensor, channels: tuple[int, ...], steps: int) -> Classifier:
    """A classifier of ``images`` (N, C, size, size); the same for every seed, so that its features are fixed."""
    generator = make_generator(0, "model-collapse", "features", device=images.device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Classifier(images.shape[1], channels).to(images.device)

    def step(model: nn.Module, generator: torch.Generator) -> Tensor:
        rows = torch.randint(len(images), (128,), generator=generator, device=generator.device)
        return nn.functional.cross_entropy(model(images[rows]), labels[rows])

    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in train(model, step, optimizer, steps, generator=generator, schedule=warm_up_then_cosine(steps + 1, 20)):
        pass
    return model.eval().requires_grad_(False)


@torch.no_grad()
def describe(model: Classifier, images: Tensor, chunk: int = 1000) -> Tensor:
    """Features (N, d) of images (N, C, size, size), on the CPU."""
    return torch.cat([model.features(part).float().cpu() for part in images.split(chunk)])


@torch.no_grad()
def accuracy(model: Classifier, images: Tensor, labels: Tensor, chunk: int = 1000) -> float:
    """Share of images in the right class."""
    found = torch.cat([model(part).argmax(1) for part in images.split(chunk)])
    return float((found == labels).double().mean())
