"""Tiny diffusers pipelines with random weights, in pixels and in latents."""

import torch

from lowdim.compat import import_diffusers

diffusers = import_diffusers()


def pixel_pipe(**options):
    torch.manual_seed(0)  # diffusers initialises networks from the global generator
    unet = diffusers.UNet2DModel(
        sample_size=8,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    )
    return diffusers.DDIMPipeline(unet, diffusers.DDIMScheduler(**{"clip_sample": False, **options}))


def tokenizer():
    from transformers import CLIPTokenizer

    letters = [*"abcdefghijklmnopqrstuvwxyz"]
    words = [*letters, *(f"{c}</w>" for c in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer({w: i for i, w in enumerate(words)}, [], model_max_length=8)


def text_encoder(vocabulary: int):
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=8,
            bos_token_id=vocabulary - 2,
            eos_token_id=vocabulary - 1,
        )
    )


def latent_pipe(**unet_options):
    torch.manual_seed(0)
    unet = diffusers.UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        cross_attention_dim=16,
        attention_head_dim=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        **unet_options,
    )
    vae = diffusers.AutoencoderKL(
        block_out_channels=(4, 8),
        norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        sample_size=16,
    )
    words = tokenizer()
    pipe = diffusers.StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder(len(words)),
        tokenizer=words,
        unet=unet,
        scheduler=diffusers.DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe
