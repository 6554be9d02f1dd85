"""The page's side of a figure: turns the cell's output into a numbered figure with caption, alt text and label.

Registered as a ``myst_nb.mime_renderers`` entry point. The label of figure ``01-phase-diagram`` is
``fig-01-phase-diagram``; ``{numref}`` and ``{ref}`` find it. The picture is the vector file staged with the results
when there is one, else the PNG of the same output. A film whose sheet of frames is staged gets its player beside that
picture, which then is its poster.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from myst_nb._compat import get_env_app
from myst_nb.core.render import MimeData, MimeRenderPlugin, NbElementRenderer, create_figure_context

from lowdim.companion.figures import MIME
from lowdim.companion.films import player_html

if TYPE_CHECKING:
    from sphinx.environment import BuildEnvironment

# the pages show the stored outputs, which are those of the quick profile
STAGED = "book/results/quick/figures"
FOLDER = "lowdim-figures"


class FigureRenderer(MimeRenderPlugin):
    """Renders outputs of type :data:`lowdim.companion.figures.MIME`."""

    mime_priority_overrides: ClassVar[list[tuple[str, str, int | None]]] = [("*", MIME, 1)]

    @staticmethod
    def handle_mime(renderer: NbElementRenderer, data: MimeData, inline: int) -> list[nodes.Element] | None:
        """The figure node for our own type; ``None`` leaves any other output to the default renderers."""
        if inline or data.mime_type != MIME:
            return None
        content: Any = data.content
        uri = _picture(renderer, data, content["id"])
        if uri is None:
            renderer.logger.warning(
                f"figure {content['id']}: neither {STAGED}/{content['id']}.svg nor a PNG in the cell's output",
                subtype="figure",
                line=data.line,
            )
            return []
        return _figure(renderer, data.line or 0, content, uri)


def _figure(renderer: NbElementRenderer, line: int, content: Mapping[str, Any], uri: str) -> list[nodes.Element]:
    options = {"name": f"fig-{content['id']}", "caption": content["caption"], "classes": "lowdim-plot"}
    found = nodes.Element()
    with renderer.renderer.current_node_context(found), create_figure_context(renderer.renderer, options, line):
        image = nodes.image(uri=uri, alt=content["alt"], classes=["lowdim-figure"])
        image.source, image.line = renderer.source, line
        renderer.renderer.current_node.append(image)
        if "film" in content:
            sheet = f"{STAGED}/{content['id']}.webp"
            renderer.renderer.current_node += player(
                renderer.renderer.sphinx_env, content["film"], sheet, content["alt"]
            )
    return found.children


def player(env: BuildEnvironment, film: Mapping[str, Any], sheet: str, alt: str) -> list[nodes.Element]:
    """The player of a film for the page being read, if the file ``sheet`` (its path in the site) is staged."""
    path = Path(get_env_app(env).srcdir) / sheet
    if not path.is_file():
        return []
    env.note_dependency(str(path))
    place = env.dlfiles.add_file(env.docname, sheet)  # the builder copies it there
    address = f"{'../' * env.docname.count('/')}_downloads/{place}"
    return [nodes.raw("", player_html(film, address, alt), format="html")]


def _picture(renderer: NbElementRenderer, data: MimeData, label: str) -> str | None:
    """Put the files of the picture into the build's output folder and return an address of all of them (``name.*``), so
    that a builder without vector graphics takes the PNG.
    """
    env = renderer.renderer.sphinx_env
    staged = Path(get_env_app(env).srcdir) / STAGED / f"{label}.svg"
    files = {".png": _png(renderer, data, label)}
    if staged.is_file():
        env.note_dependency(str(staged))  # a dependency that does not exist would have the page read on every build
        files[".svg"] = staged.read_bytes()
    uris = [
        renderer.write_file([FOLDER, f"{label}{suffix}"], content, overwrite=True)
        for suffix, content in files.items()
        if content is not None
    ]
    return f"{uris[0].removesuffix('.png').removesuffix('.svg')}.*" if uris else None


def _png(renderer: NbElementRenderer, data: MimeData, label: str) -> bytes | None:
    """The PNG beside our type in the cell's output, found by label, since merged streams shift the indices."""
    if data.cell_index is None:
        return None
    _, outputs = renderer.renderer.nb_client.code_cell_outputs(data.cell_index)
    for output in outputs:
        bundle = output.get("data", {})
        if bundle.get(MIME, {}).get("id") == label and "image/png" in bundle:
            return a2b_base64(bundle["image/png"])
    return None
