"""Profiles: the four sizes at which every chapter runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import torch

Settings = TypeVar("Settings")

PROFILE_NAMES = ("smoke", "quick", "study", "full")


def check_profile(profile: str) -> str:
    """Return ``profile`` when it is one of :data:`PROFILE_NAMES`, else raise a ``ValueError`` naming them."""
    if profile not in PROFILE_NAMES:
        raise ValueError(f"profile: {profile!r} is unknown; choose one of {', '.join(PROFILE_NAMES)}")
    return profile


def check_seed(seed: int) -> int:
    """Return ``seed`` when it is a whole number from 0 to 2**31 - 1, else raise a ``ValueError``."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**31:
        raise ValueError(f"seed: {seed!r} is not allowed; give a whole number from 0 to {2**31 - 1}")
    return seed


def check_device(device: str) -> torch.device:
    """Return the :class:`torch.device` named ``device`` when this machine has it, else raise a ``ValueError``."""
    import torch  # here, so that the command line answers at once

    try:
        found = torch.device(device)
    except (RuntimeError, TypeError):
        found = None
    available = ["cpu"]
    if torch.cuda.is_available():
        available += ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        available.append("mps")
    if found is None or str(found) not in available:
        raise ValueError(f"device: {device!r} is not available here; choose one of {', '.join(available)}")
    return found


@dataclass(frozen=True)
class Profiles(Generic[Settings]):
    """A chapter's settings, one frozen dataclass instance for each profile.

    ``PROFILES = Profiles(smoke=Settings(...), quick=..., study=..., full=...)``; then ``PROFILES["quick"]``.
    An unknown name raises a ``ValueError`` that names the choices.
    """

    smoke: Settings
    quick: Settings
    study: Settings
    full: Settings

    def __getitem__(self, profile: str) -> Settings:
        return getattr(self, check_profile(profile))

    def as_mapping(self) -> Mapping[str, Settings]:
        """All four instances by name."""
        return {name: self[name] for name in PROFILE_NAMES}
