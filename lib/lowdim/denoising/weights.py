"""Shipped denoisers: how a trained denoiser is written into a model folder and read from it.

A U-Net is stored as diffusers stores it (``unet/`` and an ``EDMEulerScheduler`` in ``scheduler/``), so that diffusers
alone can use it; an :class:`~lowdim.denoising.networks.MLP` as ``config.json`` and ``model.safetensors``. Card and
hashes: :mod:`lowdim.model_store`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from lowdim.compat import import_diffusers
from lowdim.denoising.networks import MLP, EDMDenoiser
from lowdim.model_store import Card, find_model, load_card, save_folder


def save_model(
    folder: Path,
    denoiser: EDMDenoiser,
    card: Card,
    extra: Mapping[str, bytes] | None = None,
    *,
    dtype: torch.dtype = torch.float32,
) -> Path:
    """Write ``denoiser`` with its ``card`` (and ``extra`` files, by name) as the folder ``folder``, replacing what
    was there. ``dtype`` is that of the stored weights; float16 halves the folder.

    Raises ``ValueError`` for a network that is neither a diffusers ``UNet2DModel`` nor an ``MLP``.
    """
    network = denoiser.network
    if not isinstance(network, (MLP, import_diffusers().UNet2DModel)):
        kind = type(network).__name__
        raise ValueError(f"denoiser: a network of type {kind} is not allowed; give a UNet2DModel or an MLP")
    stored = network if dtype == torch.float32 else copy.deepcopy(network).to(dtype)
    return save_folder(folder, lambda path: _write_network(path, stored, denoiser.sigma_data), card, extra)


def load_model(name: str | Path, models_dir: Path | None = None, *, device: str | torch.device = "cpu") -> EDMDenoiser:
    """The denoiser stored under ``name`` (a name under ``models/``, or a folder), in float32 and evaluation mode,
    parameters frozen.

    Every file is checked against its hash first. Raises ``FileNotFoundError`` when there is no such model and
    :class:`~lowdim.model_store.DamagedModel` when a file is missing or damaged; both say how to get it.
    """
    folder = find_model(name, models_dir)
    load_card(folder)
    if (folder / "unet").is_dir():
        denoiser = _read_unet(folder)
    else:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        sigma_data = config.pop("sigma_data")
        denoiser = EDMDenoiser(MLP(**{k: v for k, v in config.items() if k != "network"}), sigma_data)
        denoiser.network.load_state_dict(load_file(folder / "model.safetensors"))
    return denoiser.to(device, torch.float32).eval().requires_grad_(False)


def _write_network(folder: Path, network: Any, sigma_data: float) -> None:
    if isinstance(network, MLP):
        config = {"network": "MLP", **network.config, "sigma_data": sigma_data}
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8", newline="\n")
        save_file(
            {key: value.contiguous() for key, value in network.state_dict().items()}, folder / "model.safetensors"
        )
        return
    network.save_pretrained(folder / "unet")
    import_diffusers().EDMEulerScheduler(sigma_data=sigma_data).save_pretrained(folder / "scheduler")


def _read_unet(folder: Path) -> EDMDenoiser:
    unet: nn.Module = import_diffusers().UNet2DModel.from_pretrained(
        folder / "unet", local_files_only=True, use_safetensors=True, low_cpu_mem_usage=False
    )
    scheduler = json.loads((folder / "scheduler" / "scheduler_config.json").read_text(encoding="utf-8"))
    return EDMDenoiser(unet, scheduler["sigma_data"])
