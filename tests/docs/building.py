"""The hooks with which the site is built, loaded as mkdocs loads them."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["hook"]


def hook(name: str) -> ModuleType:
    """The module of a hook, by its name."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
