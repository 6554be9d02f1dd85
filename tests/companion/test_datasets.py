"""The data page's text: every set of the catalogue is on it, and its users are those that the source names."""

from dataclasses import replace

import pytest
from pybtex.database import parse_file

from book.site import ROOT
from lowdim.companion import datasets
from lowdim.data import catalogue
from lowdim.data.catalogue import DATA_SETS, EXAMPLES, SHOWN, data_set


def test_names_are_unique_and_records_are_whole():
    assert len({found.name for found in DATA_SETS}) == len(DATA_SETS)
    for found in DATA_SETS:
        assert found.contents
        assert found.licence
        assert found.credit
        if found.kind == "local":
            assert found.files
            assert found.placing
            assert found.checked.strip(".") == found.checked
            assert found.splits
            assert found.rule
    with pytest.raises(ValueError, match="name: 'imagenet' .* choose one of molrg, .*ffhq"):
        data_set("imagenet")


def test_works_are_in_the_bibliography():
    known = set(parse_file(str(ROOT / "book" / "references.bib")).entries)
    assert {found.key for found in DATA_SETS if found.key} <= known


@pytest.mark.parametrize("kind", ["generated", "installed", "local"])
def test_tables_show_every_set_of_their_kind(kind):
    text = datasets.table_text(kind)
    for found in DATA_SETS:
        assert (f"[**{found.title}**]" in text) == (found.kind == kind)
        assert (f"{{cite:p}}`{found.key}`" in text) or found.kind != kind or not found.key


def test_the_page_shows_every_kind_and_every_file():
    page = (ROOT / "book" / "data.md").read_text(encoding="utf-8")
    for kind in {found.kind for found in DATA_SETS}:
        assert f"```{{data-sets}} {kind}\n" in page
    for found in DATA_SETS:
        assert (f"```{{data-files}} {found.name}\n" in page) == bool(found.files)
    for name in EXAMPLES:
        assert f"```{{data-sheet}} {name}\n" in page


def test_files_are_listed_with_checksums_and_what_is_verified():
    text = datasets.files_text("celeba")
    for file in data_set("celeba").files:
        assert f"`{file.name}`" in text
        assert f"md5 `{file.checksum.removeprefix('md5:')}`" in text
    assert data_set("celeba").page in text
    assert "(optional)" in text
    assert "none published" in datasets.files_text("ffhq")
    with pytest.raises(ValueError, match="'digits' has no files"):
        datasets.files_text("digits")
    with pytest.raises(ValueError, match="kind: 'stolen'"):
        datasets.table_text("stolen")


def test_users_are_those_that_import_the_module_or_name_the_set(tmp_path, monkeypatch):
    """In a package of four files: by module, by a module below it, by name, and one that only mentions the name."""
    package = tmp_path / "lowdim"
    package.mkdir()
    sources = {
        "a": "from lowdim.data.celeba import load_celeba",
        "b": "from lowdim.data import celeba",
        "c": "def f():\n    from lowdim.data.images import load_images\n    return load_images('celeba')",
        "d": "x = 'celeba'",
        "e": "from lowdim.data.celebahq import load",
    }
    for name, code in sources.items():
        (package / f"{name}.py").write_text(code)
    monkeypatch.setattr(datasets, "package_folder", lambda: package)
    found = data_set("celeba")
    assert [name for name in sources if datasets._uses(package / f"{name}.py", found)] == ["a", "b", "c"]


def test_known_users():
    (chapters, models) = datasets.users(data_set("digits"))
    assert {"00", "01"} <= set(chapters.removeprefix("chapters ").split(", "))
    assert "`digits`" in models
    assert "01" in datasets.users(data_set("discs"))[0]
    assert datasets.users(data_set("photographs")) == ["chapter 10"], "through the moving clips, and no other"
    assert datasets.users(replace(data_set("discs"), name="none", module="lowdim.data.none")) == []


def test_sheets_show_what_the_set_holds():
    for name, draw in EXAMPLES.items():
        images = draw()
        assert images.shape[0] == SHOWN
        assert -1 <= images.min() < images.max() <= 1
        assert len(datasets.sheet_png(name)) < 100_000
    with pytest.raises(ValueError, match="'celeba' has no examples"):
        datasets.sheet_png("celeba")


def test_captions_are_true_of_the_faces_on_the_sheet():
    from lowdim.data.captions import captions_match

    found = captions_match(catalogue.example_captions(4), catalogue._example_faces().attributes[:4])
    assert bool(found.diagonal().all())
