"""Which range a denoiser's pixels live in, where its type tells."""

from __future__ import annotations

import sys
from typing import Any

from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.views import UnitRangeView


def check_range(name: str, denoiser: Denoiser) -> Denoiser:
    """``denoiser``, the argument ``name``, unless its type says that it works on pixels in [0, 1] instead of [-1, 1].

    Those are :class:`~lowdim.denoising.views.UnitRangeView` and every ``deepinv.models.Denoiser``: called with images
    in [-1, 1] they give no error, only worse images. Raises ``ValueError`` for them, with the adapter that converts
    pixels and noise level. A subclass of deepinv's that does work on [-1, 1] passes inside a function ``(x, sigma)``.
    """
    if isinstance(denoiser, (UnitRangeView, *_of_deepinv())):
        raise ValueError(
            f"{name}: a {type(denoiser).__name__} is for pixels in [0, 1] and noise levels in their units, images here "
            f"live in [-1, 1]; give denoiser_from_unit_range({name}), of lowdim.denoising.views"
        )
    return denoiser


def _of_deepinv() -> tuple[type, ...]:
    """The class of denoisers of deepinv, if anybody has imported it: nobody can hold one of its objects otherwise."""
    models: Any = sys.modules.get("deepinv.models")
    return () if models is None else (models.Denoiser,)
