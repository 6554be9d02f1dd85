from pathlib import Path

import pytest

from companion import toybook


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A toy book in a temporary folder; this process and its children work on it."""
    root = toybook.make_book(tmp_path / "book")
    toybook.enter(root, monkeypatch)
    yield root
    toybook.leave()


@pytest.fixture
def counts(tmp_path, monkeypatch):
    """How often each experiment of the toy chapter ran, in whatever process: ``counts()`` gives a dict."""
    folder = tmp_path / "counts"
    folder.mkdir()
    monkeypatch.setenv("TOY_COUNT", str(folder))
    return lambda: {path.name: len(path.read_text()) for path in Path(folder).iterdir()}
