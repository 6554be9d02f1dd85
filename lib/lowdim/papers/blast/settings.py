"""The sizes at which the chapter on BLAST runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lowdim.profile import Profiles


@dataclass(frozen=True)
class Settings:
    """Sizes of one profile."""

    size: int = 256
    """Rows and columns of the matrices that are factorised."""
    blocks: int = 16
    """Blocks a side where convergence is measured."""
    sweeps: int = 100
    """Sweeps of the runs that compare solvers."""
    colourings: int = 20
    """Random tables of block ranks that are coloured."""
    damping: tuple[float, ...] = (1.0, 0.1, 0.01, 1e-3, 1e-5)
    """Values of ``delta0`` that are compared."""
    runs: int = 3
    """Targets of each kind where runs are averaged."""
    budget_blocks: tuple[int, ...] = (4, 8)
    """Blocks a side where families are compared at equal size."""
    budget_sweeps: int = 50
    """Sweeps of those factorisations."""
    published_sweeps: int = 100
    """Sweeps of the published schedule that they are compared with."""
    classifiers: int = 3
    """Digit classifiers that are compressed."""
    training_steps: int = 300
    """Steps that train each of them."""
    retraining_steps: int = 50
    """Steps after compression."""
    scratch_seeds: int = 1
    """Transformers of each family that are trained from scratch."""
    scratch_steps: int = 40
    """Steps that train each of them."""
    photographs: int = 0
    """Training images of CIFAR-10 for the transformers; 0 trains on the digits."""
    timings: tuple[tuple[int, int, int], ...] = ()
    """``(size, blocks, tokens)`` of products that are timed; only on a GPU."""


QUICK = Settings()
PROFILES = Profiles(
    smoke=replace(
        QUICK,
        size=64,
        sweeps=20,
        colourings=3,
        damping=(1.0, 0.1, 1e-5),
        runs=2,
        blocks=4,
        budget_blocks=(4,),
        budget_sweeps=10,
        published_sweeps=20,
        classifiers=1,
        training_steps=30,
        retraining_steps=5,
        scratch_steps=4,
        timings=((128, 2, 1), (128, 2, 32)),
    ),
    quick=QUICK,
    study=replace(
        QUICK,
        runs=5,
        colourings=200,
        damping=(1.0, 0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4, 1e-5),
        budget_blocks=(2, 4, 8, 16),
        budget_sweeps=150,
        published_sweeps=150,
        classifiers=5,
        training_steps=600,
        scratch_seeds=3,
        scratch_steps=1500,
    ),
    full=replace(
        QUICK,
        runs=5,
        budget_blocks=(2, 4, 8, 16),
        budget_sweeps=150,
        classifiers=5,
        scratch_seeds=3,
        scratch_steps=8000,
        photographs=20_000,
        timings=tuple(
            (size, blocks, tokens)
            for size in (4096, 8192, 16384)
            for blocks in (2, 4, 8, 16)
            for tokens in (1, 16, 1024)
        ),
    ),
)
