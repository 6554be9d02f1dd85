r"""Whole diffusers pipelines as denoisers: in pixels or in the latent space of a VAE, with prompts or without.

Only attributes of the pipeline passed in are used, so nothing here imports diffusers. Everything else of the book
then runs on it: samplers and inversion on any part of the grid, Jacobian products, edits, watermarks.

::

    pipe = StableDiffusionPipeline.from_pretrained(...)
    model = open_pipeline(pipe)
    D = model.denoiser("a portrait", guidance=7.5)        # of latents
    grid = model.sigmas(50)                               # descending, the last is 0
    z = last(invert(D, model.encode(image), grid[20:]))   # up to level 20 of the grid and no further
    image_again = model.decode(last(euler(D, z, grid[20:])))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lowdim.checks import check_count, check_finite
from lowdim.denoising.adapters import Condition, EDMNetwork, VPNetwork, from_diffusers
from lowdim.denoising.conversions import alpha_bar_to_sigma
from lowdim.denoising.denoiser import Denoiser, bind

# A differentiable map f(x, sigma) from noisy points (B, *shape) to pictures (B, 3, H, W).
PictureMap = Callable[[Tensor, "float | Tensor"], Tensor]


@dataclass(frozen=True)
class Pipeline:
    """A pipeline ``pipe`` and its network as a denoiser; made by :func:`open_pipeline`.

    With a VAE, points are latents ``(B, c, h, w)`` in the scaled units of the diffusion model; without one they are
    pictures in [-1, 1] and :meth:`encode` and :meth:`decode` change nothing.
    """

    pipe: Any
    network: VPNetwork | EDMNetwork

    @property
    def vae(self) -> Any | None:
        """The autoencoder of a latent pipeline, else ``None``."""
        return getattr(self.pipe, "vae", None)

    @property
    def takes_text(self) -> bool:
        """Whether the network is told a prompt."""
        return getattr(self.pipe, "text_encoder", None) is not None

    def denoiser(self, prompt: str | None = None, guidance: float = 1.0, negative_prompt: str = "") -> Denoiser:
        """The denoiser told ``prompt``, by classifier-free guidance away from ``negative_prompt`` (see
        :func:`lowdim.denoising.bind`); ``guidance=1`` is the plain conditional model. Points of any batch size share
        the prompt. ``None`` is the empty prompt, and the only one for a pipeline without text.

        Networks distilled to take the guidance scale as an input (latent consistency models) get it there, at one
        evaluation a call. Raises ``ValueError`` for a prompt or guidance where there is no text to be guided by.
        """
        if not self.takes_text:
            if prompt is not None or guidance != 1:
                raise ValueError(
                    f"prompt: {prompt!r} with guidance {guidance!r} is not allowed; this pipeline has no text encoder"
                )
            return self.network
        told, null = self._embed(prompt or "", negative_prompt)
        scale_size = getattr(self.pipe.unet.config, "time_cond_proj_dim", None)
        if scale_size is not None:
            scale = self.pipe.get_guidance_scale_embedding(torch.tensor([guidance - 1.0]), embedding_dim=scale_size)
            return bind(_Shared(self.network), told | {"timestep_cond": scale.to(self.pipe.unet.device)})
        return bind(_Shared(self.network), told, guidance, null=null)

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Latents ``(B, c, h, w)`` of pictures ``(B, 3, H, W)`` in [-1, 1]: the mean of the VAE's posterior, shifted
        and scaled as the diffusion model was trained. Raises ``ValueError`` for pixels that are not finite or lie
        outside [-1, 1] by more than 0.1.
        """
        check_finite("images", images)
        if float(images.abs().max()) > 1.1:
            raise ValueError(f"images: values up to {float(images.abs().max()):.4g} are not allowed; give [-1, 1]")
        if self.vae is None:
            return images
        shift, scale = self._units()
        mean = self.vae.encode(images.to(self.vae.dtype)).latent_dist.mode()
        return ((mean - shift) * scale).to(images.dtype)

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures ``(B, 3, H, W)`` of latents. Differentiable, and nothing is clipped."""
        if self.vae is None:
            return latents
        shift, scale = self._units()
        return self.vae.decode((latents / scale + shift).to(self.vae.dtype)).sample.to(latents.dtype)

    def pictures(self, denoiser: Denoiser) -> PictureMap:
        """``f(z, sigma) = decode(D(z, sigma))``: the posterior mean seen in pixels. Its Jacobian, ``(H W 3) x (h w
        c)``, goes through the decoder, so that masks are drawn on the picture while edits move the latent.
        """
        return denoiser if self.vae is None else lambda z, sigma: self.decode(denoiser(z, sigma))

    def sigmas(self, steps: int) -> Tensor:
        """The noise levels of ``steps`` steps of the pipeline's own scheduler; see :func:`scheduler_sigmas`."""
        return scheduler_sigmas(self.pipe.scheduler, steps)

    def _units(self) -> tuple[float, float]:
        config: Any = self.vae.config if self.vae is not None else None
        return getattr(config, "shift_factor", None) or 0.0, config.scaling_factor

    @torch.no_grad()
    def _embed(self, prompt: str, negative_prompt: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        found = self.pipe.encode_prompt(
            prompt=prompt,
            device=self.pipe.unet.device,
            num_images_per_prompt=1,
            do_classifier_free_guidance=True,
            negative_prompt=negative_prompt,
        )
        told, null = (embedding.to(self.pipe.unet.dtype) for embedding in found[:2])
        return {"encoder_hidden_states": told}, {"encoder_hidden_states": null}


@dataclass(frozen=True)
class _Shared:
    """A network whose condition ``(1, ...)`` is shared by all points of a batch."""

    network: VPNetwork | EDMNetwork

    def __call__(self, x: Tensor, sigma: float | Tensor, condition: Condition, /) -> Tensor:
        shared = {name: value.expand(x.shape[0], *value.shape[1:]) for name, value in condition.items()}
        return self.network(x, sigma, shared)


def open_pipeline(pipe: Any) -> Pipeline:
    """A diffusers pipeline made ready for this book.

    Takes pixel pipelines (``DDPMPipeline``, ``DDIMPipeline``; ``IFPipeline`` with its text) and latent ones with a VAE
    and at most one text encoder (``StableDiffusionPipeline``, latent consistency models). Give it in evaluation mode,
    as ``from_pretrained`` does. The pipeline is not changed.

    Raises ``ValueError`` for a pipeline without ``unet`` and ``scheduler``, for one whose network needs more than a
    prompt (SDXL), and as :func:`~lowdim.denoising.adapters.from_diffusers` for a scheduler that clips or thresholds
    (most pixel checkpoints ship with ``clip_sample=True``).
    """
    missing = [name for name in ("unet", "scheduler") if getattr(pipe, name, None) is None]
    if missing:
        raise ValueError(f"pipe: {type(pipe).__name__} has no {' and no '.join(missing)}; give a pipeline with a U-Net")
    extra = getattr(pipe.unet.config, "addition_embed_type", None)
    if extra is not None:
        raise ValueError(
            f"pipe: the network of {type(pipe).__name__} needs further conditions ({extra}); bind them yourself with "
            "lowdim.denoising.adapters.from_diffusers and lowdim.denoising.bind"
        )
    return Pipeline(pipe, from_diffusers(pipe.unet, pipe.scheduler))


def scheduler_sigmas(scheduler: Any, steps: int) -> Tensor:
    """The noise levels that ``scheduler`` visits in ``steps`` steps, descending, float64, then 0.

    A slice of it is a valid grid for every sampler and for inversion: ``grid[i:]`` starts at level i, ``grid[:i + 1]``
    stops there. Levels that a scheduler visits twice (PNDM) appear once. The scheduler itself is left as it was.
    """
    check_count("steps", steps)
    own = type(scheduler).from_config(scheduler.config)
    own.set_timesteps(steps)
    if hasattr(own, "sigmas"):
        levels = torch.as_tensor(own.sigmas, dtype=torch.float64)
    else:
        levels = alpha_bar_to_sigma(own.alphas_cumprod.double()[own.timesteps.long()])
    levels = torch.cat([levels, levels.new_zeros(1)])
    return levels.unique().flip(0)
