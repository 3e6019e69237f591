"""A link to a file of the repository is, on the site, the file's name alone."""  # noqa: INP001 - a hook of mkdocs

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.structure.pages import Page

__all__ = ["on_page_markdown", "without_links_outside"]

_LINK = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+[^)]+)\)")


def without_links_outside(markdown: str, page: str) -> str:
    """The text of a page in which what lies outside the documentation is named and not linked.

    Args:
        markdown: The text.
        page: Where the page is, below the documentation.
    """
    here = posixpath.dirname(page)

    def named(link: re.Match[str]) -> str:
        leads_to = posixpath.normpath(posixpath.join(here, link[2]))
        if not leads_to.startswith("../"):
            return link[0]
        path = leads_to.removeprefix("../")
        return f"`{path}`" if path.endswith(link[1]) else f"{link[1]} (`{path}`)"

    return _LINK.sub(named, markdown)


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Leave out the links of each page."""
    return without_links_outside(markdown, page.file.src_uri)
