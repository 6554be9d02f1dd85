"""What can be checked of every page without a browser: links, pictures, leftovers of the markup."""

import itertools
import re

import pytest
from bs4 import BeautifulSoup

from book.site import HTML, is_local, resolve, target

LEFTOVERS = (
    r"\{(?:prf:ref|numref|cite(?::\w)?|ref|eq|doc|result|glue:?\w*)\}",
    r"^\s*```",
    r"^:::",
    r"\?\?",
    r"\$\$",
    r"<IPython\.core",
    r"Unknown directive|Unknown interpreted text",
    r"application/vnd\.",
)
RAW = "script, style, pre, code, .sig, .math, .highlight, mjx-container"


def prose(page):
    """The words of a page, without code and formulas."""
    copy = BeautifulSoup(str(page.article), "html.parser")
    for tag in copy.select(RAW):
        tag.decompose()
    return copy.get_text("\n")


def test_every_link_leads_somewhere(page):
    broken = []
    for link in page.soup.select("a[href]"):
        address = link["href"]
        if not is_local(address) or address == "#" or page.name == "404":
            continue
        path, fragment = resolve(page, address)
        if not path.is_file():
            broken.append(f"{address}: no such file")
        elif fragment and path.suffix == ".html":
            name = path.relative_to(HTML.resolve()).with_suffix("").as_posix()
            if fragment not in target(name).ids:
                broken.append(f"{address}: no such place")
    assert not broken


def test_every_picture_is_there_and_described(page):
    wrong = []
    for image in page.soup.select("img"):
        alt = image.get("alt")
        decoration = alt == "" and "logo__image" in image.get("class", [])
        if alt is None or (not alt.strip() and not decoration):
            wrong.append(f"{image.get('src')}: no alt text")
        if is_local(image["src"]) and not resolve(page, image["src"])[0].is_file():
            wrong.append(f"{image['src']}: no such file")
        if not is_local(image["src"]) and not image["src"].startswith("data:"):
            wrong.append(f"{image['src']}: on another host")
    assert not wrong


def test_nothing_is_loaded_from_another_host(page):
    used = [tag.get("src") or tag.get("href") for tag in page.soup.select("script[src], link[href], iframe[src]")]
    canonical = {tag["href"] for tag in page.soup.select("link[rel=canonical], link[rel=search]")}
    assert [address for address in used if not is_local(address) and address not in canonical] == []


def test_no_markup_is_left_over(page):
    text = prose(page)
    assert [found[0] for pattern in LEFTOVERS for found in re.finditer(pattern, text, re.MULTILINE)] == []
    assert page.soup.select(".system-message, .problematic") == []


def test_one_title_and_a_language(page):
    assert page.soup.html["lang"] == "en"
    assert len(page.article.select("h1")) == 1
    assert page.soup.title.get_text(strip=True)


def test_headings_do_not_skip_a_level(page):
    levels = [int(tag.name[1]) for tag in page.article.select("h1, h2, h3, h4, h5")]
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_identifiers_are_unique(page):
    found = [tag["id"] for tag in page.article.select("[id]")]
    assert sorted({name for name in found if found.count(name) > 1}) == []


def test_version_and_commit_are_at_the_foot(page):
    foot = page.soup.select_one(".lowdim-version").get_text()
    assert re.search(r"lowdim \d+\.\d+\.\d+, commit \S+\.", foot)


@pytest.mark.parametrize("name", ["book/intro", "book/scoreboard", "book/ledger", "book/bibliography", "404"])
def test_pages_that_must_exist(site, name):
    assert name in site
