"""CLIP models of other libraries, tiny and randomly initialised: measured, trained, their temperature exchanged."""

import pytest
import torch
from torch import nn

from lowdim.compat import import_torchvision
from lowdim.papers.modality_gap.adapters import from_open_clip, from_transformers
from lowdim.papers.modality_gap.gap import diagnose, modality_gap
from lowdim.papers.modality_gap.methods import METHODS
from lowdim.papers.modality_gap.swap import Swap, hard_weights
from lowdim.papers.modality_gap.temperature import Fixed, Softplus
from lowdim.papers.modality_gap.train import Method, step_loss, train_pair
from lowdim.seeding import make_generator
from lowdim.training.contrastive import contrastive_loss

PAIRS = 6


def open_clip_model():
    import_torchvision()
    open_clip = pytest.importorskip("open_clip")
    torch.manual_seed(0)
    vision = {"image_size": 16, "layers": 1, "width": 16, "head_width": 8, "patch_size": 8}
    text = {"context_length": 8, "vocab_size": 40, "width": 16, "heads": 2, "layers": 1}
    return open_clip.model.CLIP(embed_dim=8, vision_cfg=vision, text_cfg=text)


def transformers_model():
    import_torchvision()
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.CLIPConfig(
        text_config={**shape, "vocab_size": 40, "max_position_embeddings": 8, "eos_token_id": 39},
        vision_config={**shape, "image_size": 16, "patch_size": 8},
        projection_dim=8,
    )
    return transformers.CLIPModel(config)


@pytest.fixture(scope="module", params=["open_clip", "transformers"])
def adapted(request):
    if request.param == "open_clip":
        return from_open_clip(open_clip_model())
    return from_transformers(transformers_model())


@pytest.fixture(scope="module")
def batch():
    generator = make_generator(0, "test", "clip")
    tokens = torch.randint(1, 38, (PAIRS, 8), generator=generator)
    tokens[:, -1] = 39  # the end of a text has the largest number
    return torch.randn(PAIRS, 3, 16, 16, generator=generator), tokens


def test_gap_uniformity_and_retrieval_are_measured(adapted, batch):
    images, tokens = batch
    with torch.no_grad():
        u, v = adapted.encode_images(images), adapted.encode_texts(tokens)
    found = diagnose(u, v, float(adapted.temperature().detach()))
    unit = [nn.functional.normalize(x, dim=-1) for x in (u, v)]
    assert found.gap == pytest.approx(float(modality_gap(*unit)), rel=1e-5)
    assert found.temperature == pytest.approx(0.07, rel=2e-3)  # the start of both libraries
    assert -(2**0.5) <= found.uniformity <= 0
    assert 0 <= found.recall <= 1


def test_loss_is_that_of_the_library(adapted, batch):
    """Our step on the adapter, and the library's own forward pass and loss."""
    images, tokens = batch
    ours = step_loss(adapted, images, tokens, make_generator(0, "test"), METHODS["learned 0.07"])
    if hasattr(adapted.model, "get_image_features"):
        theirs = adapted.model(input_ids=tokens, pixel_values=images, return_loss=True).loss
    else:
        import open_clip

        theirs = open_clip.ClipLoss()(*adapted.model(images, tokens)[:2], adapted.model.logit_scale.exp())
    torch.testing.assert_close(ours, theirs)


def test_temperature_is_exchanged_and_a_step_with_swapping_trains(adapted, batch):
    adapted.temperature = Softplus(0.05)
    method = Method(Softplus, Swap(hard_weights, 1.0))
    before = [p.detach().clone() for p in adapted.parameters() if p.requires_grad]
    list(train_pair(adapted, lambda generator: batch, method, 2, make_generator(0, "test")))
    after = [p for p in adapted.parameters() if p.requires_grad]
    assert sum(bool((a != b).any()) for a, b in zip(before, after, strict=True)) > len(after) / 2
    assert float(adapted.temperature().detach()) != pytest.approx(20, abs=1e-6)
    assert not adapted._scale.requires_grad
    adapted.write_back()
    assert float(adapted._scale.exp()) == pytest.approx(float(adapted.temperature().detach()), rel=1e-5)
    adapted.temperature = Fixed(0.07)


def test_mappings_of_a_tokenizer_are_read(batch):
    adapted = from_transformers(transformers_model())
    tokens = {"input_ids": batch[1], "attention_mask": torch.ones_like(batch[1])}
    torch.testing.assert_close(adapted.encode_texts(tokens), adapted.encode_texts(batch[1]))


def test_other_models_are_refused():
    with pytest.raises(ValueError, match="encode_image"):
        from_open_clip(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="get_image_features"):
        from_transformers(nn.Linear(2, 2))
    sigmoid = open_clip_model()
    sigmoid.logit_bias = nn.Parameter(torch.zeros(()))
    with pytest.raises(ValueError, match="sigmoid"):
        from_open_clip(sigmoid)


def test_loss_agrees_with_cross_entropy():
    logits = 5 * torch.randn(2, 7, 7, generator=make_generator(0, "test"))
    index = torch.arange(7)
    each = [0.5 * (nn.functional.cross_entropy(m, index) + nn.functional.cross_entropy(m.T, index)) for m in logits]
    torch.testing.assert_close(contrastive_loss(logits), torch.stack(each))
