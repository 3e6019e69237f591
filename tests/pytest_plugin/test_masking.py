"""Nothing secret in a report, wherever a test puts it."""

from __future__ import annotations

import logging
import secrets
import sys
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.pytest_plugin.suites import PACKAGE

from netra_testkit.pytest_plugin import ROOMS, masked_text, masking
from netra_testkit.pytest_plugin.masked_text import is_showing, loaded_mask, masked
from netra_testkit.safety.redaction import register

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pytest_plugin.suites import Suite

# The filters of the outer run hold for an inner one too, unless it has its own.
LOADED = ("-W", "default", *(() if "masking" in ROOMS else ("-p", f"{PACKAGE}.masking")))
MODULES = (masked_text, masking)
LABEL = "[masked a secret of the suite]"

HEAD = """
    import logging, os, unittest, warnings
    import pytest
    from netra_testkit.safety.redaction import register

    SECRET = os.environ["SUITE_SECRET"]
    register(SECRET, label="a secret of the suite")

"""
# Where a test may put a secret; each is a file of its own.
PLACES = {
    "compared_dict": """
    def test_it():
        assert {"user": "ann", "password": SECRET} == {"user": "ann", "password": "x"}
    """,
    "compared_bytes": """
    def test_it():
        assert SECRET.encode() == b"x" * 64
    """,
    "local": """
    def test_it():
        token = SECRET
        assert False
    """,
    "fixture": """
    @pytest.fixture
    def token():
        return SECRET

    def test_it(token):
        assert False
    """,
    "helper": """
    def check(token):
        assert False

    def test_it():
        check(SECRET)
    """,
    "parameter": """
    @pytest.mark.parametrize("token", [SECRET, SECRET.encode(), 3, None])
    def test_it(token):
        pass
    """,
    "own_ids": """
    @pytest.mark.parametrize("token", [1, 2], ids=[SECRET, "plain"])
    def test_it(token):
        pass
    """,
    "made_ids": """
    @pytest.mark.parametrize("token", [1, 2], ids=lambda value: SECRET + str(value))
    def test_it(token):
        pass
    """,
    "parameter_id": """
    @pytest.mark.parametrize("token", [pytest.param(1, id=SECRET), pytest.param(2), 3])
    def test_it(token):
        pass
    """,
    "exception": """
    def test_it():
        raise ValueError("no such token: " + SECRET)
    """,
    "chained": """
    def test_it():
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise ValueError("wrong") from error
    """,
    "grouped": """
    def test_it():
        raise ExceptionGroup("several", [ValueError(SECRET), KeyError(SECRET)])
    """,
    "noted": """
    def test_it():
        error = ValueError("wrong")
        error.add_note(SECRET)
        raise error
    """,
    "setup": """
    @pytest.fixture
    def broken():
        raise ValueError(SECRET)

    def test_it(broken):
        pass
    """,
    "teardown": """
    @pytest.fixture
    def broken():
        yield
        raise ValueError(SECRET)

    def test_it(broken):
        pass
    """,
    "warning": """
    from odd import Odd

    def test_it():
        warnings.warn("look: " + SECRET)
        warnings.warn(Odd(SECRET, 2))
    """,
    "log": """
    def test_it():
        logging.getLogger("suite").warning("token %s", SECRET)
        assert False
    """,
    "printed": """
    def test_it():
        print("token", SECRET)
        assert False
    """,
    "skipped": """
    def test_it():
        pytest.skip("no use for " + SECRET)
    """,
    "expected_to_fail": """
    def test_it():
        pytest.xfail("known: " + SECRET)
    """,
    "property": """
    def test_it(record_property, record_testsuite_property):
        record_property("token", SECRET)
        record_property("tokens", {"inner": [SECRET, 1, (SECRET,)]})
        record_testsuite_property("suite token", SECRET)
    """,
    "unittest": """
    class TestIt(unittest.TestCase):
        def test_it(self):
            self.assertEqual(SECRET, "x")
    """,
    "subtest": """
    def test_it(subtests):
        with subtests.test(msg=SECRET, token=SECRET):
            assert False
    """,
    "collection": """
    raise ValueError(SECRET)
    """,
    "skipped_module": """
    pytest.skip("without " + SECRET, allow_module_level=True)
    """,
}
# A module, as whoever hears of its warning from a worker has to import it.
ODD = """
    class Odd(UserWarning):
        def __init__(self, first, second):
            super().__init__(first, second)
"""
# pytest has subtests from 9 on.
SHOWABLE = {*PLACES} if hasattr(pytest, "Subtests") else {*PLACES} - {"subtest"}
SHOWS_ALL = ("-rA", "-vv", "--showlocals", "-o", "log_cli=true", "--junitxml=junit.xml")


class Kept(NamedTuple):
    name: str
    value: object


class Shown:
    """What pytest writes as it is told to, as one of its own representations."""

    def __init__(self, text: str) -> None:
        self.text = text

    def toterminal(self, out: Any) -> None:
        out.line(self.text)

    def __str__(self) -> str:
        return self.text


class Computed(Shown):
    """One that does not say what it holds."""

    def __init__(self, secret: str) -> None:
        super().__init__("")
        self._pieces = list(secret)

    def __str__(self) -> str:
        return "".join(self._pieces)


class Unwritable:
    def __str__(self) -> str:
        raise ValueError


@pytest.fixture
def secret(suite: Suite) -> str:
    secret = secrets.token_urlsafe(48)
    suite.environ(SUITE_SECRET=secret)
    return secret


def files_of(suite: Suite) -> str:
    """All that a run wrote, but for the suite itself."""
    written = (each for each in suite.pytester.path.rglob("*") if each.suffix in {".xml", ".log"})
    return "\n".join(each.read_text() for each in written)


def mask(text: str) -> str:
    return text.replace("hunter2", "***")


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.broad)])
def test_a_secret_is_shown_nowhere(suite: Suite, workers: int) -> None:
    places = {name: source for name, source in PLACES.items() if name in SHOWABLE}
    kept = {name: secrets.token_urlsafe(48) for name in places}
    suite.environ(**{f"SECRET_{name}": secret for name, secret in kept.items()})
    for name, source in places.items():
        head = HEAD.replace("SUITE_SECRET", f"SECRET_{name}").replace("of the suite", f"of {name}")
        suite.files(**{f"test_{name}": head + source})
    suite.files(odd=ODD).pytester.syspathinsert()
    # Workers go on after a collection that failed, and pytest alone when it is told to.
    words = () if workers else ("--continue-on-collection-errors",)
    result = suite.run(*LOADED, *SHOWS_ALL, *words, workers=workers)
    output = result.stdout.str() + result.stderr.str() + files_of(suite)
    for name, secret in kept.items():
        assert secret not in output, name
        assert secret[4:40] not in output, name
        # It was there to be shown.
        shown = (f"[masked a secret of {name}]", f"test_{name}.py::test_it[token")
        assert any(each in output for each in shown), name


def test_what_other_plugins_see_of_a_report_is_masked(suite: Suite, secret: str) -> None:
    suite.conftest(
        """
    def pytest_runtest_logreport(report):
        with open("seen.log", "a") as file:
            file.write(repr(report.user_properties))
    """
    ).files(test_it=HEAD + PLACES["property"])
    suite.run(*LOADED)
    seen = files_of(suite)
    assert secret not in seen
    assert seen.count(LABEL) >= 3


@pytest.mark.usefixtures("secret")
def test_what_is_no_secret_stays_as_it_is(suite: Suite) -> None:
    suite.files(
        test_it=HEAD
        + """
    @pytest.mark.parametrize("value", ["plain", b"bytes", 3, None])
    def test_it(value, record_property):
        record_property("plain", {"a": [1, "b"]})
        assert value == "plain"
    """
    )
    result = suite.run(*LOADED, "-v", "--junitxml=junit.xml")
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines_random(
        ["*test_it[[]plain[]] PASSED*", "*test_it[[]None[]] FAILED*"]
    )
    assert "masked" not in result.stdout.str() + files_of(suite)


def test_a_log_file_holds_none(suite: Suite, secret: str) -> None:
    suite.files(
        test_it=HEAD
        + """
    def test_it(caplog):
        logging.getLogger("suite").error("token %s", SECRET)
        assert SECRET in caplog.text
    """
    )
    suite.run(*LOADED, "--log-file=suite.log", "--log-cli-level=INFO").assert_outcomes(passed=1)
    written = (suite.pytester.path / "suite.log").read_text()
    assert LABEL in written
    assert secret not in written


def test_a_run_that_is_interrupted_shows_none(suite: Suite, secret: str) -> None:
    suite.files(
        test_it=HEAD
        + """
    def test_it():
        token = SECRET
        pytest.exit("enough of " + token)
    """
    )
    result = suite.run(*LOADED, "--full-trace", "--showlocals")
    assert secret not in result.stdout.str() + result.stderr.str()
    result.stdout.fnmatch_lines(f"*enough of {LABEL.replace('[', '[[]')}*")


def test_a_broken_plugin_shows_none(suite: Suite, secret: str) -> None:
    suite.conftest(
        HEAD
        + """
    def pytest_runtest_logstart():
        raise ValueError("broken by " + SECRET)
    """
    ).files(test_it="def test_it(): pass")
    result = suite.run(*LOADED)
    assert secret not in result.stdout.str() + result.stderr.str()
    result.stdout.fnmatch_lines(f"INTERNALERROR>*broken by {LABEL.replace('[', '[[]')}*")


def test_what_a_wrapper_of_the_suite_adds_is_masked_too(suite: Suite, secret: str) -> None:
    suite.conftest(
        HEAD
        + """
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport():
        report = yield
        report.sections.append(("added", SECRET))
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report():
        report = yield
        report.sections.append(("added", SECRET))
        return report
    """
    ).files(test_it="def test_it(): assert False", test_broken="raise ValueError")
    result = suite.run(*LOADED, "--continue-on-collection-errors", "-rA")
    assert secret not in result.stdout.str()
    assert result.stdout.str().count(LABEL) >= 2


def test_a_warning_shows_none_of_its_source(suite: Suite, secret: str) -> None:
    suite.files(
        test_it=HEAD
        + f"""
    def test_it():
        warnings.warn("look"); token = "{secret}"
        warnings.warn_explicit("here", UserWarning, "gone.py", 3)
    """
    )
    result = suite.run(*LOADED)
    result.assert_outcomes(passed=1)
    assert secret not in result.stdout.str()
    assert LABEL in result.stdout.str()


def test_the_source_that_a_warning_brings_along_is_masked(secret: str) -> None:
    register(secret, label="a secret of the suite")
    recorded = warnings.WarningMessage(
        UserWarning("look"), UserWarning, "gone.py", 3, line=f"token = {secret}"
    )
    masking.pytest_warning_recorded(recorded)
    assert recorded.line == f"token = {LABEL}"
    assert str(recorded.message) == "look"


def test_a_run_without_logging_is_a_run(suite: Suite) -> None:
    suite.files(test_it="def test_it(): pass")
    suite.run(*LOADED, "-p", "no:logging").assert_outcomes(passed=1)


@pytest.mark.broad
def test_a_run_that_never_meets_the_kit_loads_nothing(suite: Suite) -> None:
    suite.files(
        test_it="""
    import logging, sys, warnings
    import pytest

    @pytest.mark.parametrize("value", ["a", 2])
    def test_it(value):
        logging.getLogger("suite").warning("line")
        warnings.warn("look")
        assert "netra_testkit.safety.redaction" not in sys.modules

    def test_ends():
        pytest.exit("enough")
    """
    )
    result = suite.run(*LOADED, "--junitxml=junit.xml", "--log-file=suite.log", subprocess=True)
    assert result.parseoutcomes()["passed"] == 2


def test_without_the_redaction_nothing_is_masked(
    monkeypatch: pytest.MonkeyPatch, suite: Suite
) -> None:
    monkeypatch.delitem(sys.modules, "netra_testkit.safety.redaction")
    assert loaded_mask() is None
    suite.conftest("def pytest_runtest_logstart():\n    raise ValueError")
    suite.files(
        test_it="""
    import logging, warnings
    import pytest

    @pytest.mark.parametrize("value", ["a", 2], ids=["one", "two"])
    def test_it(value):
        pass

    warnings.warn("look")
    logging.getLogger("suite").warning("line")
    """
    )
    result = suite.run(*LOADED, "-p", "no:netra", "--log-file=suite.log", "--log-level=INFO")
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    assert (suite.pytester.path / "suite.log").read_text().count("line") == 1


def test_lists_and_mappings_are_changed_in_place() -> None:
    inner = ["hunter2", 1]
    value: dict[str, object] = {"hunter2": inner, "plain": None}
    assert masked(value, mask) is value
    assert value == {"***": inner, "plain": None}
    assert inner == ["***", 1]


def test_a_tuple_stays_of_its_kind() -> None:
    assert masked(Kept("hunter2", ("hunter2",)), mask) == Kept("***", ("***",))
    assert type(masked(Kept("a", 1), mask)) is Kept


def test_what_holds_itself_is_walked_once() -> None:
    value: list[object] = ["hunter2"]
    value.append(value)
    masked(value, mask)
    assert value[0] == "***"
    assert value[1] is value


def test_another_object_that_shows_a_secret_becomes_its_masked_text(tmp_path: Path) -> None:
    assert masked(tmp_path, mask) is tmp_path
    assert masked(ValueError("hunter2"), mask) == "***"


def test_what_is_made_to_be_shown_is_changed_in_place() -> None:
    shown = Shown("token hunter2")
    assert masked(shown, mask) is shown
    assert shown.text == "token ***"


def test_what_still_shows_a_secret_after_that_becomes_text() -> None:
    assert masked(Computed("hunter2"), mask) == "***"


def test_what_cannot_be_written_shows_nothing() -> None:
    value = Unwritable()
    assert masked(value, mask) is value
    assert not is_showing(value, mask)


def test_a_formatter_is_needed_by_no_handler() -> None:
    record = logging.LogRecord("suite", logging.INFO, "here.py", 1, "plain", (), None)
    assert masking.MaskedFormatter(None).format(record) == "plain"
