"""Puts the book's claims, recorded numbers and weights into the wheel, so that it works without a checkout."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Folder of the checkout -> its place in the wheel, and the files that are taken.
PACKAGED = {
    "book/claims": ("lowdim/_book/claims", ("*.yml",)),
    "book/results": ("lowdim/_book/results", ("*.json",)),
    "models": ("lowdim/_models", ("[!.]*",)),  # all of it: a card vouches for every file beside it
}


class PackagedBook(BuildHookInterface):
    """Adds the files of :data:`PACKAGED`; an editable installation reads them from the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before a wheel is written."""
        if version != "standard":
            return
        for folder, (target, patterns) in PACKAGED.items():
            source = Path(self.root) / folder
            found = {path for pattern in patterns for path in source.rglob(pattern) if path.is_file()}
            for path in sorted(found):
                build_data["force_include"][str(path)] = f"{target}/{path.relative_to(source).as_posix()}"
