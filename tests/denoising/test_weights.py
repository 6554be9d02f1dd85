"""Model folders: the same denoiser after loading, with diffusers alone too; damage and absence refused by name."""

import json
import warnings

import pytest
import torch

from lowdim.compat import import_diffusers
from lowdim.denoising.networks import MLP, EDMDenoiser, small_unet
from lowdim.denoising.weights import load_model, save_model
from lowdim.model_store import Card, DamagedModel, find_model, load_card

CARD = Card(
    "tiny",
    "A tiny net.",
    "none",
    "MIT",
    "lowdim train tiny",
    "smoke",
    0,
    {"steps": 1},
    {"Errors": [{"measure": "a", "value": 1.5}]},
)


def randomised(network):
    gen = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in network.parameters():
            p.add_(0.2 * torch.randn(p.shape, generator=gen))
    return EDMDenoiser(network.eval(), 0.6)


@pytest.fixture(params=["mlp", "unet"])
def denoiser(request):
    return randomised(MLP((1, 8, 8), 16, 2) if request.param == "mlp" else small_unet(8, (8, 16), 1))


def noisy():
    return torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(1)), torch.tensor([0.01, 0.5, 20.0])


def test_round_trip_gives_the_same_denoiser_without_warnings(tmp_path, denoiser, capfd):
    save_model(tmp_path / "tiny", denoiser, CARD)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = load_model("tiny", tmp_path)
    assert torch.equal(loaded(*noisy()), denoiser(*noisy()))
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())
    assert "".join(capfd.readouterr()) == ""


def test_half_precision_halves_the_folder_and_loads_as_float32(tmp_path, denoiser):
    big = save_model(tmp_path / "big", denoiser, CARD)
    small = save_model(tmp_path / "small", denoiser, CARD, dtype=torch.float16)
    sizes = [sum(path.stat().st_size for path in folder.rglob("*.safetensors")) for folder in (big, small)]
    assert sizes[1] < 0.7 * sizes[0]
    loaded = load_model(small)
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    exact = {name: p.half().float() for name, p in denoiser.state_dict().items()}
    assert all(torch.equal(p, exact[name]) for name, p in loaded.state_dict().items())


def test_unet_folder_gives_the_same_with_diffusers_alone(tmp_path):
    denoiser = randomised(small_unet(8, (8, 16), 1))
    folder = save_model(tmp_path / "tiny", denoiser, CARD)
    diffusers = import_diffusers()
    unet = diffusers.UNet2DModel.from_pretrained(folder / "unet", low_cpu_mem_usage=False)
    scheduler = diffusers.EDMEulerScheduler.from_pretrained(folder / "scheduler")
    (x, sigmas), outputs = noisy(), []
    with torch.no_grad():
        for sigma in sigmas:
            network = unet(scheduler.precondition_inputs(x, sigma), scheduler.precondition_noise(sigma)).sample
            outputs.append(scheduler.precondition_outputs(x, network, sigma))
            torch.testing.assert_close(outputs[-1], denoiser(x, float(sigma)), rtol=1e-5, atol=1e-6)


def test_card_and_page_say_where_it_comes_from(tmp_path, denoiser):
    folder = save_model(tmp_path / "tiny", denoiser, CARD, {"samples.png": b"picture"})
    card = load_card(folder)
    assert (card.command, card.settings, card.versions.keys() >= {"torch"}) == ("lowdim train tiny", {"steps": 1}, True)
    page = (folder / "README.md").read_text()
    for piece in (
        "A tiny net.",
        "`lowdim train tiny`",
        "## Errors",
        "| a | 1.5 |",
        "samples.png",
        next(iter(card.files.values())),
    ):
        assert piece in page
    assert set(card.files) == {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {
        "card.json",
        "README.md",
    }


def test_saving_again_replaces_the_folder_and_hashes_do_not_change(tmp_path, denoiser):
    folder = save_model(tmp_path / "tiny", denoiser, CARD, {"old.txt": b""})
    first = load_card(folder).files
    second = load_card(save_model(folder, denoiser, CARD)).files
    assert first.items() - second.items() == {("old.txt", first["old.txt"])}
    assert [p.name for p in tmp_path.iterdir()] == ["tiny"]


@pytest.mark.parametrize("harm", ["flip", "truncate", "remove"])
def test_each_damaged_file_is_refused_by_name_with_the_way_to_get_it(tmp_path, denoiser, harm):
    folder = save_model(tmp_path / "tiny", denoiser, CARD)
    for name in load_card(folder).files:
        path = folder / name
        content = path.read_bytes()
        if harm == "flip":
            path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        elif harm == "truncate":
            path.write_bytes(content[:-1])
        else:
            path.unlink()
        with pytest.raises(DamagedModel, match=rf"{path.name} .*lowdim train tiny"):
            load_model(folder)
        path.write_bytes(content)
    load_model(folder)


def test_unreadable_card_is_refused(tmp_path, denoiser):
    folder = save_model(tmp_path / "tiny", denoiser, CARD)
    values = json.loads((folder / "card.json").read_text())
    for text in ("{", json.dumps({k: v for k, v in values.items() if k != "files"})):
        (folder / "card.json").write_text(text)
        with pytest.raises(DamagedModel, match=r"card\.json cannot be read"):
            load_model(folder)


def test_models_are_found_in_order(tmp_path, monkeypatch):
    denoiser = randomised(MLP((1, 8, 8), 16, 1))
    for place in ("set", "root/models", "work/models"):
        save_model(tmp_path / place / "tiny", denoiser, CARD)
    (tmp_path / "work/deep").mkdir()
    monkeypatch.chdir(tmp_path / "work/deep")
    monkeypatch.delenv("LOWDIM_ROOT", raising=False)
    monkeypatch.delenv("LOWDIM_MODELS", raising=False)
    assert find_model("tiny") == tmp_path / "work/models/tiny"
    monkeypatch.setenv("LOWDIM_ROOT", str(tmp_path / "root"))
    assert find_model("tiny") == tmp_path / "root/models/tiny"
    monkeypatch.setenv("LOWDIM_MODELS", str(tmp_path / "set"))
    assert find_model("tiny") == tmp_path / "set/tiny"
    assert find_model(tmp_path / "work/models/tiny") == tmp_path / "work/models/tiny"
    with pytest.raises(FileNotFoundError, match=r"'absent' is not in .*set.*lowdim train absent"):
        load_model("absent")
    with pytest.raises(FileNotFoundError, match=r"there are tiny\. Give one of these"):
        load_model("absent", tmp_path / "set")
    with pytest.raises(FileNotFoundError, match=r"there are none\."):
        load_model("absent", tmp_path)


def test_foreign_networks_are_refused_and_leave_nothing(tmp_path):
    with pytest.raises(ValueError, match="type Linear"):
        save_model(tmp_path / "tiny", EDMDenoiser(torch.nn.Linear(1, 1), 1.0), CARD)
    assert not (tmp_path / "tiny").exists()
