"""CLIP models of OpenCLIP and transformers, measured and trained as the chapter's own towers.

::

    pair = from_open_clip(model)                       # or from_transformers(model)
    embeddings = pair.encode_images(images), pair.encode_texts(tokens)
    diagnose(*embeddings, float(pair.temperature()))   # gap, floor, temperature, uniformity, recall, ...

    pair.temperature = Softplus(tau=0.07)              # another rule of the temperature
    step_loss(pair, images, tokens, generator, Method(Softplus, Swap(hard_weights, 0.1))).backward()
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lowdim.papers.modality_gap.temperature import SMALLEST, Exponential, Temperature


class AdaptedCLIP(nn.Module):
    """A CLIP model as two encoders and a temperature; ``model`` itself is inside and trains with it.

    The temperature starts at the model's own and takes its place: the model's ``logit_scale`` is frozen, so that it is
    not trained twice. :meth:`write_back` stores the present scale in it, before the model is saved.
    """

    def __init__(
        self,
        model: nn.Module,
        images: Callable[[Any], Tensor],
        texts: Callable[[Any], Tensor],
        logit_scale: nn.Parameter,
    ) -> None:
        super().__init__()
        self.model, self._images, self._texts, self._scale = model, images, texts, logit_scale
        tau = math.exp(-float(logit_scale.detach()))
        if not SMALLEST <= tau < math.inf:
            raise ValueError(f"model: its temperature {tau:g} is not allowed; it must be at least {SMALLEST:g}")
        self.temperature: Temperature = Exponential(tau, largest=max(100.0, 1 / tau)).to(logit_scale.device)
        logit_scale.requires_grad_(False)

    def encode_images(self, images: Any) -> Tensor:
        """Embeddings (n, d) of preprocessed images, before normalisation."""
        return self._images(images)

    def encode_texts(self, texts: Any) -> Tensor:
        """Embeddings (n, d) of tokenised texts, before normalisation."""
        return self._texts(texts)

    @torch.no_grad()
    def write_back(self) -> None:
        r"""Store :math:`\log\beta` in the model's own ``logit_scale``, as both libraries expect it."""
        self._scale.fill_(float(self.temperature().log()))


def from_open_clip(model: Any) -> AdaptedCLIP:
    """An OpenCLIP model: images as its ``preprocess`` makes them, texts as its tokenizer makes them.

    Raises ``ValueError`` for a model without ``encode_image``, ``encode_text`` and ``logit_scale``, or with a
    ``logit_bias`` (SigLIP), whose loss is another.
    """
    _need(model, "encode_image", "encode_text", "logit_scale")
    if getattr(model, "logit_bias", None) is not None:
        raise ValueError("model: it has a logit_bias, so it was made for the sigmoid loss; give a CLIP model")
    return AdaptedCLIP(model, model.encode_image, model.encode_text, model.logit_scale)


def from_transformers(model: Any) -> AdaptedCLIP:
    """A ``transformers`` ``CLIPModel``: images as ``pixel_values``, texts as ``input_ids`` or as the mapping that the
    tokenizer returns.

    Raises ``ValueError`` for a model without ``get_image_features``, ``get_text_features`` and ``logit_scale``.
    """
    _need(model, "get_image_features", "get_text_features", "logit_scale")

    def images(pixel_values: Tensor) -> Tensor:
        return _features(model.get_image_features(pixel_values=pixel_values))

    def texts(tokens: Any) -> Tensor:
        named = {"input_ids": tokens} if isinstance(tokens, Tensor) else dict(tokens)
        return _features(model.get_text_features(**named))

    return AdaptedCLIP(model, images, texts, model.logit_scale)


def _features(output: Any) -> Tensor:
    """The projected features, which newer versions of transformers wrap in an output object."""
    return output if isinstance(output, Tensor) else output.pooler_output


def _need(model: Any, *names: str) -> None:
    missing = [name for name in names if not hasattr(model, name)]
    if missing:
        raise ValueError(
            f"model: {type(model).__name__} has no {', '.join(missing)}; give a CLIP model of that library"
        )
