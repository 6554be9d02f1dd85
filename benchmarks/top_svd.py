"""Leading singular vectors of a network's Jacobian by products, against forming the matrix."""

from __future__ import annotations

import time

import torch

from lowdim.data.faces import sample_faces
from lowdim.denoising.jacobian import full_jacobian, top_k_svd
from lowdim.denoising.weights import load_model

NAME = "top singular vectors"
DESCRIPTION = "five leading singular triplets of a denoiser's Jacobian: products against the full matrix"
SIGMA = 0.6


def compare(model: str = "faces-16-4096", k: int = 5) -> tuple[float, float]:
    """Ratios, matrix over products: of seconds (the matrix without its decomposition), and of passes.

    Seconds of this process and its one thread: what others do in between does not count.
    """
    net = load_model(model)
    generator = torch.Generator().manual_seed(0)
    image = sample_faces(1, generator, net.network.config.sample_size).images
    x = image + SIGMA * torch.randn(image.shape, generator=generator)
    top_k_svd(net, x, SIGMA, k, generator, max_iter=1)
    start = time.process_time()
    found = top_k_svd(net, x, SIGMA, k, generator, tol=0.01)
    middle = time.process_time()
    full_jacobian(net, x, SIGMA)
    return (time.process_time() - middle) / (middle - start), x.numel() / found.evaluations


def run() -> dict[str, dict[str, float | str]]:
    answer: dict[str, dict[str, float | str]] = {}
    for model, asked in (("faces-16-4096", {}), ("faces-32", {"at_least": 10.0})):
        for what, value in zip(("seconds", "passes"), compare(model), strict=True):
            answer[f"matrix / products, {what}, {model}"] = {"value": value, "unit": "ratio", **asked}
    return answer
