"""The pages as they are written: every module has its reference, every paper its notation, every key its work."""

import pkgutil
import re

import pytest
import yaml
from pybtex.database import parse_file

import lowdim
from book.site import ROOT
from lowdim.companion.catalogue import CHAPTERS
from lowdim.companion.claims import load_all

BOOK = ROOT / "book"
REFERENCE = re.compile(r"^\.\. automodule:: (\S+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def config():
    return yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def contents():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    entries = [entry for part in toc["parts"] for entry in part["chapters"]]
    nested = [section for entry in entries for section in entry.get("sections", ())]
    return [toc["root"], *(entry["file"] for entry in entries + nested)]


@pytest.fixture(scope="module")
def referenced():
    pages = (BOOK / "api").glob("*.md")
    return [name for page in pages for name in REFERENCE.findall(page.read_text(encoding="utf-8"))]


def public_modules():
    found = [module for module in pkgutil.walk_packages(lowdim.__path__, "lowdim.") if not module.ispkg]
    return [module.name for module in found if not module.name.startswith("lowdim.papers.")]


def test_every_module_has_a_reference(referenced):
    missing = sorted(set(public_modules()) - set(referenced))
    assert not missing, "give each an automodule under book/api/"


def test_every_chapters_package_has_a_reference(referenced):
    packages = [m.name for m in pkgutil.iter_modules(lowdim.__path__ and [f"{lowdim.__path__[0]}/papers"])]
    assert {f"lowdim.papers.{name}" for name in packages} <= set(referenced)


def test_no_module_is_referenced_twice(referenced):
    assert sorted({name for name in referenced if referenced.count(name) > 1}) == []


def test_every_written_page_is_in_the_contents(contents):
    pages = {path.relative_to(ROOT).with_suffix("").as_posix() for path in BOOK.rglob("*.md")}
    kept_out = {name for name in pages if "/_" in name or "/claims/" in name or "/results/" in name}
    assert pages - kept_out == {name for name in contents if name.startswith("book/")}


def test_every_notebook_of_a_chapter_is_in_the_contents(contents):
    notebooks = {f"notebooks/{info.stem}" for info in CHAPTERS if info.notebook(ROOT).is_file()}
    assert notebooks == {name for name in contents if name.startswith("notebooks/")}


def test_works_of_the_claims_are_in_the_bibliography():
    known = set(parse_file(str(BOOK / "references.bib")).entries)
    for chapter in load_all(ROOT).values():
        assert set(chapter.papers) <= known


def test_the_notation_translates_every_paper():
    text = (BOOK / "notation.md").read_text(encoding="utf-8")
    sections = re.findall(r"^### (\d+) .*\n\n\{cite:p\}`(\w+)`\n\n\| paper \| meaning \| here \|$", text, re.MULTILINE)
    assert [int(number) for number, _ in sections] == [int(info.number) for info in CHAPTERS if info.paper]
    works = parse_file(str(BOOK / "references.bib")).entries
    for number, key in sections:
        info = CHAPTERS[int(number)]
        assert re.sub(r"[{}]", "", works[key].fields["title"]) == info.paper
        assert works[key].fields["eprint"] == info.arxiv


def test_where_the_book_is_published_is_set_in_one_place(config):
    assert set(config["html"]) >= {"baseurl"}
    assert set(config["repository"]) >= {"url", "branch"}
    launch = config["launch_buttons"]
    if not config["repository"]["url"]:
        assert not any(launch.values()), "a launch button needs the address of the repository"


def test_macros_have_no_plain_spelling_in_the_pages(config):
    macros = config["sphinx"]["config"]["mathjax3_config"]["tex"]["macros"]
    spelled = {r"\\mathbb\{[ER]\}": "E", r"\\operatorname\*?\{arg": "argmin", r"\\operatorname\{diag": "diag"}
    for page in BOOK.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        for pattern, macro in spelled.items():
            assert macro in macros
            assert not re.search(pattern, text), f"{page.name}: use \\{macro}"


def test_fonts_are_small_and_licensed():
    for folder in (BOOK / "_static" / "fonts", ROOT / "lib" / "lowdim" / "fonts"):
        files = [path for path in folder.iterdir() if path.suffix in (".woff2", ".ttf")]
        assert files
        assert sum(path.stat().st_size for path in files) < 300_000
        assert "SIL OPEN FONT LICENSE" in (folder / "OFL.txt").read_text(encoding="utf-8").upper()


def test_nothing_in_the_look_is_loaded_from_elsewhere():
    for path in (BOOK / "_static").rglob("*"):
        if path.suffix in (".css", ".js", ".html"):
            assert not re.search(r"(?:https?:)?//[a-z]", path.read_text(encoding="utf-8")), path.name
