from __future__ import annotations

import ast
import importlib
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

import netra_testkit

SOURCE = Path(netra_testkit.__file__)


def imported_for_type_checkers() -> dict[str, str]:
    """Name and home of each import below TYPE_CHECKING in the package root."""
    tree = ast.parse(SOURCE.read_text("utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    return {
        alias.name: (node.module or "").removeprefix("netra_testkit.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_all_the_lazy_table_and_the_imports_for_type_checkers_agree() -> None:
    table = vars(netra_testkit)["_HOMES"]
    assert imported_for_type_checkers() == table
    assert sorted(table) == sorted(netra_testkit.__all__)


@pytest.mark.parametrize("name", netra_testkit.__all__)
def test_a_public_name_is_public_in_its_home(name: str) -> None:
    home = importlib.import_module(f"netra_testkit.{vars(netra_testkit)['_HOMES'][name]}")
    assert name in home.__all__
    assert name in dir(netra_testkit)
    if name != "STAGING_CONFIG":  # a new value each time it is read
        assert getattr(netra_testkit, name) is getattr(home, name)


def test_every_error_is_public() -> None:
    errors = importlib.import_module("netra_testkit.errors")
    assert set(errors.__all__) <= set(netra_testkit.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"'netra_testkit' has no attribute 'nonsense'"):
        _ = netra_testkit.nonsense


def test_the_version_is_the_installed_one() -> None:
    assert netra_testkit.__version__ == importlib.metadata.version("netra-testkit")


def test_a_name_is_loaded_on_first_use_and_kept() -> None:
    probe = (
        "import netra_testkit\n"
        "assert 'NetraError' not in vars(netra_testkit)\n"
        "netra_testkit.NetraError\n"
        "assert 'NetraError' in vars(netra_testkit)\n"
    )
    subprocess.run([sys.executable, "-c", probe], check=True)  # noqa: S603 - our own code


def test_every_public_name_is_in_the_changelog() -> None:
    changelog = (Path(__file__).resolve().parents[2] / "CHANGELOG.md").read_text("utf-8")
    errors = set(importlib.import_module("netra_testkit.errors").__all__)
    said = [name for name in netra_testkit.__all__ if f"`{name}`" in changelog or name in errors]
    assert said == netra_testkit.__all__


def test_the_configuration_is_read_anew_each_time_it_is_imported() -> None:
    first, second = netra_testkit.STAGING_CONFIG, netra_testkit.STAGING_CONFIG
    assert first == second
    assert first is not second
    assert "STAGING_CONFIG" not in vars(netra_testkit)
