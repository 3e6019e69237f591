"""Places where a secret may be written that no report passes."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.pytest_plugin.suites import Suite


def test_what_debug_writes_shows_none(suite: Suite) -> None:
    secret = secrets.token_urlsafe(48)
    suite.environ(A_SECRET=secret).files(
        test_it="""
        import os
        import pytest
        from netra_testkit.safety.redaction import register

        @pytest.fixture
        def token():
            register(os.environ["A_SECRET"], label="token")
            return os.environ["A_SECRET"]

        def test_it(token): assert token == "another"
        """
    )
    suite.run("--debug=trace.log").assert_outcomes(failed=1)
    written = (suite.pytester.path / "trace.log").read_text()
    assert "[masked token]" in written
    assert secret not in written
