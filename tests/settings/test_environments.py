"""Names and aliases of the environments, detection, hosts and endpoints."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.errors import Cause, ConfigurationError
from netra_testkit.settings.environments import (
    CLOUD_MARKERS,
    ENDPOINTS,
    ENVIRONMENT_NAMES,
    KNOWN_HOSTS,
    Endpoints,
    Environment,
    belongs_to,
    detect_environment,
    environment_of_host,
)

NAMES = {
    "local": "local",
    "development": "development",
    "dev": "development",
    "local-dev": "development",
    "test": "test",
    "testing": "test",
    "staging": "staging",
    "stage": "staging",
    "stg": "staging",
    "production": "production",
    "prod": "production",
}


def remedy_of(raised: pytest.ExceptionInfo[ConfigurationError]) -> str:
    (problem,) = raised.value.problems
    assert problem.field == "environment"
    assert raised.value.cause is Cause.CONFIGURATION
    return problem.remedy


@pytest.mark.parametrize(("name", "expected"), NAMES.items())
@pytest.mark.parametrize("spell", [str, str.upper, str.title, "  {}\t\n".format])
def test_a_name_or_alias_is_known_in_any_case_and_trimmed(
    name: str, expected: str, spell: type[str]
) -> None:
    assert Environment.parse(spell(name), source="a test") is Environment(expected)


def test_the_names_are_these_and_no_others() -> None:
    assert {name: str(each) for name, each in ENVIRONMENT_NAMES.items()} == NAMES


@pytest.mark.parametrize("member", Environment)
def test_a_member_stands_for_itself(member: Environment) -> None:
    assert Environment.parse(member, source="a test") is member


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("stagin", "did you mean staging"),
        ("Prodution", "did you mean production"),
        ("developement", "did you mean development"),
        ("local_dev", "did you mean local-dev"),
        ("testng", "did you mean testing or test"),
    ],
)
def test_a_mistyped_name_is_refused_with_its_near_misses(name: str, meant: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Environment.parse(name, source="NETRA_ENVIRONMENT")
    remedy = remedy_of(raised)
    assert remedy.startswith(f"'{name.casefold()}' is not an environment; {meant}")
    assert remedy.endswith("known are local, development, test, staging, production")
    assert raised.value.problems[0].source == "NETRA_ENVIRONMENT"


def test_a_name_that_resembles_none_is_refused_without_a_guess() -> None:
    with pytest.raises(ConfigurationError) as raised:
        Environment.parse("qa", source="a test")
    assert "did you mean" not in remedy_of(raised)
    assert raised.value.__context__ is None or raised.value.__suppress_context__


@pytest.mark.parametrize("name", ["", "  ", "\t\n"])
def test_a_blank_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Environment.parse(name, source="a test")
    assert remedy_of(raised).startswith("is blank; say one of local, development")


@pytest.mark.parametrize("name", [None, 3, b"staging", ["staging"]])
def test_what_is_not_text_is_refused(name: object) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Environment.parse(name, source="a test")  # type: ignore[arg-type]
    assert remedy_of(raised) == f"must be a name, not {type(name).__name__}"


@given(st.text())
def test_any_text_is_a_known_name_or_refused(name: str) -> None:
    try:
        known = Environment.parse(name, source="a test")
    except ConfigurationError:
        assert name.strip().casefold() not in NAMES
    else:
        assert known == NAMES[name.strip().casefold()]


@given(st.text(min_size=21))
def test_a_long_text_is_not_repeated_for_it_may_be_a_secret(name: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Environment.parse(f"x{name}x", source="a test")
    assert "characters is not an environment" in remedy_of(raised)
    assert f"x{name}x" not in str(raised.value)


def test_nothing_set_means_development() -> None:
    assert detect_environment({}) is Environment.DEVELOPMENT


@pytest.mark.parametrize("marker", CLOUD_MARKERS)
def test_nothing_set_in_a_cloud_is_an_error_that_names_the_marker(marker: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        detect_environment({marker: "something"})
    assert remedy_of(raised) == (
        f"is unset although {marker} says that this is a cloud, where none is assumed; "
        "set ENVIRONMENT to one of development, test, staging, production"
    )
    assert raised.value.problems[0].source == "ENVIRONMENT"


def test_every_marker_found_is_named() -> None:
    with pytest.raises(ConfigurationError) as raised:
        detect_environment(dict.fromkeys(CLOUD_MARKERS, "something"))
    assert " and ".join(CLOUD_MARKERS) in remedy_of(raised)


def test_the_markers_are_these() -> None:
    assert set(CLOUD_MARKERS) == {
        "K_SERVICE",
        "GOOGLE_CLOUD_PROJECT",
        "GCP_PROJECT_ID",
        "KUBERNETES_SERVICE_HOST",
    }


def test_a_blank_marker_marks_nothing() -> None:
    assert detect_environment({"K_SERVICE": " "}) is Environment.DEVELOPMENT


@pytest.mark.parametrize(
    ("name", "expected"), [each for each in NAMES.items() if each[0] != "local"]
)
def test_a_set_name_decides_also_in_a_cloud(name: str, expected: str) -> None:
    assert detect_environment({"ENVIRONMENT": name, "K_SERVICE": "backend"}) == expected


@pytest.mark.parametrize("name", ["local", " LOCAL "])
def test_a_generic_local_is_refused_and_both_meanings_are_offered(name: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        detect_environment({"ENVIRONMENT": name})
    remedy = remedy_of(raised)
    assert "NETRA_ENVIRONMENT=local" in remedy
    assert "--env=local" in remedy
    assert "environment='local'" in remedy
    assert "ENVIRONMENT=development" in remedy


@pytest.mark.parametrize("name", ["", " ", "qa"])
def test_a_blank_or_unknown_name_is_never_taken_for_development(name: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        detect_environment({"ENVIRONMENT": name})
    # local is not offered, as it would be refused in its turn.
    assert remedy_of(raised).endswith(" development, test, staging, production")
    assert "local" not in remedy_of(raised)


def test_the_endpoints_of_staging() -> None:
    assert ENDPOINTS[Environment.STAGING] == Endpoints(
        backend="https://api.staging.netrasystems.ai",
        api="https://api.staging.netrasystems.ai/api",
        websocket="wss://api.staging.netrasystems.ai/ws",
        auth="https://auth.staging.netrasystems.ai",
        frontend="https://app.staging.netrasystems.ai",
    )


def test_the_endpoints_of_production() -> None:
    assert ENDPOINTS[Environment.PRODUCTION] == Endpoints(
        backend="https://api.netrasystems.ai",
        api="https://api.netrasystems.ai/api",
        websocket="wss://api.netrasystems.ai/ws",
        auth="https://auth.netrasystems.ai",
        frontend="https://app.netrasystems.ai",
    )


@pytest.mark.parametrize("environment", [Environment.DEVELOPMENT, Environment.TEST])
def test_the_endpoints_of_a_backend_started_by_hand(environment: Environment) -> None:
    assert ENDPOINTS[environment] == Endpoints(
        backend="http://localhost:8000",
        api="http://localhost:8000/api",
        websocket="ws://localhost:8000/ws",
        auth="http://localhost:8081",
        frontend="http://localhost:3000",
    )


def test_the_embedded_staging_has_no_endpoints_before_it_runs() -> None:
    assert Environment.LOCAL not in ENDPOINTS


@pytest.mark.parametrize("environment", ENDPOINTS)
@pytest.mark.parametrize("part", ["backend", "api", "websocket", "auth", "frontend"])
def test_every_endpoint_stands_on_a_known_host_of_its_environment(
    environment: Environment, part: str
) -> None:
    host = urlsplit(getattr(ENDPOINTS[environment], part)).hostname
    assert host is not None
    assert belongs_to(host, environment)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("api.staging.netrasystems.ai", "staging"),
        ("auth.staging.netrasystems.ai", "staging"),
        ("app.staging.netrasystems.ai", "staging"),
        ("API.Staging.NetraSystems.AI.", "staging"),
        ("api.netrasystems.ai", "production"),
        ("auth.netrasystems.ai", "production"),
        ("app.netrasystems.ai", "production"),
        ("localhost", "local"),
        ("127.0.0.1", "local"),
        ("127.8.7.6", "local"),
        ("::1", "local"),
        ("[::1]", "local"),
        ("0:0:0:0:0:0:0:1", "local"),
        ("staging.netrasystems.ai", None),
        ("api.staging.netrasystems.ai.example.com", None),
        ("localhost.example.com", None),
        ("127.0.0.1.example.com", None),
        ("0.0.0.0", None),  # noqa: S104 - a host to be refused
        ("192.168.0.1", None),
        ("2001:db8::1", None),
        ("", None),
    ],
)
def test_whose_a_host_is(host: str, expected: str | None) -> None:
    assert environment_of_host(host) == expected
    owners = {str(each) for each in Environment if belongs_to(host, each)}
    shared = {"local", "development", "test"}
    assert owners == (shared if expected == "local" else {expected} - {None})


def test_every_environment_has_hosts() -> None:
    assert set(KNOWN_HOSTS) == set(Environment)


@pytest.mark.parametrize("table", [ENVIRONMENT_NAMES, ENDPOINTS, KNOWN_HOSTS])
def test_the_tables_are_read_only(table: dict[object, object]) -> None:
    with pytest.raises(TypeError):
        table["x"] = "y"
