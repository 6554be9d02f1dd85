"""Small classifiers of digits and photographs: a perceptron to compress, a transformer to train from scratch."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

from lowdim.data.digits import load_digits
from lowdim.data.images import load_images
from lowdim.training.loop import train, warm_up_then_cosine

MakeLinear = Callable[[int, int], nn.Module]
BATCH = 100


class Split(NamedTuple):
    """Images (N, C, S, S) and labels (N,), to train on and to test on."""

    images: Tensor
    labels: Tensor
    test_images: Tensor
    test_labels: Tensor


def split_digits(generator: torch.Generator, count: int = 1000) -> Split:
    """All 1797 digits in a random order, the first ``count`` for training."""
    digits = load_digits("all")
    order = torch.randperm(len(digits.images), generator=generator)
    images, labels = digits.images[order], digits.labels[order]
    return Split(images[:count], labels[:count], images[count:], labels[count:])


def photographs(count: int) -> Split:
    """The first ``count`` training images of CIFAR-10 and 5000 test images."""
    seen, new = load_images("cifar10", "train", count), load_images("cifar10", "test", 5000)
    assert seen.labels is not None
    assert new.labels is not None
    return Split(seen.images, seen.labels, new.images, new.labels)


def perceptron(generator: torch.Generator, width: int = 256) -> nn.Sequential:
    """64, 256, 256 and 10 units with rectifiers between them."""
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10)
    )
    for module in model:
        if isinstance(module, nn.Linear):
            bound = module.in_features**-0.5
            for parameter in module.parameters():
                nn.init.uniform_(parameter, -bound, bound, generator=generator)
    return model


class Block(nn.Module):
    """Attention and a perceptron, each after a normalisation and around a residual connection."""

    def __init__(self, width: int, heads: int, linear: MakeLinear) -> None:
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = linear(width, 3 * width), linear(width, width)
        self.fc1, self.fc2 = linear(width, 4 * width), linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """``x`` (B, T, width) to the same shape."""
        q, k, v = self.qkv(self.first(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x = x + self.proj(scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return x + self.fc2(nn.functional.gelu(self.fc1(self.second(x))))


class Transformer(nn.Module):
    """A vision transformer over patches, with the mean of its tokens for a summary; ``linear`` makes its layers."""

    def __init__(
        self, channels: int, side: int, patch: int, linear: MakeLinear, *,
        width: int = 64, depth: int = 2, heads: int = 4,
    ) -> None:  # fmt: skip
        super().__init__()
        self.embed = nn.Conv2d(channels, width, patch, patch)
        self.places = nn.Parameter(0.02 * torch.randn((side // patch) ** 2, width))
        self.blocks = nn.ModuleList(Block(width, heads, linear) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Images (B, C, S, S) to logits (B, 10)."""
        tokens = self.embed(x).flatten(2).transpose(1, 2) + self.places
        for block in self.blocks:
            tokens = block(tokens)
        return self.head(self.norm(tokens).mean(1))


def fit(model: nn.Module, split: Split, steps: int, rate: float, generator: torch.Generator) -> nn.Module:
    """Train with Adam and a cosine on random batches; the model itself."""

    def loss(net: nn.Module, dice: torch.Generator) -> Tensor:
        chosen = torch.randint(len(split.images), (BATCH,), generator=dice, device=dice.device)
        return cross_entropy(net(split.images[chosen]), split.labels[chosen])

    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.05)
    schedule = warm_up_then_cosine(steps, min(50, steps // 10))
    for _ in train(model, loss, optimizer, steps, generator=generator, schedule=schedule, clip=1.0):
        pass
    return model.eval()


def accuracy(model: nn.Module, split: Split) -> float:
    """Per cent of the test images that get their label."""
    with torch.no_grad():
        found = torch.cat([model(part).argmax(1) for part in split.test_images.split(500)])
    return 100 * float((found == split.test_labels).float().mean())
