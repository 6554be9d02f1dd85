"""Faces for this chapter, at 16 x 16 pixels, and the Gaussian model of any set of images."""

from __future__ import annotations

from torch import Tensor

from lowdim.data.faces import sample_faces
from lowdim.distributions import Gaussian
from lowdim.seeding import make_generator

SIZE = 16


def face_images(count: int, seed: int, name: str) -> Tensor:
    """``count`` new faces ``(count, 3, 16, 16)``, a stream of their own for each seed and name."""
    return sample_faces(count, make_generator(seed, "hidden-gaussian", "faces", name), SIZE).images


def gaussian_of(images: Tensor) -> Gaussian:
    """The Gaussian with mean and covariance of ``images (N, *shape)``, float64.

    From the images themselves where they are fewer than dimensions, else from the covariance matrix, which is faster.
    """
    x = images.double()
    flat = x.flatten(1)
    if flat.shape[0] <= flat.shape[1]:
        return Gaussian.from_samples(x)
    mean = flat.mean(0)
    covariance = (flat - mean).T @ (flat - mean) / flat.shape[0]
    return Gaussian.from_covariance(mean.reshape(x.shape[1:]), 0.5 * (covariance + covariance.T))
