"""Every page in a real browser: nothing complains, nothing is fetched from elsewhere, all is readable."""

import pytest

from book.visit import visit


@pytest.fixture(scope="module")
def visits():
    return {}


@pytest.fixture
def seen(page, browser, server, visits):
    if page.name not in visits:
        visits[page.name] = visit(browser, server, page.name)
    return visits[page.name]


def test_the_console_is_quiet(seen):
    assert seen.complaints == []


def test_nothing_fails_to_load(seen):
    assert seen.failed == []
    assert seen.broken_pictures == []


def test_nothing_is_asked_of_another_host(seen):
    assert seen.strangers == []


def test_every_formula_is_typeset(seen, page):
    assert seen.math["formulas"] == len(page.soup.select(".math"))
    assert seen.math["bare"] == []
    assert seen.math["errors"] == []
    assert seen.math["raw"] == []


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_stands_out_from_its_ground(seen, mode):
    assert seen.pale[mode] == []


def test_a_phone_shows_the_page_without_scrolling_sideways(seen):
    assert seen.wide == []
