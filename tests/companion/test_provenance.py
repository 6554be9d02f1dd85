import json
import subprocess
import sys

import nbformat
import pytest

from companion.toybook import INFO, papers
from lowdim.companion.catalogue import CHAPTERS, load_module
from lowdim.companion.imports import defining_modules, package_folder
from lowdim.companion.provenance import (
    HASHES,
    changed,
    chapter_hashes,
    commit_label,
    declared_weights,
    measured_otherwise,
    measuring_hashes,
    module_hashes,
    notebook_cells,
    text_digest,
    versions,
)


def edit_source(root):
    path = INFO.notebook(root)
    path.write_text(path.read_text().replace("# Toy", "# Other toy"))


def edit_outputs(root):
    notebook = nbformat.read(INFO.notebook(root), as_version=4)
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text="hello")]
    notebook.cells[-1].execution_count = 7
    nbformat.write(notebook, INFO.notebook(root))


def edit_module(root):
    (papers(root) / "subspace_clustering.py").open("a").write("\n# a comment\n")


def edit_unused(root):
    (papers(root) / "blast.py").write_text("x = 1\n")


def edit_claims(root):
    (root / "book/claims/01-subspace-clustering.yml").open("a").write("slips: []\n")


def edit_lock(root):
    (root / "constraints.txt").write_text("torch==9\n")


def edit_weights(root):
    (root / "models/toy/model.txt").write_text("others\n")


def add_weights(root):
    (root / "models/toy/card.json").write_text("{}")


def edit_other_weights(root):
    (root / "models/other").mkdir()
    (root / "models/other/model.txt").write_text("others\n")


def windows_lines(root):
    path = papers(root) / "subspace_clustering.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (edit_source, ["notebook"]),
        (edit_module, ["code"]),
        (edit_claims, ["claims"]),
        (edit_lock, ["lock"]),
        (edit_weights, ["weights"]),
        (add_weights, ["weights"]),
        (edit_outputs, []),
        (edit_unused, []),
        (edit_other_weights, []),
        (windows_lines, []),
    ],
)
def test_each_part_is_told_apart(book, edit, expected):
    before = chapter_hashes(INFO, book, {"seed": 0})
    edit(book)
    after = chapter_hashes(INFO, book, {"seed": 0})
    assert changed(before, after) == expected
    assert (before["key"] != after["key"]) == bool(expected)


def test_a_module_that_the_notebook_imports_counts(book):
    (book / "lib/lowdim/helper.py").write_text("x = 1")
    before = chapter_hashes(INFO, book)
    assert changed(before, chapter_hashes(INFO, book)) == []
    path = INFO.notebook(book)
    path.write_text(path.read_text().replace("# how large", "# how large\\nfrom lowdim import helper"))
    imported = chapter_hashes(INFO, book)
    assert changed(before, imported) == ["code", "notebook"]
    (book / "lib/lowdim/helper.py").write_text("x = 2")
    assert changed(imported, chapter_hashes(INFO, book)) == ["code"]


def test_data_beside_a_module_counts(book):
    before = module_hashes(INFO, book)
    (papers(book) / "table.json").write_text("{}")
    beside = module_hashes(INFO, book)
    assert beside["code"] != before["code"]
    (papers(book) / "fonts").mkdir()
    (papers(book) / "fonts/a.ttf").write_bytes(b"\0")
    inside = module_hashes(INFO, book)
    assert inside["code"] != beside["code"]
    (papers(book) / "__pycache__").mkdir(exist_ok=True)
    (papers(book) / "__pycache__/a.pyc").write_bytes(b"\0")
    assert module_hashes(INFO, book) == inside


def test_an_experiment_counts_what_it_imports_and_not_what_lies_beside_it(book):
    """The toy's one file becomes a package: a registry, a module that measures and one that draws."""
    toy = papers(book) / "subspace_clustering.py"
    folder = toy.with_suffix("")
    folder.mkdir()
    (folder / "__init__.py").write_text(
        f"from {INFO.module} import figures\nfrom {INFO.module}.exact import measure\n"
        "WEIGHTS = ('toy',)\nEXPERIMENTS = {'measure': measure}\n"
    )
    (folder / "exact.py").write_text("from lowdim import helper\ndef measure():\n    pass\n")
    (folder / "figures.py").write_text("COLOUR = 1\n")
    (book / "lib/lowdim/helper.py").write_text("x = 1\n")
    toy.unlink()

    def changed_parts() -> list[str]:
        return measured_otherwise(first, measuring_hashes(INFO, book))

    first, whole = measuring_hashes(INFO, book), module_hashes(INFO, book)
    assert first.keys() == {"weights", "experiment:measure"}
    (folder / "figures.py").write_text("COLOUR = 2\n")
    assert module_hashes(INFO, book) != whole
    assert changed_parts() == []
    (book / "lib/lowdim/helper.py").write_text("x = 2\n")
    assert changed_parts() == ["experiment:measure"]
    (book / "models/toy/model.txt").write_text("others")
    assert changed_parts() == ["experiment:measure", "weights"]
    assert measured_otherwise({"module": "m", "weights": first["weights"]}, first) == ["code"]


@pytest.mark.parametrize("info", CHAPTERS, ids=lambda info: info.number)
def test_the_code_of_every_experiment_is_found_without_running_it(info):
    """What the text of the registry says is what Python finds; no wrapper hides where a function is from."""
    experiments = load_module(info).EXPERIMENTS
    found = defining_modules(info.module, "EXPERIMENTS", package_folder())
    assert list(found) == list(experiments)
    for name, experiment in experiments.items():
        assert found[name] == experiment.__module__ != info.module, name
        assert experiment.__code__.co_filename == sys.modules[experiment.__module__].__file__, name


def test_key_depends_on_parameters_and_is_absent_without_them(book):
    first, second = (chapter_hashes(INFO, book, {"seed": seed})["key"] for seed in (0, 1))
    assert first != second
    assert set(chapter_hashes(INFO, book)) == set(HASHES)


def test_missing_files_hash_as_absent(book):
    for path in (INFO.notebook(book), book / "constraints.txt", book / "book/claims/01-subspace-clustering.yml"):
        path.unlink()
    found = chapter_hashes(INFO, book)
    assert [found[name] for name in ("notebook", "claims", "lock")] == ["absent"] * 3


def test_binary_files_keep_their_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"\0\r\n")
    (tmp_path / "b").write_bytes(b"\0\n")
    assert text_digest(tmp_path / "a") != text_digest(tmp_path / "b")


def test_weights_must_be_literal(tmp_path):
    file = tmp_path / "module.py"
    file.write_text('WEIGHTS: tuple[str, ...] = ("a", "b")\n')
    assert declared_weights([file]) == ("a", "b")
    file.write_text("WEIGHTS = make()\n")
    with pytest.raises(ValueError, match="literal"):
        declared_weights([file])


def test_damaged_notebook_is_named(tmp_path):
    (tmp_path / "bad.ipynb").write_text("{")
    with pytest.raises(ValueError, match=r"bad\.ipynb"):
        notebook_cells(tmp_path / "bad.ipynb")


def test_versions_are_plain_text():
    found = versions()
    assert {"python", "lowdim", "torch", "numpy"} <= set(found)
    json.dumps(found)


def test_commit_label(tmp_path):
    assert commit_label(tmp_path) == "unknown"
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "file").write_text("1")
    for command in (["init", "-q"], ["add", "file"], [*identity, "commit", "-q", "-m", "one"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    clean = commit_label(tmp_path)
    assert len(clean) == 10
    (tmp_path / "file").write_text("2")
    assert commit_label(tmp_path) == f"{clean}-dirty"


def test_no_git_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert commit_label(tmp_path) == "unknown"
