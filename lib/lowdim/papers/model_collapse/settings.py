"""The sizes at which the chapter runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lowdim.profile import Profiles


@dataclass(frozen=True)
class Settings:
    """Sizes of one profile."""

    regression_samples: int
    """Samples behind each regressed slope."""
    descent_steps: int
    """Steps of gradient descent on the linear autoencoder."""
    bound_runs: int
    """Runs against the bound for finitely many samples."""
    paths: int
    """Paths behind the telescoping identity."""
    law_rounds: int
    """Rounds of Reflow against the law of a ridge."""
    linear_pool: int
    """Pairs in each round of the trained linear flow."""
    linear_steps: int
    """Its optimiser steps a round."""
    linear_rounds: int
    """Its rounds."""
    plane_runs: int
    """Independent runs of Reflow in the plane."""
    plane_rounds: int
    """Their rounds."""
    plane_pairs: int
    """Pairs in each of them."""
    plane_probe: int
    """Samples behind each distance."""
    mlp_width: int
    """Width of the MLP in the plane."""
    mlp_first_steps: int
    """Optimiser steps of its first flow."""
    mlp_steps: int
    """Optimiser steps of each later round."""
    mlp_rounds: int
    """Its rounds of Reflow."""
    mlp_probe: int
    """Its real samples, pairs of a round, and samples behind each distance."""
    digit_feature_steps: int
    """Optimiser steps of the classifier whose features judge digits."""
    digit_width: int
    """Width of the MLP on digits."""
    digit_depth: int
    """Its residual blocks."""
    digit_batch: int
    """Samples in a step."""
    digit_first_steps: int
    """Optimiser steps of its first flow."""
    digit_steps: int
    """Optimiser steps of each later round."""
    digit_rounds: int
    """Its rounds of Reflow."""
    digit_euler: int
    """Euler steps, both ways."""
    digit_samples: int
    """Digits generated to judge a flow."""
    image_source: str
    """Images of the U-Net: ``digits`` or ``cifar10``."""
    image_features: tuple[int, ...]
    """Channels of the classifier whose features judge them."""
    image_feature_steps: int
    """Its optimiser steps."""
    image_channels: tuple[int, ...]
    """Channels of the U-Net."""
    image_layers: int
    """Its residual blocks a level."""
    image_batch: int
    """Images in a step."""
    image_ema: float
    """Decay of its averaged weights."""
    image_first_steps: int
    """Optimiser steps of its first flow."""
    image_steps: int
    """Optimiser steps of each later round."""
    image_rounds: int
    """Its rounds of Reflow."""
    image_pool: int
    """Pairs in each of them."""
    image_euler: int
    """Euler steps, both ways."""
    image_samples: int
    """Images generated to judge a flow."""
    collapse_runs: int
    """Independent runs of each recursion."""


_QUICK = Settings(
    regression_samples=400_000,
    descent_steps=500,
    collapse_runs=12,
    bound_runs=20,
    paths=4_000,
    law_rounds=200,
    linear_pool=20_000,
    linear_steps=250,
    linear_rounds=6,
    plane_runs=3,
    plane_rounds=8,
    plane_pairs=1_500,
    plane_probe=1_000,
    mlp_width=128,
    mlp_first_steps=300,
    mlp_steps=40,
    mlp_rounds=2,
    mlp_probe=1_000,
    digit_feature_steps=200,
    digit_width=128,
    digit_depth=2,
    digit_batch=64,
    digit_first_steps=1_000,
    digit_steps=200,
    digit_rounds=4,
    digit_euler=20,
    digit_samples=1_000,
    image_source="digits",
    image_features=(16, 32, 64),
    image_feature_steps=4,
    image_channels=(8, 16),
    image_layers=1,
    image_batch=32,
    image_ema=0.9,
    image_first_steps=10,
    image_steps=4,
    image_rounds=1,
    image_pool=64,
    image_euler=3,
    image_samples=100,
)
_SMOKE = replace(
    _QUICK,
    regression_samples=2_000,
    descent_steps=50,
    collapse_runs=2,
    bound_runs=3,
    paths=500,
    law_rounds=4,
    linear_pool=500,
    linear_steps=10,
    linear_rounds=2,
    plane_runs=2,
    plane_rounds=2,
    plane_pairs=60,
    plane_probe=50,
    mlp_width=8,
    mlp_first_steps=4,
    mlp_steps=4,
    mlp_rounds=2,
    mlp_probe=128,
    digit_feature_steps=4,
    digit_width=16,
    digit_depth=1,
    digit_batch=32,
    digit_first_steps=4,
    digit_steps=3,
    digit_rounds=2,
    digit_euler=3,
    digit_samples=100,
)

_STUDY = replace(
    _QUICK,
    digit_batch=128,
    mlp_first_steps=2_000,
    mlp_steps=200,
    mlp_rounds=5,
)

_FULL = replace(
    _STUDY,
    image_source="cifar10",
    image_features=(64, 128, 256),
    image_feature_steps=1_000,
    image_channels=(64, 128, 128),
    image_layers=2,
    image_batch=256,
    image_ema=0.999,
    image_first_steps=3_000,
    image_steps=500,
    image_rounds=4,
    image_pool=10_000,
    image_euler=25,
    image_samples=5_000,
)

PROFILES = Profiles(smoke=_SMOKE, quick=_QUICK, study=_STUDY, full=_FULL)
