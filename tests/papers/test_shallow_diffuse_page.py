"""The page on Stable Diffusion runs as it is printed, on a tiny pipeline with random weights."""

import re
from pathlib import Path

import torch

from denoising.test_pipelines import latent_pipe

PAGE = Path(__file__).resolve().parents[2] / "book" / "stable-diffusion.md"


def blocks():
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_page_s_code_runs(monkeypatch):
    import diffusers

    pipe = latent_pipe()
    pipe.to = lambda device: pipe

    class Tiny:
        @classmethod
        def from_pretrained(cls, name, torch_dtype):
            return pipe

    monkeypatch.setattr(diffusers, "StableDiffusionPipeline", Tiny)
    names: dict = {}
    for block in blocks():
        exec(block, names)
    assert len(blocks()) == 5
    found, picture = names["found"], names["picture"]
    assert picture.shape == names["marked"].shape == (1, 3, 16, 16)
    assert found.evaluations == 35 + 30
    assert names["own"].evaluations == 15 + 30
    assert float((found.marked - found.clean)[:, :3].abs().max()) < 1e-4  # only channel 3 carries the key
    assert float((found.marked - found.clean)[:, 3].abs().max()) > 1e-4
    assert names["found_again"].shape == (1,)
    unmarked = torch.rand(99, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1
    detector = names["calibrate"](unmarked.split(33))
    assert int(detector.found(names["score"](unmarked)).sum()) <= 1


def test_the_level_of_the_page():
    """0.3 T of the scaled-linear schedule of Stable Diffusion, timestep 281, is sigma = 0.78."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    alpha_bar = float(torch.cumprod(1 - betas, 0)[281])
    assert round(((1 - alpha_bar) / alpha_bar) ** 0.5, 2) == 0.78
    assert "$\\sigma=0.78$" in PAGE.read_text(encoding="utf-8")
