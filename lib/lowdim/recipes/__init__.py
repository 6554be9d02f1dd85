"""Recipes: how each shipped model is trained; one module holds one model, or several that differ in little.

``lowdim train digits`` runs :func:`train`; to use the result, set ``LOWDIM_MODELS`` to the folder above the one it
returns.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lowdim.recipes.recipe import Recipe

_MODULES = {  # of a model: the module whose RECIPES holds it, by name
    "digits": "digits",
    "face-attributes": "face_attributes",
    "faces-16-4": "faces_by_number",
    "faces-16-16": "faces_by_number",
    "faces-16-64": "faces_by_number",
    "faces-16-256": "faces_by_number",
    "faces-16-1024": "faces_by_number",
    "faces-16-4096": "faces_by_number",
    "faces-16-16-other": "faces_by_number",
    "faces-16-4096-other": "faces_by_number",
    "faces-32": "faces",
    "faces-32-labels": "faces",
    "phantoms-64": "phantoms",
}


def names() -> tuple[str, ...]:
    """The models that have a recipe."""
    return tuple(_MODULES)


def load_recipe(name: str) -> Recipe[Any, Any]:
    """The recipe of a model. Raises ``ValueError`` naming the choices for another name."""
    if name not in _MODULES:
        raise ValueError(f"name: {name!r} has no recipe; choose one of {', '.join(_MODULES)}")
    return importlib.import_module(f"lowdim.recipes.{_MODULES[name]}").RECIPES[name]


def train(
    name: str,
    profile: str = "quick",
    seed: int = 0,
    device: str = "cpu",
    out: Path | None = None,
    *,
    resume: bool = True,
) -> Path:
    """Train the model ``name`` and return its folder ``out`` (by default ``build/models/<profile>/<name>``).

    Interrupted, the same call goes on from the last checkpoint, unless ``resume`` is false. The shipped weights under
    ``models/`` are never overwritten unless ``out`` says so. Shows a progress bar on a terminal.

    Raises ``ValueError`` for an unknown name, profile, device or a seed out of range.
    """
    recipe = load_recipe(name)
    from lowdim.recipes.recipe import run

    return run(recipe, profile, seed, device, out, resume)
