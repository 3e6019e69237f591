"""The pages of every public name, written from the docstrings when the site is built."""  # noqa: INP001 - a hook of mkdocs

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

__all__ = ["ROOMS", "homes", "on_files", "page_of"]

ROOMS = {
    "settings": "Where, with which secret, as whom",
    "safety": "What may be written down",
    "wire": "What is said",
    "clients": "How to talk, never longer than allowed",
    "local": "The embedded staging",
    "errors": "What is raised",
}
"""The rooms of the package in the order of the primitives, and what each is about."""

_PACKAGE = Path(__file__).resolve().parents[1] / "src" / "netra_testkit"


def homes() -> dict[str, str]:
    """The module that each public name of the root comes from, read and not imported."""
    tree = ast.parse((_PACKAGE / "__init__.py").read_text("utf-8"))
    tables = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_HOMES"
    )
    table: dict[str, str] = ast.literal_eval(next(tables))
    return table


def page_of(room: str) -> str:
    """The page of a room: each name with its signature and its docstring."""
    lines = [f"# {ROOMS[room]}", "", "Each is imported from `netra_testkit`."]
    names = {name: home for name, home in homes().items() if home.partition(".")[0] == room}
    for home in sorted(set(names.values())):
        lines += ["", f"## {home}"]
        for name in sorted(each for each in names if names[each] == home):
            lines += ["", f"::: netra_testkit.{home}.{name}"]
    return "\n".join([*lines, ""])


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages to what the site is built from."""
    from mkdocs.structure.files import File

    for room in ROOMS:
        files.append(File.generated(config, f"names/{room}.md", content=page_of(room)))
    return files
