"""The chapter's figures with captions and alternative texts."""

from __future__ import annotations

from lowdim.record import Plot

FIGURES: dict[str, Plot] = {}
