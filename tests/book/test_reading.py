"""What a reader does: unfold, search, change to dark, get lost, use the keyboard."""

import pytest

from book.visit import DESK, SCRIPT, settle, watch


@pytest.fixture
def tab(browser, server):
    page = browser.new_page(viewport=DESK, reduced_motion="reduce", color_scheme="light")
    page.seen = watch(page, server)
    yield page
    page.close()


def open_page(tab, server, name):
    tab.goto(f"{server}{name}.html")
    settle(tab)
    return tab


@pytest.fixture
def chapter(site):
    """The pages that are chapters."""
    found = [name for name in site if name.startswith("notebooks/")]
    assert found, "no chapter is built"
    return found[0]


def test_every_fold_opens(tab, server, chapter):
    open_page(tab, server, chapter)
    folds = tab.locator("article details")
    closed = [i for i in range(folds.count()) if folds.nth(i).get_attribute("open") is None]
    for i in closed:
        folds.nth(i).locator("summary").first.click()
        assert folds.nth(i).get_attribute("open") is not None
    toggles = tab.locator("article .admonition.toggle > .admonition-title > .toggle-button")
    hidden = tab.locator("article .admonition.toggle-hidden")
    before = hidden.count()
    for i in range(before):
        toggles.nth(i).click()
    assert hidden.count() == 0
    assert closed or before, "the chapter folds nothing"
    assert tab.seen.complaints == []


def test_the_button_changes_between_light_and_dark(tab, server):
    open_page(tab, server, "book/intro")
    ground = "getComputedStyle(document.body).backgroundColor"
    seen = {tab.evaluate(ground)}
    for _ in range(3):
        tab.locator("button.theme-switch-button:visible").first.click()
        seen.add(tab.evaluate(ground))
    assert len(seen) == 2


def test_a_dark_system_gets_dark_pages(browser, server):
    tab = browser.new_page(color_scheme="dark")
    open_page(tab, server, "book/intro")
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"
    tab.close()


def test_search_finds_a_page(tab, server):
    tab.goto(f"{server}search.html?q=ledger")
    tab.wait_for_selector("#search-results a", timeout=10_000)
    titles = " ".join(tab.locator("#search-results a").all_inner_texts())
    assert "Ledger" in titles


def test_search_says_when_there_is_nothing(tab, server):
    tab.goto(f"{server}search.html?q=zzyzx")
    tab.wait_for_function(
        "document.querySelector('#search-results').innerText.includes('did not match')", timeout=10_000
    )
    assert tab.locator("#search-results li").count() == 0


@pytest.mark.parametrize("address", ["nowhere", "book/api/deep/nowhere"])
def test_a_lost_address_gets_the_sites_own_page(tab, server, address):
    answer = tab.goto(f"{server}{address}")
    settle(tab)
    assert answer.status == 404
    assert "not in the book" in tab.locator("article h1").inner_text()
    assert [failed for failed in tab.seen.failed if address not in failed] == []
    tab.get_by_role("link", name="first page").click()
    assert tab.url.endswith("book/intro.html")


def test_the_first_tab_stop_skips_to_the_text(tab, server):
    open_page(tab, server, "book/running")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent.trim()") == "Skip to main content"


def test_the_menu_opens_on_a_phone(browser, server):
    tab = browser.new_page(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    open_page(tab, server, "book/running")
    link = tab.locator("nav.bd-links a", has_text="Scoreboard")
    assert not link.is_visible()
    tab.locator("button.primary-toggle:visible").first.click()
    link.wait_for(state="visible", timeout=5000)
    tab.close()


def test_paper_gets_the_text_without_the_frame(tab, server):
    open_page(tab, server, "book/intro")
    tab.emulate_media(media="print")
    assert not tab.locator(".bd-sidebar-primary").is_visible()
    assert not tab.locator(".ld-explorable").is_visible()
    assert tab.locator(".lowdim-instead").is_visible()


def test_paper_is_light_and_unfolded_for_dark_readers_too(tab, server, chapter):
    open_page(tab, server, chapter)
    tab.evaluate("document.documentElement.dataset.theme = 'dark'")
    tab.emulate_media(media="print")
    tab.add_script_tag(content=SCRIPT)
    assert tab.evaluate("measure.pale()") == []
    formula = tab.locator("article mjx-container").first
    assert formula.evaluate("element => getComputedStyle(element).color") == "rgb(27, 39, 51)"
    assert tab.locator("article details .lowdim-proof").first.is_visible()
