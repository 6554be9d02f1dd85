"""Layers, compression of models, and kernels of the chapter on BLAST."""

import copy

import pytest
import torch
from torch import nn

from lowdim.compat import import_torchvision
from lowdim.papers.blast.compress import compress_, with_family
from lowdim.papers.blast.kernels import choose_product
from lowdim.papers.blast.layers import BlastLinear, dense_parameters
from lowdim.papers.blast.plan import Layer, Plan, survey
from lowdim.papers.blast.product import FEW, product, reference_product
from lowdim.papers.blast.siblings import FAMILIES

SIZES = [(48, 64, 4), (50, 30, 4), (48, 60, (3, 4)), (20, 30, 1)]


def relative(found, exact):
    return float(((found - exact).norm() / exact.norm()).detach())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("inputs", "outputs", "blocks"), SIZES)
def test_layers_compute_with_their_weight(family, inputs, outputs, blocks):
    if family == "block-diagonal" and isinstance(blocks, tuple):
        pytest.skip("a diagonal is square in blocks")
    torch.manual_seed(0)
    linear = nn.Linear(inputs, outputs, dtype=torch.float64)
    layer, errors = FAMILIES[family].from_linear(linear, ratio=0.5, num_blocks=blocks)
    assert layer.ratio <= 0.5
    assert layer.multiplications == sum(p.numel() for name, p in layer.named_parameters() if name != "bias")
    # the error is that of the padded matrix, whose padding is zero, so that it bounds the layer's
    assert relative(layer.weight, linear.weight) <= errors[-1] + 1e-9
    for shape in ((inputs,), (3, inputs), (2, 11, inputs), (0, inputs)):
        x = torch.randn(shape, dtype=torch.float64)
        torch.testing.assert_close(layer(x), nn.functional.linear(x, layer.to_dense(), linear.bias))
    again = type(layer)(inputs, outputs, layer.rank, layer.num_blocks, dtype=torch.float64)
    again.load_state_dict(layer.state_dict())
    assert torch.equal(again.weight, layer.weight)
    assert "ratio=" in repr(layer)


@pytest.mark.parametrize("family", FAMILIES)
def test_new_layers_start_like_linear(family):
    torch.manual_seed(0)
    layer = FAMILIES[family].for_budget(256, 256, 0.5, 4)
    weight = layer.weight
    used = weight[weight != 0]
    sizes = 256 if family != "block-diagonal" else 128
    assert float(used.std()) == pytest.approx((3 * sizes) ** -0.5, rel=0.15)
    generators = [torch.Generator().manual_seed(3) for _ in range(2)]
    layer.reset_parameters(generators[0])
    first = layer.weight.clone()
    layer.reset_parameters(generators[1])
    assert torch.equal(layer.weight, first)


def test_weight_cannot_be_assigned():
    layer = BlastLinear(8, 8, 2, 2)
    for value in (torch.zeros(8, 8), nn.Parameter(torch.zeros(8, 8))):
        with pytest.raises((AttributeError, KeyError)):
            layer.weight = value


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((64, 64, 40, 4), "rank: 40 stores more than the dense 64 x 64 matrix; with 4 x 4 blocks the largest is 28"),
        ((64, 64, 4, 100), "at most one block for each row and column"),
        ((64, 64, 0, 4), "rank: 0"),
        ((0, 64, 4, 4), "in_features: 0"),
        ((64, 64, 4, (1, 2, 3)), "num_blocks"),
    ],
)
def test_layers_refuse(arguments, message):
    with pytest.raises(ValueError, match=message):
        BlastLinear(*arguments)


def test_inputs_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"x: shape \(3, 9\) is not allowed; give \(..., 10\)"):
        BlastLinear(10, 8, 2, 4)(torch.ones(3, 9))


def test_siblings_refuse():
    with pytest.raises(ValueError, match="give a multiple of 4"):
        FAMILIES["monarch"](64, 64, 6, 4)
    with pytest.raises(ValueError, match="smaller side"):
        FAMILIES["low-rank"](8, 4, 6)
    with pytest.raises(ValueError, match="blocks are full"):
        FAMILIES["block-diagonal"](8, 8, 2, 2)
    with pytest.raises(ValueError, match="as many rows as columns"):
        FAMILIES["block-diagonal"](8, 8, None, (2, 4))
    with pytest.raises(ValueError, match="steps: not allowed"):
        FAMILIES["monarch"].from_linear(nn.Linear(8, 8), 4, 2, steps=3)
    with pytest.raises(ValueError, match="give at least"):
        BlastLinear.for_budget(64, 64, 0.01)
    with pytest.raises(ValueError, match="ReLU is not allowed"):
        dense_parameters(nn.ReLU())
    with pytest.raises(ValueError, match="backend: 'cuda'"):
        BlastLinear(8, 8, 2, 2, backend="cuda")


@pytest.mark.parametrize("tokens", [2, FEW + 8])
def test_autocast_and_short_parameters(tokens):
    torch.manual_seed(0)
    layer, x = BlastLinear(64, 48, 8, 4), torch.randn(tokens, 64)
    exact = layer(x)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(x)
    assert found.dtype == torch.bfloat16
    assert relative(found.float(), exact) < 0.02
    short = copy.deepcopy(layer).to(torch.bfloat16)
    assert relative(short(x.bfloat16()).float(), exact) < 0.02


def test_a_whole_graph_compiles():
    torch.manual_seed(0)
    layer = BlastLinear(50, 30, 4, (3, 4))
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager", dynamic=False)
    for tokens in (1, FEW + 5):
        x = torch.randn(tokens, 50)
        found = compiled(x)
        torch.testing.assert_close(found, layer(x))
        (found.sum()).backward()
    assert all(parameter.grad is not None for parameter in layer.parameters())


def test_layers_train():
    torch.manual_seed(0)
    wanted = BlastLinear(24, 24, 3, 4).weight.detach()
    layer = BlastLinear(24, 24, 6, 4)
    optimizer = torch.optim.Adam(layer.parameters(), 0.02)
    x = torch.randn(200, 24)
    losses = []
    for _ in range(150):
        loss = (layer(x) - x @ wanted.T).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.05 * losses[0]


def test_from_factors_and_checkpointing():
    layer = BlastLinear.from_factors(BlastLinear(24, 36, 5, (3, 2)).factors, torch.ones(36))
    x = torch.randn(4, 24, requires_grad=True)
    found = torch.utils.checkpoint.checkpoint(layer, x, use_reentrant=False)
    found.sum().backward()
    torch.testing.assert_close(x.grad, layer.weight.sum(0).expand(4, -1))
    assert torch.equal(layer.bias, torch.ones(36))


def mlp():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32), nn.Linear(32, 3)
    )


def test_rules_are_taken_in_order_and_reported():
    model = mlp()
    before, bias = copy.deepcopy(model), model[2].bias.clone()
    plan = Plan([("2", Layer(rank=4)), (lambda name, module: module.in_features == 32, Layer(ratio=0.5))], skip=["5"])
    report = compress_(model, plan, steps=10)
    kinds = [type(module).__name__ for module in model]
    assert kinds == ["Linear", "ReLU", "BlastLinear", "ReLU", "BlastLinear", "Linear"]
    assert model[2].rank == 4
    assert torch.equal(model[2].bias, bias)
    assert [row.family for row in report.rows] == ["", "blast", "blast", ""]
    assert report.rows[0].reason == "no rule"
    for row in report.replaced:
        weight = before.get_submodule(row.name).weight
        assert row.error == pytest.approx(relative(model.get_submodule(row.name).weight, weight), rel=1e-3)
    sizes = [16 * 32, model[2].multiplications, model[4].multiplications, 32 * 3]
    assert report.ratio == pytest.approx(sum(sizes) / (16 * 32 + 2 * 32 * 32 + 32 * 3))
    assert "2 of 4 layers" in str(report)


def test_layers_of_one_size_are_fitted_together_as_alone():
    together, alone = mlp(), mlp()
    compress_(together, Layer(ratio=0.5), steps=10)
    compress_(alone, Layer(ratio=0.5), steps=10, batch=1)
    exact = mlp()
    for name in ("2", "4"):
        errors = [relative(m.get_submodule(name).weight, exact.get_submodule(name).weight) for m in (together, alone)]
        assert errors[0] == pytest.approx(errors[1], rel=0.05)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_compresses(family):
    model = mlp()
    plan = with_family(Plan([("[24]", Layer(ratio=0.5))]), family)
    report = compress_(model, plan)
    assert {row.family for row in report.replaced} == {family}
    assert model(torch.randn(5, 16)).shape == (5, 3)


def test_a_layer_without_room_is_left_and_says_so():
    model = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 4))
    report = compress_(model, Layer(ratio=0.1, num_blocks=4), steps=2)
    assert [row.family for row in report.rows] == ["blast", ""]
    assert "give at least" in report.rows[1].reason


def test_frozen_and_evaluating_models_stay_so():
    model = mlp().eval().requires_grad_(False)
    compress_(model, Layer(ratio=0.5), steps=2)
    assert not any(module.training for module in model.modules())
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_layers_that_are_read_are_left():
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 1)
    with pytest.raises(ValueError, match="its parent reads the weight"):
        compress_(model, Layer(ratio=0.5))
    report = compress_(model, Plan([("*", Layer(ratio=0.5))], also=["*.linear1"]), steps=2)
    assert [row.name for row in report.replaced] == ["layers.0.linear1"]
    with pytest.raises(ValueError, match="use BlastLinear.from_linear"):
        compress_(nn.Linear(4, 4), Layer(rank=1, num_blocks=1))
    with pytest.raises(ValueError, match="no linear layer"):
        compress_(nn.ReLU(), Layer(rank=1))


def test_plans_refuse():
    with pytest.raises(ValueError, match="family: 'dense'"):
        Layer(ratio=0.5, family="dense")
    with pytest.raises(ValueError, match="give one of the two"):
        Layer(ratio=0.5, rank=3)
    for ratio in (-1.0, 0.0, 1.5, float("nan")):
        with pytest.raises(ValueError, match=rf"ratio: {ratio} is not allowed.*\(0, 1\]"):
            Layer(ratio=ratio)
    with pytest.raises(ValueError, match="rank: 0 is not allowed"):
        Layer(rank=0)
    with pytest.raises(ValueError, match="multiple: 0 is not allowed"):
        Layer(ratio=0.5, multiple=0)
    with pytest.raises(ValueError, match="num_blocks: -2 is not allowed"):
        Layer(ratio=0.5, num_blocks=-2)
    with pytest.raises(ValueError, match="plan: 0.5 is not allowed; give a Plan, or a Layer"):
        compress_(mlp(), 0.5)


def test_gpt2_with_transposed_layers_and_a_tied_head():
    transformers = pytest.importorskip("transformers")
    import_torchvision()
    config = transformers.GPT2Config(
        n_layer=1, n_embd=48, n_head=4, vocab_size=50, n_positions=16, bos_token_id=0, eos_token_id=0
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    ids = torch.arange(9)[None]
    exact = copy.deepcopy(model)
    # a rank at which nothing is lost shows that the transposed weights are taken the right way round
    report = compress_(model, Plan([("*", Layer(rank=48, num_blocks=1, family="low-rank"))]))
    assert {row.name: row.reason for row in report.rows}["lm_head"]
    assert relative(model(ids).logits, exact(ids).logits) < 1e-4
    again = copy.deepcopy(exact)
    report = compress_(again, Plan([("*.c_attn", Layer(ratio=0.5, num_blocks=(6, 2)))]), steps=5)
    assert [row.num_blocks for row in report.replaced] == [(6, 2)]
    assert again.lm_head.weight is again.transformer.wte.weight
    assert again.generate(ids, max_new_tokens=2, do_sample=False, pad_token_id=0).shape == (1, 11)
    untied = survey(exact, Plan([("*", Layer(rank=1))], also=["lm_head"]))
    assert untied[-1].layer is not None
    monkey = Plan([("*", Layer(rank=1))])
    assert survey(exact, monkey)[-1].reason == "an output of the model"


def test_shared_weights_are_left():
    model = nn.ModuleDict({"embed": nn.Embedding(16, 16), "out": nn.Linear(16, 16, bias=False)})
    model["out"].weight = model["embed"].weight
    assert survey(model, Plan([("*", Layer(rank=1))]))[0].reason == "its weight is shared"
    both = nn.Sequential(layer := nn.Linear(4, 4), layer)
    assert survey(both, Plan([("*", Layer(rank=1))]))[0].reason == "its weight is shared"


def test_llama_and_timm_models():
    transformers = pytest.importorskip("transformers")
    import_torchvision()
    config = transformers.LlamaConfig(
        num_hidden_layers=1,
        hidden_size=32,
        intermediate_size=64,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=50,
    )
    model = transformers.LlamaForCausalLM(config)
    report = compress_(model, Layer(ratio=0.5), steps=2)
    assert len(report.replaced) == 7
    model(torch.arange(6)[None], labels=torch.arange(6)[None]).loss.backward()
    timm = pytest.importorskip("timm")
    vit = timm.create_model(
        "vit_tiny_patch16_224", img_size=16, patch_size=8, depth=1, embed_dim=48, num_heads=3, num_classes=4
    )
    report = compress_(vit, Plan([("*.qkv", Layer(ratio=0.5, num_blocks=(9, 3))), ("*", Layer(ratio=0.5))]), steps=2)
    assert [row.name for row in report.rows if not row.family] == ["head"]
    assert vit(torch.randn(2, 3, 16, 16)).shape == (2, 4)


def test_kernels_step_back_where_they_cannot_work():
    layer = BlastLinear(16, 16, 2, 2, backend="triton")
    assert choose_product("triton", torch.randn(2, 16), layer.factors) is product
    layer(torch.randn(2, 16)).sum().backward()


def test_triton_kernels_against_the_reference():
    """On a GPU, or anywhere by Triton's interpreter (``TRITON_INTERPRET=1``)."""
    import os

    pytest.importorskip("triton")
    interpreted = os.environ.get("TRITON_INTERPRET") == "1"
    if not interpreted and not torch.cuda.is_available():
        pytest.skip("needs a GPU or TRITON_INTERPRET=1")
    from lowdim.papers.blast import triton_product as kernels

    device = "cpu" if interpreted else "cuda"
    torch.manual_seed(0)
    for blocks, rank, tokens in (((4, 4), 28, 1), ((3, 5), 70, 5), ((4, 2), 20, 37), ((6, 5), 33, 40)):
        layer = BlastLinear(24 * blocks[1], 33 * blocks[0], rank, blocks, allow_larger=True, device=device)
        x = torch.randn(tokens, layer.in_features, device=device)
        exact = reference_product(x, layer.factors)
        with torch.no_grad():
            for kernel in (kernels.triton_product, kernels.expand_last, kernels.mix_first):
                assert relative(kernel(x, layer.factors), exact) < 1e-5, kernel.__name__
