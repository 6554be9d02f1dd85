"""The loop: learning a known answer, exact resume after a kill at any step, and failures that say what to do."""

import math

import pytest
import torch
from torch import nn

from lowdim.training import checkpoints, loop
from lowdim.training.ema import EMA
from lowdim.training.loop import train, warm_up_then_cosine
from lowdim.training.progress import progress


def setup(seed=0):
    """A small net on a regression whose batches come from the loop's generator."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    return {"model": model, "loss_step": loss_step, "optimizer": optimizer, "ema": EMA(model, 0.9)}


def loss_step(model, generator):
    x = torch.randn(16, 3, generator=generator)
    return (model(x) - x.sum(1, keepdim=True)).square().mean()


def run(steps, folder=None, stop=None, every=5, parts=None, **more):
    """Train, raise after ``stop`` steps as a kill would, and return the losses and everything that was trained."""
    parts = parts or setup()
    generator = torch.Generator().manual_seed(7)
    losses = {}
    for step in train(
        **parts,
        steps=steps,
        generator=generator,
        checkpoint=folder,
        every=every,
        schedule=warm_up_then_cosine(steps, 3),
        **more,
    ):
        losses[step.step] = step.loss
        if step.step == stop:
            break
    return losses, {
        **parts["model"].state_dict(),
        **{f"ema.{k}": v for k, v in parts["ema"].module.state_dict().items()},
    }


def assert_same(first, second):
    assert first.keys() == second.keys()
    for key in first:
        assert torch.equal(first[key], second[key]), key


def test_training_lowers_the_loss_and_reports_each_step():
    parts = setup()
    steps = list(train(**parts, steps=200, generator=torch.Generator().manual_seed(0)))
    assert [s.step for s in steps] == list(range(1, 201))
    assert sum(s.loss for s in steps[-20:]) < 0.2 * sum(s.loss for s in steps[:20])
    assert steps[0].learning_rate == 1e-2
    assert all(s.gradient_norm > 0 for s in steps)


@pytest.mark.parametrize("stop", [1, 5, 8, 14])
def test_killed_and_started_again_ends_at_the_same_weights_bit_for_bit(tmp_path, stop):
    losses, weights = run(18)
    run(18, tmp_path, stop)
    rest, resumed = run(18, tmp_path)
    assert_same(weights, resumed)
    # At most one interval is done again, and with the same batches.
    assert min(rest) == 5 * (stop // 5) + 1
    assert all(rest[step] == losses[step] for step in rest)
    assert run(18, tmp_path)[0] == {}  # the end is a checkpoint too


class Killed(BaseException):
    pass


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("last", ["step-00000010.safetensors", "step-00000010.json"])
def test_killed_while_writing_the_one_before_is_sound(tmp_path, monkeypatch, last):
    real = checkpoints.os.replace

    def until(source, target):
        if target.name == last:
            raise Killed
        real(source, target)

    monkeypatch.setattr(checkpoints.os, "replace", until)
    with pytest.raises(Killed):
        run(18, tmp_path)
    monkeypatch.undo()
    rest, resumed = run(18, tmp_path)
    assert min(rest) == 6
    assert_same(run(18)[1], resumed)
    assert not list(tmp_path.glob(".*.partial"))


def test_damaged_checkpoint_is_refused_by_name_and_the_one_before_is_used(tmp_path):
    _, weights = run(20)
    run(20, tmp_path, stop=12)
    newest = tmp_path / "step-00000010.safetensors"
    content = bytearray(newest.read_bytes())
    content[-3] ^= 1
    newest.write_bytes(content)
    with pytest.warns(UserWarning, match=r"step-00000010\.json .* does not match its digest"):
        rest, resumed = run(20, tmp_path)
    assert min(rest) == 6
    assert_same(weights, resumed)
    assert sorted(p.name for p in tmp_path.glob("*.json")) == ["step-00000015.json", "step-00000020.json"]


def test_checkpoint_of_another_run_is_refused(tmp_path):
    run(5, tmp_path, tag="seed 0")
    with pytest.raises(ValueError, match="belongs to another run .*'seed 0', not 'seed 1'"):
        run(5, tmp_path, tag="seed 1")
    wider = nn.Linear(3, 1)
    other = {**setup(), "model": wider, "ema": EMA(wider), "optimizer": torch.optim.AdamW(wider.parameters())}
    with pytest.raises(ValueError, match="does not fit this model"):
        run(5, tmp_path, tag="seed 0", parts=other)


@pytest.mark.parametrize("bad", ["loss", "norm of the gradient"])
def test_not_a_number_stops_before_the_weights_are_touched(bad):
    parts = setup()
    before = {k: v.clone() for k, v in parts["model"].state_dict().items()}

    def poisoned(model, generator):
        loss = loss_step(model, generator)
        return loss * math.nan if bad == "loss" else loss + (0 * model[0].weight.sum()).sqrt()

    parts["loss_step"] = poisoned
    with pytest.raises(RuntimeError, match=rf"step 1: the {bad} is .*lower learning rate"):
        run(5, parts=parts)
    assert_same(before, parts["model"].state_dict())


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4000000000000 bytes."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: not enough memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        MemoryError(),
    ],
    ids=["cuda", "cpu", "windows", "cublas", "cudnn", "mps", "python"],
)
def test_short_memory_says_what_to_set(error):
    def greedy(model, generator):
        raise error

    with pytest.raises(MemoryError, match="memory ran out on cpu at training step 1: set a smaller batch") as found:
        run(5, parts={**setup(), "loss_step": greedy})
    assert found.value.__cause__ is error


def test_a_real_request_for_too_much_is_explained():
    def greedy(model, generator):
        return model(torch.empty(2**55, 3)).mean()

    with pytest.raises(MemoryError, match="smaller batch"):
        run(5, parts={**setup(), "loss_step": greedy})


def test_on_a_gpu_the_message_says_how_full_it_is(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (2e9, 80e9))
    assert loop._in_use(torch.device("cuda", 1)) == " (78.0 of 80.0 GB in use, by all programs)"
    assert loop._in_use(torch.device("cpu")) == ""


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_real_request_for_too_much_on_a_gpu_is_explained():
    parts = setup()
    parts["model"].cuda()
    parts["ema"].module.cuda()
    total = torch.cuda.mem_get_info()[1]

    def greedy(model, generator):
        return model(torch.empty(total // 12 + 1, 3, device="cuda")).mean()

    with pytest.raises(MemoryError, match=r"memory ran out on cuda:0 at training step 1 \([\d.]+ of [\d.]+ GB"):
        run(5, parts={**parts, "loss_step": greedy})


def test_other_errors_pass_through_unchanged():
    def broken(model, generator):
        return model(torch.ones(2, 5))

    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        run(5, parts={**setup(), "loss_step": broken})


def test_clipping_bounds_the_step():
    def steep(model, generator):
        return 1e3 * loss_step(model, generator)

    model = setup()["model"]
    before = nn.utils.parameters_to_vector(model.parameters()).clone()
    sgd = torch.optim.SGD(model.parameters(), lr=1.0)
    (step,) = train(model, steep, sgd, 1, generator=torch.Generator().manual_seed(0), clip=0.01)
    moved = nn.utils.parameters_to_vector(model.parameters()) - before
    assert step.gradient_norm > 1
    assert moved.norm().item() == pytest.approx(0.01, rel=1e-3)


def test_schedule_warms_up_and_ends_at_zero():
    factor = warm_up_then_cosine(110, 10)
    assert [factor(s) for s in (0, 5, 10, 60, 110)] == pytest.approx([0, 0.5, 1, 0.5, 0])
    steps = train(**setup(), steps=110, generator=torch.Generator().manual_seed(0), schedule=factor)
    assert [s.learning_rate for s in steps] == pytest.approx([1e-2 * factor(s) for s in range(1, 111)])


def test_bad_arguments_are_named_at_the_call():
    for bad in ({"steps": 0}, {"every": 0}, {"clip": 0.0}):
        arguments = {"steps": 1, "every": 1, **bad}
        with pytest.raises(ValueError, match=f"{next(iter(bad))}: 0"):
            train(**setup(), generator=torch.Generator(), **arguments)


def test_progress_passes_the_steps_on_silently_without_a_terminal(capsys):
    steps = list(progress(train(**setup(), steps=3, generator=torch.Generator().manual_seed(0)), 3, "test"))
    assert [s.step for s in steps] == [1, 2, 3]
    assert capsys.readouterr().err == ""
