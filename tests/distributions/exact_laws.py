"""Small laws of every kind for the tests."""

import torch

from lowdim.distributions import Distribution, Empirical, Gaussian, MoLRG

N = 12


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def randn(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def random_molrg(
    ranks: tuple[int, ...] = (2, 5, 3), shape: tuple[int, ...] = (N,), *, seed: int = 1, spread: float = 1.0
) -> MoLRG:
    """Unequal weights, ranks and spectra, random means, subspaces that are not orthogonal to each other."""
    n, count = torch.Size(shape).numel(), len(ranks)
    bases = [torch.linalg.qr(randn(n, r, seed=seed + k)).Q for k, r in enumerate(ranks)]
    draw = generator(seed + 100)
    eigenvalues = [3 * torch.rand(r, generator=draw, dtype=torch.float64) for r in ranks]
    weights = torch.rand(count, generator=draw, dtype=torch.float64) + 0.2
    means = spread * torch.randn(count, *shape, generator=draw, dtype=torch.float64)
    return MoLRG(bases, eigenvalues, means, weights / weights.sum())


def random_gaussian(rank: int = 4, shape: tuple[int, ...] = (N,), *, seed: int = 2) -> Gaussian:
    n = torch.Size(shape).numel()
    values = torch.linspace(2.0, 0.1, rank, dtype=torch.float64)
    return Gaussian(randn(*shape, seed=seed), torch.linalg.qr(randn(n, rank, seed=seed + 1)).Q, values)


def random_empirical(count: int = 30, shape: tuple[int, ...] = (N,), *, seed: int = 3) -> Empirical:
    weights = torch.rand(count, generator=generator(seed), dtype=torch.float64) + 0.1
    return Empirical(randn(count, *shape, seed=seed + 1), weights / weights.sum())


LAWS = {
    "gaussian": random_gaussian,
    "gaussian full rank": lambda: random_gaussian(rank=N),
    "gaussian image": lambda: random_gaussian(shape=(3, 2, 2)),
    "molrg": random_molrg,
    "molrg of the paper": lambda: MoLRG.random(N, (3, 3, 3), generator(5)),
    "molrg with a point and a null direction": lambda: MoLRG(
        [torch.eye(N, 0, dtype=torch.float64), torch.eye(N, 3, dtype=torch.float64)],
        [torch.zeros(0), torch.tensor([0.0, 1.0, 2.0])],
        randn(2, N, seed=6),
    ),
    "molrg image": lambda: random_molrg(shape=(3, 2, 2)),
    "empirical": random_empirical,
    "empirical image": lambda: random_empirical(shape=(3, 2, 2)),
}


def noisy(law: Distribution, sigma: float | torch.Tensor, count: int = 6, seed: int = 11) -> torch.Tensor:
    """Draws of ``x0 + sigma * n``."""
    draw = generator(seed)
    x0 = law.sample(count, draw)
    s = torch.as_tensor(sigma, dtype=law.dtype).reshape(-1, *[1] * len(law.event_shape))
    return x0 + s * torch.randn(x0.shape, generator=draw, dtype=law.dtype)
