"""The import workaround, in fresh processes beside a broken, a healthy, an absent and the installed torchvision."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

# What torchvision does on import: it attaches a kernel to an operator that its compiled half should have declared.
BROKEN = """
import torch
import torchvision.extension
torch.library.register_fake("torchvision::nms")(lambda dets, scores, iou_threshold: scores)
__version__ = "0.0-broken"
"""
HEALTHY = """
import torch
library = torch.library.Library("torchvision", "DEF")
library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
__version__ = "0.0-healthy"
"""


def run(code: str, *extra_path: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([*map(str, extra_path), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def fake(folder: Path, name: str, source: str) -> Path:
    package = folder / name
    package.mkdir()
    (package / "__init__.py").write_text(source)
    (package / "extension.py").write_text("")
    return folder


def test_broken_torchvision_is_made_importable_once(tmp_path):
    plain = run("import torchvision", fake(tmp_path, "torchvision", BROKEN))
    assert "operator torchvision::nms does not exist" in plain.stderr
    code = """
from lowdim import compat
first = compat.import_torchvision()
assert first is compat.import_torchvision()
assert first.__version__ == "0.0-broken"
assert len(compat._declared) == 1
print("imported")
"""
    done = run(code, tmp_path)
    assert done.stdout == "imported\n", done.stderr


def test_healthy_torchvision_is_left_alone(tmp_path):
    code = """
from lowdim import compat
assert compat.import_torchvision().__version__ == "0.0-healthy"
assert compat._declared == []
print("untouched")
"""
    done = run(code, fake(tmp_path, "torchvision", HEALTHY))
    assert done.stdout == "untouched\n", done.stderr


def test_absent_torchvision_gives_none_and_other_failures_are_passed_on(tmp_path):
    code = """
import sys
from lowdim import compat
sys.modules["torchvision"] = None
assert compat.import_torchvision() is None
assert compat._declared == []
print("none")
"""
    done = run(code)
    assert done.stdout == "none\n", done.stderr
    other = run("from lowdim import compat; compat.import_torchvision()", fake(tmp_path, "torchvision", "1 / 0"))
    assert "ZeroDivisionError" in other.stderr


def test_import_of_the_module_loads_nothing_heavy():
    code = "import sys, lowdim.compat; print({'torch', 'torchvision', 'diffusers'} & {*sys.modules})"
    assert run(code).stdout == "set()\n"


def test_missing_library_names_the_install_command(tmp_path):
    code = "import sys; sys.modules['deepinv'] = None; from lowdim import compat; compat.import_deepinv()"
    done = run(code, fake(tmp_path, "torchvision", "raise ModuleNotFoundError('absent', name='torchvision')"))
    assert "pip install 'lowdim[imaging]'" in done.stderr


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is None, reason="torchvision is not installed")
def test_diffusers_models_load_beside_the_installed_torchvision():
    code = "from lowdim import compat; d = compat.import_diffusers(); print(d.UNet2DModel.__name__)"
    done = run(code)
    assert done.stdout == "UNet2DModel\n", done.stderr


@pytest.mark.skipif(importlib.util.find_spec("deepinv") is None, reason="deepinv is not installed")
def test_deepinv_operators_run_beside_the_installed_torchvision():
    code = """
import torch
from lowdim import compat
physics = compat.import_deepinv().physics.Inpainting(img_size=(1, 4, 4), mask=torch.ones(1, 4, 4))
print(tuple(physics.A(torch.ones(1, 1, 4, 4)).shape))
"""
    done = run(code)
    assert done.stdout.endswith("(1, 1, 4, 4)\n"), done.stderr
