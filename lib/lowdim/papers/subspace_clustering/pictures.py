"""Experiments on images: real digits as subspaces, discs whose tangents are known exactly."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lowdim.data.digits import load_digits
from lowdim.data.discs import FACTORS, RANGES, disc_tangents, render_discs, sample_discs
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.jacobian import full_jacobian, numerical_rank
from lowdim.denoising.networks import EDMDenoiser, small_unet
from lowdim.denoising.weights import load_model
from lowdim.distributions import Gaussian
from lowdim.metrics.clustering import clustering_accuracy, normalised_mutual_information
from lowdim.metrics.subspaces import principal_angles
from lowdim.papers.subspace_clustering.ksubspaces import assign, bases_from_labels, k_subspaces, random_bases
from lowdim.papers.subspace_clustering.settings import PROFILES
from lowdim.papers.subspace_clustering.synthetic import cpu_generator
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator
from lowdim.training.loop import train, warm_up_then_cosine
from lowdim.training.losses import edm_loss

DIGIT_RANK = 8
DISC_SIGMAS = (0.2, 0.3, 0.5, 0.8)
NETWORK_SIGMAS = (0.3, 0.5)
DISC_SIZE = 16
NEGLIGIBLE = 1e-9


def digits(profile: str, seed: int, device: str) -> Record:
    """Are real digits a union of subspaces? K-subspaces on the 1797 digits, centred, K = 10 and d = 8."""
    from sklearn.cluster import KMeans

    settings = PROFILES[profile]
    generator = cpu_generator(seed, "digits", device)
    images, labels = load_digits("all", torch.float64)
    mean = images.flatten(1).mean(0)
    x = images.flatten(1) - mean
    means = torch.from_numpy(KMeans(10, n_init=3, random_state=seed).fit(x.numpy()).labels_).long()
    starts = random_bases(settings.digit_restarts, 10, 64, DIGIT_RANK, generator, x)
    random = k_subspaces(x.expand(len(starts), -1, -1), starts, generator, iterations=40)
    chosen = int(random.captured.argmax())
    fits = {"random starts": (random.labels[chosen], float(random.captured[chosen]), random.bases[chosen])}
    for name, start in (("k-means start", means), ("true classes", labels)):
        fit = k_subspaces(x[None], bases_from_labels(x[None], start[None], 10, DIGIT_RANK, generator), generator)
        fits[name] = (fit.labels[0], float(fit.captured[0]), fit.bases[0])
    classes = bases_from_labels(x[None], labels[None], 10, DIGIT_RANK, generator)
    accuracy = {name: clustering_accuracy(labels, found) for name, (found, _, _) in fits.items()}
    record = Record(
        claims={
            "01-C17a": accuracy["random starts"],
            "01-C17b": fits["true classes"][1] - max(fits["random starts"][1], fits["k-means start"][1]),
            "01-C17c": float((assign(x[None], classes).labels[0] == labels).double().mean()),
        }
    )
    record.number("digits-k-means-accuracy", clustering_accuracy(labels, means), tolerance=0.03)
    for name, (found, captured, _) in fits.items():
        key = name.replace(" ", "-")
        record.number(f"digits-accuracy-{key}", accuracy[name], tolerance=0.05)
        record.number(f"digits-nmi-{key}", normalised_mutual_information(labels, found), tolerance=0.05)
        record.number(f"digits-captured-{key}", captured, tolerance=0.01)
    pairs = [principal_angles(classes[0, i], classes[0, j])[0].rad2deg() for i in range(10) for j in range(i)]
    record.number("digits-mean-smallest-angle", float(torch.stack(pairs).mean()), "degrees", tolerance=1.0)
    record.arrays |= {"mean": mean.numpy(), "class_bases": classes[0].numpy()}
    record.arrays |= {"found_bases": fits["k-means start"][2].numpy(), "angles": torch.stack(pairs).numpy()}
    return record


def digits_network(profile: str, seed: int, device: str) -> Record:
    """Numerical rank of the Jacobian of the shipped digits network against the signal-to-noise ratio."""
    settings = PROFILES[profile]
    where = check_device(device)
    generator = make_generator(seed, "subspace-clustering", "digits-network", device=where)
    denoiser = load_model("digits", device=device).eval()
    clean = load_digits("test").images[: settings.network_points].to(where)
    snr = torch.logspace(-1.7, 2.2, settings.network_levels, dtype=torch.float64)
    ratio = rank_ratios(denoiser, clean, snr, generator)
    affine = Gaussian.from_samples(load_digits("train", torch.float64).images)
    gaussian = rank_ratios(
        affine, clean[:1].cpu().double(), snr, torch.Generator()
    )  # its Jacobian is the same everywhere
    record = Record(arrays={"snr": snr, "ratio": ratio, "gaussian": gaussian})
    lowest = int(ratio.argmin())
    record.claims["01-C13b"] = float(torch.minimum(ratio[0], ratio[-1]) / ratio[lowest])
    record.number("digits-lowest-rank", float(ratio[lowest] * 64), tolerance=2.0)
    record.number("digits-lowest-snr", float(snr[lowest]), tolerance=1.0)
    return record


def rank_ratios(denoiser: Denoiser, clean: Tensor, snr: Tensor, generator: torch.Generator) -> Tensor:
    """Mean numerical rank over n of the Jacobian at ``clean`` plus noise, for each signal-to-noise ratio 1 / sigma."""
    ratios = []
    for level in snr.tolist():
        noise = torch.randn(clean.shape, generator=generator, dtype=clean.dtype, device=clean.device)
        spectrum = torch.linalg.svdvals(full_jacobian(denoiser, clean + noise / level, 1 / level).double())
        ratios.append(numerical_rank(spectrum).double().mean().cpu() / spectrum.shape[-1])
    return torch.stack(ratios)


def discs(profile: str, seed: int, device: str) -> Record:
    """Singular vectors of the exact denoiser of discs against the exact tangents of their four factors."""
    settings = PROFILES[profile]
    generator = cpu_generator(seed, "discs", device)
    low, high = torch.tensor(RANGES, dtype=torch.float64).T
    cover = torch.quasirandom.SobolEngine(len(FACTORS), scramble=True, seed=seed).draw(settings.disc_points)
    points = render_discs(low + (high - low) * cover.double(), DISC_SIZE).flatten(1)
    factors = _inner_factors(settings.disc_tests, generator)
    clean, tangents = render_discs(factors, DISC_SIZE).flatten(1), disc_tangents(factors, DISC_SIZE).flatten(2)
    rows, spectra, kept = [], [], {}
    for sigma in DISC_SIGMAS:
        x = clean + sigma * torch.randn(clean.shape, generator=generator, dtype=torch.float64)
        values, vectors = torch.linalg.eigh(posterior_jacobians(points, x, sigma))
        top = vectors.flip(-1)
        rows.append(alignment(top[..., :4], tangents))
        spectra.append(values.flip(-1)[:, :12].mean(0))
        kept[sigma] = (x[0], top[0, :, :6])
    cosines = torch.stack(rows)  # (levels, 4)
    record = Record(claims={"01-C14a": float(cosines[[1, 2]].mean())})
    record.claims["01-C14b"] = float(spectra[1][4] / spectra[1][3])
    record.number("disc-alignment-by-chance", 4 / DISC_SIZE**2, tolerance=0.0)
    noisy, top = kept[0.3]
    record.arrays |= {"sigmas": torch.tensor(DISC_SIGMAS).numpy(), "cosines": cosines.numpy()}
    record.arrays |= {"spectra": torch.stack(spectra).numpy(), "clean": clean[0].numpy(), "noisy": noisy.numpy()}
    record.arrays |= {"vectors": top.T.numpy(), "tangents": tangents[0].numpy()}
    return record


def posterior_jacobians(points: Tensor, x: Tensor, sigma: float) -> Tensor:
    r"""Jacobians (B, n, n) of the exact denoiser of ``points`` (N, n) at x (B, n):
    :math:`\operatorname{Cov}[x_0|x]/\sigma^2`, from the points whose posterior weight is not below :data:`NEGLIGIBLE`
    of the largest.
    """
    logits = (x @ points.T - 0.5 * points.square().sum(1)) / sigma**2
    jacobians = []
    for row in logits:
        near = row >= row.max() + math.log(NEGLIGIBLE)
        weights, close = torch.softmax(row[near], 0), points[near]
        centred = close - weights @ close
        jacobians.append((weights[:, None] * centred).T @ centred / sigma**2)
    return torch.stack(jacobians)


def alignment(vectors: Tensor, tangents: Tensor) -> Tensor:
    """Mean squared cosines (4,) of the principal angles between the spans of vectors (B, n, 4) and tangents (B, 4,
    n).
    """
    return principal_angles(vectors, torch.linalg.qr(tangents.mT).Q).cos().square().mean(0)


def disc_network(profile: str, seed: int, device: str) -> Record:
    """The same alignment for a small network trained on discs."""
    settings = PROFILES[profile]
    where = check_device(device)
    generator = make_generator(seed, "subspace-clustering", "disc-network", device=where)
    images = sample_discs(20_000, make_generator(seed, "subspace-clustering", "disc-images"), DISC_SIZE)[0].float()
    denoiser = train_unet(images.to(where), settings.disc_channels, settings.disc_steps, generator)
    factors = _inner_factors(settings.disc_network_tests, make_generator(seed, "subspace-clustering", "disc-tests"))
    clean = render_discs(factors, DISC_SIZE).float().to(where)
    tangents = disc_tangents(factors, DISC_SIZE).flatten(2)
    rows, kept = [], None
    for sigma in NETWORK_SIGMAS:
        x = clean + sigma * torch.randn(clean.shape, generator=generator, device=where)
        jacobians = full_jacobian(denoiser, x, sigma).double().cpu()
        top = torch.linalg.svd(jacobians).Vh[:, :6].mT
        rows.append(alignment(top[..., :4], tangents))
        kept = (x[0].flatten().cpu(), top[0].T) if sigma == 0.5 else kept
    assert kept is not None
    cosines = torch.stack(rows)
    record = Record(claims={"01-C14c": float(cosines.mean())})
    record.arrays |= {"sigmas": torch.tensor(NETWORK_SIGMAS).numpy(), "cosines": cosines.numpy()}
    record.arrays |= {"clean": clean[0].flatten().cpu().numpy(), "noisy": kept[0].numpy()}
    record.arrays |= {"vectors": kept[1].numpy(), "tangents": tangents[0].numpy()}
    return record


def train_unet(images: Tensor, channels: tuple[int, ...], steps: int, generator: torch.Generator) -> EDMDenoiser:
    """A small U-Net trained on images (N, C, size, size) with the loss and preconditioning of EDM, batch 64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator, device=generator.device)))
        network = small_unet(images.shape[-1], channels, images.shape[1])
    denoiser = EDMDenoiser(network, float(images.std())).to(images.device)

    def step(model: torch.nn.Module, generator: torch.Generator) -> Tensor:
        rows = torch.randint(len(images), (64,), generator=generator, device=generator.device)
        return edm_loss(model, images[rows.to(images.device)], generator, P_mean=-0.7, P_std=1.0)

    optimizer = torch.optim.Adam(denoiser.parameters(), lr=2e-3)
    for _ in train(denoiser, step, optimizer, steps, generator=generator, schedule=warm_up_then_cosine(steps, 50)):
        pass
    return denoiser.eval()


def _inner_factors(count: int, generator: torch.Generator) -> Tensor:
    """Factors from the middle half of each range, so that the posterior does not feel the ends."""
    low, high = torch.tensor(RANGES, dtype=torch.float64).T
    return low + (high - low) * (0.25 + 0.5 * torch.rand(count, 4, generator=generator, dtype=torch.float64))
