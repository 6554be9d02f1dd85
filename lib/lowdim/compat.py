"""Workarounds for libraries that do not fit together as installed.

torchvision's wheel for Linux is built against CUDA. Beside a CPU-only torch its compiled operators do not load, and
``import torchvision`` stops with "operator torchvision::nms does not exist". deepinv, diffusers and torchmetrics import
torchvision when they find it, so they stop too. :func:`import_torchvision` declares the two missing operators by name,
after which everything but the compiled operators themselves (``nms``, ``roi_align``, ...) works.

Call :func:`import_diffusers` and :func:`import_deepinv` where those libraries are first needed; nothing is imported
before.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from types import ModuleType

_MISSING_OPERATOR = "operator torchvision::nms does not exist"
_SCHEMAS = tuple(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor" for name in ("nms", "qnms"))

# A torch.library.Library takes its declarations back when it is collected, so the reference is held here.
_declared: list[object] = []


def import_torchvision() -> ModuleType | None:
    """torchvision, made importable where its compiled operators do not load; ``None`` where it is not installed.

    Beside a healthy torchvision this is a plain import. Any other failure of the import is passed on. May be
    called often.
    """
    try:
        return importlib.import_module("torchvision")
    except ModuleNotFoundError as error:
        if error.name == "torchvision":
            return None
        raise
    except RuntimeError as error:
        if _MISSING_OPERATOR not in str(error):
            raise
    # Only after the failed try: declaring operators that a healthy torchvision registers as well aborts the process.
    _forget("torchvision")
    _declare_operators()
    return importlib.import_module("torchvision")


def import_diffusers() -> ModuleType:
    """diffusers, beside any torchvision. Raises ``ImportError`` with the install command when it is absent."""
    return _import_after_torchvision("diffusers", "pip install diffusers")


def import_deepinv() -> ModuleType:
    """deepinv, beside any torchvision. Raises ``ImportError`` with the install command when it is absent."""
    return _import_after_torchvision("deepinv", "pip install 'lowdim[imaging]'")


def _import_after_torchvision(name: str, command: str) -> ModuleType:
    import_torchvision()
    try:
        with warnings.catch_warnings():
            # tqdm says so in every notebook without ipywidgets; the text bars serve as well.
            warnings.filterwarnings("ignore", message="IProgress not found")
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ImportError(f"{name} is needed here and is not installed; install it with: {command}") from error


def _forget(package: str) -> None:
    for module in [key for key in sys.modules if key == package or key.startswith(f"{package}.")]:
        del sys.modules[module]


def _declare_operators() -> None:
    import torch

    if _declared:
        return
    library = torch.library.Library("torchvision", "DEF")
    for schema in _SCHEMAS:
        library.define(schema)
    _declared.append(library)
