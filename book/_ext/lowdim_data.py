"""Directives of the data page: the catalogue of data sets as tables, and sheets of examples drawn while building.

    ```{data-sets} local          ```{data-files} celeba        ```{data-sheet} faces         ```{data-captions} 3

An unknown name is a warning, so that a build with ``-W`` fails.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from html import escape
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from lowdim.companion import datasets
from lowdim.data.catalogue import data_set, example_captions

logger = logging.getLogger(__name__)


class DataDirective(SphinxDirective):
    """Runs :meth:`content_nodes`; a name that is not known becomes a warning at the directive's line."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Part of the docutils interface."""
        try:
            return list(self.content_nodes(self.arguments[0]))
        except ValueError as error:
            logger.warning("%s: %s", self.name, error, location=self.get_location())
            return []

    def content_nodes(self, name: str) -> Iterable[nodes.Node]:
        """What the directive shows."""
        raise NotImplementedError

    def parsed(self, text: str) -> list[nodes.Node]:
        """MyST text as nodes, with its citations."""
        box = nodes.container()
        self.state.nested_parse(StringList(text.splitlines(), self.get_source_info()[0]), self.content_offset, box)
        return list(box.children)


class DataSets(DataDirective):
    """``{data-sets} kind``: the data sets of one kind, and who uses them."""

    def content_nodes(self, name: str) -> Iterable[nodes.Node]:
        """Part of :class:`DataDirective`."""
        return self.parsed(datasets.table_text(name))


class DataFiles(DataDirective):
    """``{data-files} name``: the files of one data set, how to put them in place, what is verified."""

    def content_nodes(self, name: str) -> Iterable[nodes.Node]:
        """Part of :class:`DataDirective`."""
        return self.parsed(datasets.files_text(name))


class DataSheet(DataDirective):
    """``{data-sheet} name``: pictures of a data set; the content is the caption."""

    has_content = True

    def content_nodes(self, name: str) -> Iterable[nodes.Node]:
        """Part of :class:`DataDirective`."""
        found = data_set(name)
        picture = b64encode(datasets.sheet_png(name)).decode()
        alt = f"{found.title}: {datasets.SHOWN} examples in two rows."
        yield nodes.raw("", f'<figure><img src="data:image/png;base64,{picture}" alt="{escape(alt)}">', format="html")
        caption = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, caption)
        yield nodes.raw("", "<figcaption>", format="html")
        yield from caption.children
        yield nodes.raw("", "</figcaption></figure>", format="html")


class DataCaptions(DataDirective):
    """``{data-captions} n``: captions of the first ``n`` faces of the sheet."""

    def content_nodes(self, name: str) -> Iterable[nodes.Node]:
        """Part of :class:`DataDirective`."""
        return self.parsed("\n".join(f"1. *{caption}*" for caption in example_captions(int(name))))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    for name, directive in {
        "data-sets": DataSets,
        "data-files": DataFiles,
        "data-sheet": DataSheet,
        "data-captions": DataCaptions,
    }.items():
        app.add_directive(name, directive)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
