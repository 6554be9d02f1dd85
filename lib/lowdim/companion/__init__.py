"""The book's machinery: claims, results, figures, execution and the command line.

A notebook needs one name, ``from lowdim.companion import Chapter``; it is loaded on first use, so that importing this
package stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lowdim.companion.chapter import Chapter, run_chapter

__all__ = ["Chapter", "run_chapter"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from lowdim.companion import chapter

        return getattr(chapter, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
