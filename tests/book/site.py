"""The pages of the built site as parsed HTML."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[2]
HTML = Path(os.environ.get("LOWDIM_HTML", ROOT / "build" / "site" / "_build" / "html"))

# made by Sphinx, not written by us
GENERATED = ("genindex", "py-modindex", "search", "prf-prf", "index")


@dataclass(frozen=True)
class Page:
    """A page of the site; ``name`` is its path without ``.html``."""

    name: str

    @property
    def path(self) -> Path:
        """The file."""
        return HTML / f"{self.name}.html"

    @cached_property
    def soup(self) -> BeautifulSoup:
        """The parsed page."""
        return BeautifulSoup(self.path.read_text(encoding="utf-8"), "html.parser")

    @cached_property
    def article(self) -> BeautifulSoup:
        """The text column."""
        return self.soup.select_one("article.bd-article") or self.soup

    @cached_property
    def ids(self) -> set[str]:
        """Everything a link can point at."""
        return {tag["id"] for tag in self.soup.select("[id]")} | {tag["name"] for tag in self.soup.select("a[name]")}

    def __hash__(self) -> int:
        return hash(self.name)


@cache
def pages() -> list[Page]:
    """The pages that were written for the book, in order; source listings and generated indices are left out."""
    found = sorted(path.relative_to(HTML).with_suffix("").as_posix() for path in HTML.rglob("*.html"))
    return [Page(name) for name in found if name not in GENERATED and not name.startswith(("_modules", "_static"))]


@cache
def target(name: str) -> Page:
    """The page of a name, parsed once."""
    return Page(name)


def resolve(page: Page, address: str) -> tuple[Path, str]:
    """The file and the fragment that a relative address on ``page`` points at."""
    parts = urlsplit(address)
    path = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
    return (path / "index.html" if path.is_dir() else path), unquote(parts.fragment)


def is_local(address: str) -> bool:
    """Whether an address stays on the site."""
    parts = urlsplit(address)
    return not parts.scheme and not parts.netloc
