"""A random secret, set anywhere, is told by nothing that the package or its libraries write."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import pickle
import random
import socket
import ssl
import string
import tempfile
import threading
import traceback
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
import websockets
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.safety.pieces import survivors
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from netra_testkit.errors import NetraError
from netra_testkit.safety.jsonable import safe_state, to_jsonable
from netra_testkit.safety.redaction import KIT_LOGGER, install
from netra_testkit.settings.agreement import compare_secrets, diagnose_secrets
from netra_testkit.settings.bad_tokens import BAD_TOKENS, BadTokens
from netra_testkit.settings.config import StagingConfig
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.secrets import JwtSecret, resolve_jwt_secret
from netra_testkit.settings.tokens import (
    mint_access_token,
    mint_refresh_token,
    mint_service_token,
    verify_token,
)
from netra_testkit.settings.users import KNOWN_USERS, Password, StagingUser, users_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# Longer than other tests may take: nothing here waits, but much is read.
pytestmark = [pytest.mark.broad, pytest.mark.timeout(900)]

EXAMPLES = 2000 if settings.get_current_profile_name() == "nightly" else 200
READ_BY_THE_KIT = ("NETRA_", "STAGING_TEST_", "E2E_", "ENVIRONMENT")
VARIABLES = (
    "JWT_SECRET_STAGING",
    "JWT_SECRET_KEY",
    "JWT_SECRET",
    "SECRET_KEY",
    "STAGING_TEST_API_KEY",
    "STAGING_TEST_JWT_TOKEN",
    "E2E_OAUTH_SIMULATION_KEY",
)
ARGUMENTS = ("jwt_secret", "test_api_key", "test_jwt_token", "bypass_key")
TALKATIVE = {
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "uvicorn.access",
    "uvicorn.error",
    "websockets.client",
    "websockets.server",
}
WORDS = f"{string.ascii_letters}{string.digits}-_"

# Made of a seed: what hypothesis itself would come to in the end is all zeros, and no secret.
secrets = st.builds(
    lambda seed, letters, length: "".join(random.Random(seed).choices(letters, k=length)),  # noqa: S311 - for a test
    st.integers(0, 2**64),
    st.sampled_from([WORDS, f'{WORDS}+/=%&?!.,:;*()<>^~|é€😀"']),
    st.integers(32, 80),
)
ANN = KNOWN_USERS[0]
# A client makes one of its own otherwise, with every authority of the system, each time.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Everything(logging.Formatter):
    """Writes all that a record holds, as the most talkative formatter would."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{super().format(record)} {vars(record)!r}"


@contextmanager
def logged() -> Iterator[list[str]]:
    """What any logger writes meanwhile, at DEBUG and through a handler that masks nothing."""
    install()
    lines: list[str] = []
    handler = logging.Handler()
    handler.setFormatter(Everything("%(name)s %(message)s"))
    handler.emit = lambda record: lines.append(handler.format(record))  # type: ignore[method-assign]
    root = logging.getLogger()
    level, handlers = root.level, root.handlers
    # What others would write of so much is of no use to anybody.
    root.handlers = [handler]
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.handlers = handlers
        root.setLevel(level)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """The process with these variables, and no other that says anything about a deployment."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(READ_BY_THE_KIT) or "SECRET" in name:
            del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def told_by(value: object) -> Iterator[str]:
    """Everything that a value says of itself, to whomever asks."""
    yield from (repr(value), str(value), f"{value}", f"{value!s:>200}", safe_state(value))
    yield json.dumps(to_jsonable(value))
    for protocol in (0, 2, pickle.HIGHEST_PROTOCOL):
        try:
            yield pickle.dumps(value, protocol).decode("latin-1")
        except (TypeError, AttributeError, pickle.PicklingError) as refused:
            yield f"{refused}"
    if isinstance(value, BaseException):
        yield "".join(traceback.format_exception(value))
        yield f"{value.args!r} {vars(value)!r}"
        for behind in (value.__cause__, value.__context__):
            if behind is not None:
                yield from told_by(behind)


def told(place: Callable[[str], Iterator[object]], secret: str) -> str:
    """Everything that is said or logged once a secret is in a place."""
    with logged() as lines:
        said = {text for each in place(secret) for text in told_by(each)}
    assert said
    return "\n".join([*said, *lines])


def configured(**options: Any) -> Iterator[object]:
    """What can be reached from a configuration without asking for a secret by name."""
    try:
        config = StagingConfig(**options)
        yield from (config, config.explain(), config.readings, config.users, config.bypass_key)
        yield from (each.password for each in config.users)
        yield config.model_dump()
        yield config.model_dump(mode="json", by_alias=True)
        yield config.model_dump_json()
        yield diagnose_secrets(environment=Environment.STAGING)
        yield config.jwt_secret()
    except NetraError as refused:
        yield refused


def by_variable(name: str, secret: str) -> Iterator[object]:
    with environment({name: f" {secret} "}):
        yield from configured()
        yield from configured(retry_count=-1)


def by_all_variables(secret: str) -> Iterator[object]:
    with environment(dict.fromkeys(VARIABLES, secret) | {"JWT_SECRET_KEY": secret[::-1]}):
        yield from configured()
        yield from configured(users=[secret], timeouts={"receive": secret}, retry_delay=secret)


def by_file(name: str, secret: str) -> Iterator[object]:
    with tempfile.TemporaryDirectory() as directory, environment({}):
        file = Path(directory) / "staging.env"
        for more in ("", "NETRA_UNKNOWN='{secret}'\n", "no line of a file\n"):
            file.write_text(f"{name}='{secret}'\n{more}", encoding="utf-8")
            yield from configured(env_file=file)


def by_argument(option: str, secret: str) -> Iterator[object]:
    with environment({}):
        yield from configured(**{option: secret})
        yield from configured(**{option: secret, "retry_count": -1, "unknown": secret})
        yield from configured(**{option: [secret]})


def by_address(field: str, secret: str) -> Iterator[object]:
    with environment({}):
        yield from configured(**{field: f"https://user:{secret}@api.staging.netrasystems.ai"})
        yield from configured(**{field: f"https://api.staging.netrasystems.ai/ws?token={secret}"})


def by_user(secret: str) -> Iterator[object]:
    named = json.dumps([{"user_id": ANN.user_id, "email": ANN.email, "password": secret}])
    user = StagingUser(user_id="ann", email="ann@example.com", password=Password(secret))
    yield from (user, user.password, users_for(Environment.STAGING, named))
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "users.json"
        file.write_text(named, encoding="utf-8")
        for text in (named, str(file), named[:-1], named.replace("user_id", "user")):
            with environment({"NETRA_TEST_USERS": text, "JWT_SECRET_STAGING": secret}):
                yield from configured()
                yield from configured(users=[user])


def by_resolution(secret: str) -> Iterator[object]:
    def fails() -> str:
        raise RuntimeError(secret)

    held, other = (JwtSecret.of(each, source="here") for each in (secret, secret[::-1]))
    crowd = {name: f"{secret}{at}" for at, name in enumerate(VARIABLES)} | {
        "JWT_SECRET_KEY": secret[:5]
    }
    attempts: tuple[Callable[[], object], ...] = (
        lambda: resolve_jwt_secret({"JWT_SECRET_KEY": secret}, environment="production"),
        lambda: resolve_jwt_secret({"JWT_SECRET": secret}, environment="production"),
        lambda: resolve_jwt_secret({"JWT_SECRET_STAGING": secret[:20]}, environment="staging"),
        lambda: resolve_jwt_secret({}, environment="staging", provider=lambda: secret),
        lambda: resolve_jwt_secret({}, environment="staging", provider=lambda: secret[:20]),
        lambda: resolve_jwt_secret({}, environment="staging", provider=fails),
        lambda: JwtSecret.of(secret[:20], source="here"),
        lambda: compare_secrets({"one": held, "two": secret}),
        lambda: compare_secrets({"one": held, "two": other}),
        lambda: diagnose_secrets(crowd, "staging"),
    )
    for attempt in attempts:
        try:
            yield attempt()
        except NetraError as refused:
            yield refused


PLACES: dict[str, Callable[[str], Iterator[object]]] = {
    **{f"variable {each}": partial(by_variable, each) for each in VARIABLES},
    **{f"env file, {each}": partial(by_file, each) for each in VARIABLES},
    **{f"argument {each}": partial(by_argument, each) for each in ARGUMENTS},
    **{
        f"{each} with it inside": partial(by_address, each)
        for each in ("base_url", "websocket_url")
    },
    "all variables": by_all_variables,
    "a user": by_user,
    "the resolver": by_resolution,
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_nothing_tells_a_secret_that_is_set_as(place: Callable[[str], Iterator[object]]) -> None:
    secret = token_urlsafe(48)
    assert survivors(told(place, secret), secret, secret[::-1]) == []


@settings(max_examples=EXAMPLES)
@given(place=st.sampled_from(list(PLACES)), secret=secrets)
def test_nothing_tells_a_secret_wherever_it_is_set(place: str, secret: str) -> None:
    assert survivors(told(PLACES[place], secret), secret, secret[::-1]) == []


def bypass_key(secret: str) -> object:
    with environment({"E2E_OAUTH_SIMULATION_KEY": secret}):
        return StagingConfig().bypass_key


def configuration(secret: str) -> object:
    with environment({"JWT_SECRET_STAGING": secret}):
        return StagingConfig()


HOLDERS: dict[str, Callable[[str], object]] = {
    "JwtSecret": lambda secret: JwtSecret.of(secret, source="here"),
    "Password": Password,
    "StagingUser": lambda secret: StagingUser("ann", "ann@example.com", password=Password(secret)),
    "StagingConfig": configuration,
    "StagingConfig.bypass_key": bypass_key,
    "BadTokens": lambda secret: BadTokens(
        JwtSecret.of(secret, source="here"), ANN, Environment.STAGING
    ),
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_a_holder_of_a_secret_refuses_to_be_pickled(
    holder: Callable[[str], object], protocol: int
) -> None:
    held = holder(token_urlsafe(48))
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(held, protocol)


def minted(kind: str, secret: JwtSecret) -> str:
    """A token of a kind: good, or bad in one way."""
    if kind in BAD_TOKENS:
        bad = BadTokens(secret, ANN, Environment.STAGING)
        _, _, claim = kind.partition("missing_")
        return bad.missing(claim) if claim else getattr(bad, kind)()
    if kind == "service":
        return mint_service_token(secret, service="backend", environment=Environment.STAGING)
    mint = {"access": mint_access_token, "refresh": mint_refresh_token}[kind]
    return mint(secret, user=ANN, environment=Environment.STAGING)


def verified(token: str, secret: JwtSecret) -> object:
    try:
        return verify_token(token, secret, environment=Environment.STAGING)
    except NetraError as refused:
        return refused


@settings(max_examples=EXAMPLES)
@given(
    kind=st.sampled_from(["access", "refresh", "service", *BAD_TOKENS]),
    secret=secrets,
    damage=st.sampled_from(["", "x", ".x", " ", "\n"]),
)
def test_no_token_is_told_by_what_is_made_of_it(kind: str, secret: str, damage: str) -> None:
    def objects(secret: str) -> Iterator[object]:
        held = JwtSecret.of(secret, source="here")
        token = minted(kind, held)
        tokens.append(token)
        yield from (held, BadTokens(held, ANN, Environment.STAGING))
        yield from (verified(f"{token}{damage}", held), verified(secret, held))
        logging.getLogger(KIT_LOGGER).debug("a token: %s, %r", token, {"token": [token]})

    tokens: list[str] = []
    text = told(objects, secret)
    assert survivors(text, secret, *tokens) == []


class Refused(Exception):
    """What a server says of a request, token and all."""


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer with what was sent, and fail where the path says so."""
    token = dict(scope["headers"])[b"authorization"].decode()
    if scope["path"] == "/failing":
        raise Refused(f"again {token}") from Refused(token)
    if scope["type"] == "http":
        body = (await receive())["body"]
        headers = [
            (b"set-cookie", b"session=" + token.encode()),
            (b"x-echo", base64.b64encode(body)),
        ]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return
    await receive()
    await send({"type": "websocket.accept", "subprotocol": scope["subprotocols"][0]})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


@pytest.fixture(scope="module")
def behind_uvicorn() -> Iterator[str]:
    """Host and port of the application, served by uvicorn at its most talkative."""
    loggers = [logging.getLogger(f"uvicorn.{each}") for each in ("error", "access", "asgi")]
    levels = [each.level for each in loggers]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            application,
            log_config=None,
            log_level="trace",
            lifespan="off",
            ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture(scope="module")
def behind_websockets() -> Iterator[str]:
    """Host and port of an echo, served by websockets."""

    def echo(connection: ServerConnection) -> None:
        for message in connection:
            connection.send(message)

    with serve(
        echo,
        "127.0.0.1",
        0,
        select_subprotocol=lambda _connection, offered: offered[0],
        close_timeout=1,
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join(30)
        assert not thread.is_alive()


async def talk_http(url: str, token: str, body: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        trust_env=False, timeout=30, headers=headers, verify=NO_TLS
    ) as client:
        response = await client.post(url, params={"token": token}, content=body)
        with pytest.raises(httpx.HTTPStatusError):
            response.raise_for_status()


async def talk_websocket(url: str, token: str, text: str) -> None:
    subprotocol = base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")
    with suppress(websockets.InvalidStatus):
        async with websockets.connect(
            f"{url}?token={token}",
            additional_headers={"Authorization": f"Bearer {token}"},
            subprotocols=[Subprotocol(f"jwt.{subprotocol}"), Subprotocol("jwt-auth")],
            proxy=None,
            open_timeout=30,
            close_timeout=1,
        ) as connection:
            await connection.send(text)
            assert await connection.recv() == text
            await connection.close(4001, token[:80])


# What is talked to, and who then has to say something about it.
CONVERSATIONS = {
    "HTTP": (
        talk_http,
        "http://user@{uvicorn}/echo",
        {"httpx", "httpcore.connection", "httpcore.http11", "uvicorn.access", "uvicorn.asgi"},
    ),
    "HTTP that fails": (talk_http, "http://{uvicorn}/failing", {"httpx", "uvicorn.error"}),
    "WebSocket to uvicorn": (
        talk_websocket,
        "ws://{uvicorn}/ws",
        {"websockets.client", "uvicorn.error"},
    ),
    "WebSocket that fails": (
        talk_websocket,
        "ws://{uvicorn}/failing",
        {"websockets.client", "uvicorn.error"},
    ),
    "WebSocket to websockets": (
        talk_websocket,
        "ws://{websockets}/",
        {"websockets.client", "websockets.server"},
    ),
}


# Each conversation is a test of its own, so that workers share them.
@pytest.mark.parametrize("conversation", CONVERSATIONS)
@settings(max_examples=EXAMPLES // len(CONVERSATIONS), phases=[Phase.generate])
@given(
    kind=st.sampled_from(["access", "unsigned", "tampered"]),
    secret=secrets,
    before=st.integers(0, 200),
)
def test_no_library_logs_a_token(
    behind_uvicorn: str,
    behind_websockets: str,
    conversation: str,
    kind: str,
    secret: str,
    before: int,
) -> None:
    talk, address, speakers = CONVERSATIONS[conversation]
    url = address.format(uvicorn=behind_uvicorn, websockets=behind_websockets)
    token = minted(kind, JwtSecret.of(secret, source="here"))
    text = json.dumps({"before": "." * before, "token": token, "secret": secret})
    with logged() as lines:
        asyncio.run(talk(url, token, text))
    assert {line.partition(" ")[0] for line in lines} >= speakers
    assert survivors("\n".join(lines), token, secret) == []
