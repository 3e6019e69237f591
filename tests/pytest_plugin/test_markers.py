"""Markers: whose they are, what they say, and what they refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netra_testkit.pytest_plugin.run import MARKERS

if TYPE_CHECKING:
    from tests.pytest_plugin.suites import Suite

PROPERTIES = """
    def pytest_runtest_logreport(report):
        if report.when == "call":
            said = (f"{name}={value}" for name, value in report.user_properties)
            print("<" + "; ".join(said) + ">")
"""


def test_every_marker_is_registered(suite: Suite) -> None:
    result = suite.run("--markers")
    for line in MARKERS.values():
        result.stdout.fnmatch_lines(f"@pytest.mark.{line}".replace("[", "[[]"))


def test_a_strict_suite_may_use_all_of_them(suite: Suite) -> None:
    suite.files(
        test_it="""
        import pytest

        @pytest.mark.priority(0)
        @pytest.mark.phase("connect")
        @pytest.mark.impact("Nobody gets in.")
        @pytest.mark.deadline(1.5)
        @pytest.mark.destructive
        @pytest.mark.read_only
        def test_it(): pass
        """
    )
    suite.run("--strict-markers").assert_outcomes(passed=1)


def test_what_they_say_stands_in_the_report(suite: Suite) -> None:
    suite.conftest(PROPERTIES).files(
        test_it="""
        import pytest

        pytestmark = [pytest.mark.priority(3), pytest.mark.phase("connect")]

        @pytest.mark.priority(1)
        @pytest.mark.impact(" Nobody gets in. ")
        def test_it(): pass
        """
    )
    suite.run("-s").stdout.fnmatch_lines(
        "*<netra.markers=impact phase priority; netra.priority=1; netra.phase=connect; "
        "netra.impact=Nobody gets in.; *>*"
    )


def test_a_check_may_have_an_id_and_a_name_that_last(suite: Suite) -> None:
    suite.conftest(PROPERTIES).files(
        test_it="""
        import pytest
        from netra_testkit.pytest_plugin.markers import labels_of

        @pytest.mark.priority(1, id="P1-001", name="websocket_connection")
        def test_it(request):
            assert labels_of(request.node)[:3] == (1, "P1-001", "websocket_connection")
        """
    )
    result = suite.run("-s")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines("*netra.priority=1; netra.check=P1-001; *>*")


def test_one_that_is_added_late_counts(suite: Suite) -> None:
    suite.conftest(
        """
        import pytest

        def pytest_collection_modifyitems(items):
            for item in items:
                item.add_marker(pytest.mark.priority(2))
        """
    ).files(test_it="def test_it(): pass")
    suite.run("--priority", "1").assert_outcomes(deselected=1)
    suite.run("--priority", "2").assert_outcomes(passed=1)


PRIORITY = "the marker priority takes one whole number from 0 to 6"
DEADLINE = "the marker deadline takes one positive number of seconds"
NEEDS = "the marker needs takes one or more of register, rate_limit"
CANNOT_BE_MEANT = [
    ("priority()", PRIORITY),
    ("priority(7)", PRIORITY),
    ("priority(True)", PRIORITY),
    ("priority(1.0)", PRIORITY),
    ("priority(1, 2)", PRIORITY),
    ("priority(1, of='all')", PRIORITY),
    ("priority(1, id='')", PRIORITY),
    ("phase('', name='x')", "the marker phase takes one name"),
    ("phase('')", "the marker phase takes one name"),
    ("phase('later')", "the phase 'later' is not in netra_phases"),
    ("impact(3)", "the marker impact takes one text"),
    ("deadline(0)", DEADLINE),
    ("deadline(True)", DEADLINE),
    ("deadline('1')", DEADLINE),
    ("deadline(float('inf'))", DEADLINE),
    ("deadline(10**400)", DEADLINE),
    ("needs()", NEEDS),
    ("needs('luck')", NEEDS),
]


def test_what_cannot_be_meant_is_an_error_of_the_test(suite: Suite) -> None:
    suite.ini("netra_phases = now")
    tests = [
        f"@pytest.mark.{marker}\ndef test_{number}(): pass"
        for number, (marker, _) in enumerate(CANNOT_BE_MEANT)
    ]
    suite.files(test_it="\n".join(["import pytest", *tests]))
    # They are seen whatever was asked for.
    result = suite.run("--priority", "0", "--phase", "now", "--tb=line")
    result.assert_outcomes(errors=len(tests))
    said = [line for line in result.outlines if line.startswith("the ")]
    assert said == [expected for _, expected in CANNOT_BE_MEANT]


def test_without_declared_phases_any_name_is_one(suite: Suite) -> None:
    suite.files(test_it="import pytest\n@pytest.mark.phase('any')\ndef test_it(): pass")
    suite.run().assert_outcomes(passed=1)


@pytest.mark.parametrize("how", ["ini", "hook"])
def test_one_that_the_suite_declares_is_the_suites(suite: Suite, how: str) -> None:
    line = "priority(name): of the suite"
    if how == "ini":
        suite.ini("markers =", f"  {line}")
    else:
        suite.conftest(
            f"def pytest_configure(config): config.addinivalue_line('markers', '{line}')"
        )
    suite.files(
        test_it="""
        import pytest
        from netra_testkit.pytest_plugin.run import run_of

        @pytest.mark.priority("high")
        def test_it(request):
            run = run_of(request.config)
            assert not run.applies(request.node)
            assert not run.requested
            assert request.node.user_properties == []
        """
    )
    suite.run().assert_outcomes(passed=1)
    suite.run("--markers").stdout.no_fnmatch_line("*how much depends on it*")


def test_one_that_the_suite_declares_still_selects(suite: Suite) -> None:
    suite.ini("markers =", "  priority: of the suite")
    suite.files(
        test_it="""
        import pytest

        @pytest.mark.priority(1)
        def test_one(): pass

        @pytest.mark.priority("high")
        def test_other(): pass
        """
    )
    suite.run("--priority=1").assert_outcomes(passed=1, deselected=1)
