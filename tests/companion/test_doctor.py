import hashlib
from dataclasses import replace

import pytest

from lowdim.companion import doctor
from lowdim.data import catalogue
from lowdim.data.records import DataFile


def test_the_report_has_every_part(book):
    text = doctor.report(book)
    for title in ("machine", "packages", "checkout", "data (LOWDIM_DATA)", "weights", "cost of the recorded runs"):
        assert f"{title}\n  " in text
    assert "chapters with a notebook: 01" in text


def test_missing_packages_are_named_with_the_cure(monkeypatch):
    monkeypatch.setattr(doctor, "_installed", lambda name: name != "papermill")
    line = next(line for line in doctor.packages() if line.startswith("notebooks"))
    assert "missing papermill" in line
    assert "lowdim[notebooks]" in line


def test_data_files_are_told_intact_damaged_or_missing(tmp_path, monkeypatch):
    good = hashlib.sha256(b"good").hexdigest()
    files = tuple(DataFile(f"{name}.npz", "4 B", f"sha256:{good}", name == "four") for name in ("one", "two", "four"))
    monkeypatch.setattr(catalogue, "DATA_SETS", (replace(catalogue.DATA_SETS[0], title="Toys", files=files),))
    monkeypatch.setenv("LOWDIM_DATA", str(tmp_path))
    (tmp_path / "one.npz").write_bytes(b"good")
    (tmp_path / "two.npz").write_bytes(b"goo")
    assert doctor.data() == [
        str(tmp_path),
        "Toys: one.npz: intact",
        "Toys: two.npz: DAMAGED: its checksum differs",
        "Toys: four.npz: not there (optional)",
    ]
    monkeypatch.setenv("LOWDIM_DATA", str(tmp_path / "nowhere"))
    assert doctor.data()[0].endswith("nowhere is not a folder")
    monkeypatch.delenv("LOWDIM_DATA")
    assert doctor.data() == ["not set; all a quick run needs is generated or installed. Full runs may use Toys"]


def test_every_data_set_with_files_is_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("LOWDIM_DATA", str(tmp_path))
    text = "\n".join(doctor.data())
    for name in ("cifar-10-python.tar.gz", "cifar10-jpeg75-subset.npz", "img_align_celeba.zip", "thumbnails128x128"):
        assert f"{name}: not there" in text


def test_damaged_results_and_weights_are_told(book):
    path = book / "book/results/quick/01-subspace-clustering.json"
    path.parent.mkdir(parents=True)
    path.write_text("{", encoding="utf-8")
    found = doctor.costs(book)[0]
    assert found.startswith("quick: DAMAGED: book/results/quick/01-subspace-clustering.json: not readable")
    (book / "models/toy/card.json").write_text("{", encoding="utf-8")
    assert doctor.weights(book)[0].startswith("toy: DAMAGED: ")


def test_browser(tmp_path, monkeypatch):
    browser = tmp_path / "browser"
    browser.write_text("")
    monkeypatch.setenv("CHROMIUM", str(browser))
    assert doctor.find_browser() == str(browser)
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "none"))
    assert doctor.find_browser() is None
    monkeypatch.delenv("CHROMIUM")
    monkeypatch.setenv("PATH", "")
    assert doctor.find_browser() is None


@pytest.mark.parametrize(("seconds", "text"), [(5, "5 s"), (600, "10 min")])
def test_times(seconds, text):
    assert doctor._time(seconds) == text
