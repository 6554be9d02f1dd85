"""Experiments on networks that differ in how many faces they have seen, and on one that has seen all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lowdim.data.faces import listed_faces, sample_faces
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.jacobian import top_k_svd
from lowdim.denoising.weights import load_model
from lowdim.distributions import Empirical, Gaussian
from lowdim.metrics.memorisation import THRESHOLD, nearest_ratio
from lowdim.papers.hidden_gaussian.nets import sample_from
from lowdim.papers.hidden_gaussian.pictures import SIZE, face_images, gaussian_of
from lowdim.papers.hidden_gaussian.scores import centred_cosine, noisy, root_mean_square
from lowdim.papers.hidden_gaussian.settings import PROFILES
from lowdim.papers.hidden_gaussian.theory import gaussian_flow, moment_cosine
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

NUMBERS = (4, 16, 64, 256, 1024, 4096)
"""Faces that the networks ``faces-16-N`` have seen."""
OTHERS = (16, 4096)
"""Those with a twin trained on as many other faces."""
SIGMAS = (0.15, 0.3, 0.6, 1.25, 2.5, 5.0)
JACOBIAN_SIGMAS = (20.0, 10.0, 5.0, 2.5, 1.2, 0.5, 0.2)
LEADING = 5
SHOWN = 10
START = 80.0
LARGE_MODEL = "faces-32"


def copies(samples: Tensor, training: Tensor) -> float:
    """Share of samples whose nearest training image is three times nearer than the second."""
    return float((nearest_ratio(samples, training) < THRESHOLD).double().mean())


def faces_size(profile: str, seed: int, device: str) -> Record:
    """Networks that have seen 4 to 4096 faces: samples from the same noise, copies, distances (claims G21)."""
    settings, where = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "hidden-gaussian", "faces-size")
    nets = [load_model(f"faces-16-{number}", device=where) for number in NUMBERS]
    others = [load_model(f"faces-16-{number}-other", device=where) for number in OTHERS]
    everything, other_faces = listed_faces(max(NUMBERS)), listed_faces(max(NUMBERS), other=True)
    sets = [everything[:number] for number in NUMBERS]
    noise = torch.randn(settings.face_samples, 3, SIZE, SIZE, generator=generator)
    samples = [sample_from(net, noise.to(where), START).cpu() for net in nets]
    twins = [sample_from(net, noise.to(where), START).cpu() for net in others]
    laws = [gaussian_of(images) for images in sets]
    to_gaussian, to_set, between = _distances(nets, sets, laws, settings.face_points, seed, generator)
    centre = everything.mean(0)
    pairs = [(samples[NUMBERS.index(number)], twin) for number, twin in zip(OTHERS, twins, strict=True)]
    agreement = np.array([float(centred_cosine(*pair, centre).mean()) for pair in pairs])
    shares = np.array([copies(x, images) for x, images in zip(samples, sets, strict=True)])
    held_out = [SIGMAS.index(sigma) for sigma in (0.3, 0.6, 1.25)]
    record = Record(
        claims={
            "02-G21a": shares[0],
            "02-G21b": shares[-1],
            "02-G21c": (to_gaussian[NUMBERS.index(16)] / to_gaussian[-1])[held_out].min(),
            "02-G21d": agreement[-1],
        },
        arrays={"numbers": np.array(NUMBERS), "others": np.array(OTHERS), "sigmas": np.array(SIGMAS)},
    )
    record.arrays |= {"to_gaussian": to_gaussian, "to_set": to_set, "between": between}
    record.arrays |= {"copies": shares, "agreement": agreement}
    closed = [
        moment_cosine(law, gaussian_of(other_faces[:number]), centre.double())
        for law, number in zip(laws, NUMBERS, strict=True)
    ]
    record.arrays["agreement_gaussian"] = np.array(closed)
    record.number("cosine-of-few", agreement[0], tolerance=0.1)
    _film(samples, twins[-1], sets, laws, noise, centre, record)
    return record


def _distances(
    nets: Sequence[Denoiser], sets: Sequence[Tensor], laws: Sequence[Gaussian], points: int, seed: int,
    generator: torch.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """RMSE on new faces from each network to both exact denoisers of its training set, and between the two:
    ``(networks, levels)``.
    """
    test = face_images(min(points, 128), seed, "held-out")
    found = np.zeros((3, len(nets), len(SIGMAS)))
    memories = [Empirical(images) for images in sets]
    for k, sigma in enumerate(SIGMAS):
        y = noisy(test, sigma, generator)
        for i, (net, memory, law) in enumerate(zip(nets, memories, laws, strict=True)):
            with torch.no_grad():
                denoised = net(y.to(next(net.parameters()).device), sigma).cpu()  # type: ignore[attr-defined]
            gaussian, remembered = law(y, sigma), memory(y, sigma)
            triples = ((denoised, gaussian), (denoised, remembered), (gaussian, remembered))
            found[:, i, k] = [float(root_mean_square(u, v).mean()) for u, v in triples]
    return found[0], found[1], found[2]


def _film(
    samples: Sequence[Tensor], twin: Tensor, sets: Sequence[Tensor], laws: Sequence[Gaussian], noise: Tensor,
    centre: Tensor, record: Record,
) -> None:  # fmt: skip
    """Pictures: samples over the size of the training set, their nearest training faces, Gaussian samples."""
    nearest = [
        images[torch.cdist(x[:SHOWN].flatten(1), images.flatten(1)).argmin(1)]
        for x, images in zip(samples, sets, strict=True)
    ]
    gaussian = [gaussian_flow(law, START * noise.double(), START, 0.002).float() for law in laws]
    cosines = [float(centred_cosine(x, g, centre).mean()) for x, g in zip(samples, gaussian, strict=True)]
    record.arrays |= {
        "samples": torch.stack([x[:SHOWN] for x in samples]).numpy(),
        "nearest": torch.stack(nearest).numpy(),
        "gaussian": torch.stack([x[:SHOWN] for x in gaussian]).numpy(),
        "twin": twin[:SHOWN].numpy(),
        "to_own_gaussian": np.array(cosines),
    }


def faces_noise(profile: str, seed: int, device: str) -> Record:
    """Samples of the shipped face network and of the Gaussian of its data, from the same noise (claim G22)."""
    settings, where = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "hidden-gaussian", "faces-noise")
    net = load_model(LARGE_MODEL, device=where)
    faces = sample_faces(settings.large_faces, generator).images
    law = Gaussian.from_samples(faces)
    noise = torch.randn(settings.large_samples, *faces.shape[1:], generator=generator)
    samples = sample_from(net, noise.to(where), START).cpu()
    gaussian = gaussian_flow(law, START * noise, START, 0.002)
    paired = centred_cosine(samples, gaussian, faces.mean(0))
    mixed = centred_cosine(samples, gaussian.roll(1, 0), faces.mean(0))
    record = Record(
        claims={"02-G22": float(paired.mean())},
        arrays={"samples": samples[:SHOWN].numpy(), "gaussian": gaussian[:SHOWN].numpy(), "cosines": paired.numpy()},
    )
    record.number("cosine-from-other-noise", float(mixed.mean()), tolerance=0.1)
    return record


def jacobian(profile: str, seed: int, device: str) -> Record:
    """Leading singular vectors of the network's Jacobian against the principal components of faces (claim G18)."""
    settings, where = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "hidden-gaussian", "jacobian")
    net = load_model(f"faces-16-{max(NUMBERS)}", device=where)
    law = gaussian_of(listed_faces(max(NUMBERS)))
    components = law.basis[:, :LEADING].float()
    test = face_images(settings.jacobian_points, seed, "jacobian")
    alignment = np.zeros((len(JACOBIAN_SIGMAS), len(test)))
    vectors, values = [], []
    for i, sigma in enumerate(JACOBIAN_SIGMAS):
        y = noisy(test, sigma, generator)
        for j in range(len(test)):
            found = top_k_svd(
                net, y[j : j + 1].to(where), sigma, LEADING, generator, tol=0.02, max_iter=settings.jacobian_iterations
            )
            V = found.V.flatten(1).cpu()
            alignment[i, j] = float((V @ components).square().sum() / LEADING)
            if j == 0:
                vectors.append(V.reshape(LEADING, 3, SIZE, SIZE).numpy())
                values.append(found.S.cpu().numpy())
    mean = alignment.mean(1)
    high, middle = [s >= 5 for s in JACOBIAN_SIGMAS], JACOBIAN_SIGMAS.index(0.5)
    record = Record(
        claims={"02-G18a": float(mean[high].mean()), "02-G18b": float(mean[high].mean() - mean[middle])},
        arrays={"sigmas": np.array(JACOBIAN_SIGMAS), "alignment": alignment, "vectors": np.stack(vectors)},
    )
    record.arrays["components"] = components.T.reshape(LEADING, 3, SIZE, SIZE).numpy()
    record.arrays["chance"] = np.array(LEADING / components.shape[0])
    record.arrays["singular_values"] = np.stack(values)
    return record
