"""A call before it is sent: where it goes, what it carries, and what is refused at once."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

import httpx

from netra_testkit.clients.bodies import ACCEPTED_ENCODINGS
from netra_testkit.clients.call_ids import ids_in, new_ids, traceparent
from netra_testkit.clients.proxies import is_loopback
from netra_testkit.clients.statuses import PRIVATE_HEADERS
from netra_testkit.errors import Misuse
from netra_testkit.safety.redaction import register
from netra_testkit.wire.encoding import encode_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import UnionType

    from netra_testkit.clients.call_ids import CallIds
    from netra_testkit.safety.jsonable import JsonValue
    from netra_testkit.settings.config import StagingConfig

__all__ = ["Call", "Calls", "Query"]

READING = frozenset({"GET", "HEAD", "OPTIONS"})
METHODS = READING | {"POST", "PUT", "PATCH", "DELETE"}
REDIRECTS = frozenset({301, 302, 303, 307, 308})
# The length and the form of a body are the client's to say.
FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})
LAST_PORT = 65_535
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

Query: TypeAlias = "Mapping[str, str | int | float | bool | None]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is asked, before anything is sent.

    Attributes:
        method: The request's method, in upper case.
        url: Where it goes.
        headers: What it carries, its own ids included; names in lower case.
        content: The body, None for none.
        ids: The ids under which the server logs it.
    """

    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    content: bytes | None = None
    ids: CallIds

    @property
    def path(self) -> str:
        """The path, without the query, which may hold what nobody should read."""
        return self.url.path

    @property
    def target(self) -> str:
        """Host and port."""
        default = 443 if self.url.scheme == "https" else 80
        return f"{self.url.host}:{self.url.port or default}"


class Calls:
    """Makes the calls of one client; nothing in here sends anything.

    Args:
        config: Where the deployment is.
        token: The access token, or what gives one when a call is made; None for anonymous.
        session: What groups the calls of one run in the server's log.
    """

    def __init__(
        self,
        config: StagingConfig,
        *,
        token: str | Callable[[], str | None] | None,
        session: str | None,
    ) -> None:
        self._config = config
        self._token = token
        self._known_token: str | None = None
        self._hosts = frozenset(
            {urlsplit(url).hostname for url in (config.base_url, config.auth_url)}
            | set(config.allowed_hosts)
        )
        announced = config.e2e_headers if config.announce_e2e else {}
        self._headers = {
            **{name.lower(): value for name, value in announced.items()},
            "accept-encoding": ACCEPTED_ENCODINGS,
            "user-agent": "netra-testkit",
            "x-test-session": session or secrets.token_hex(8),
        }

    def make(
        self,
        method: str,
        path: str,
        *,
        params: Query | None = None,
        headers: Mapping[str, str] | None = None,
        json: JsonValue = None,
        content: bytes | None = None,
        accept: str = "*/*",
    ) -> Call:
        """A call under ids of its own.

        Raises:
            Misuse: It cannot be sent, or may not be sent there.
            Unencodable: The body is not JSON.
        """
        verb = str(method).upper()
        if verb not in METHODS:
            raise Misuse(what=f"the method {method!r}", hint=f"Use {', '.join(sorted(METHODS))}.")
        _refuse_unless(str, path=path)
        _refuse_unless(bytes | None, content=content)
        _refuse_unless(Mapping | None, params=params, headers=headers)
        url = self._url(path, params)
        if self._config.read_only and verb not in READING:
            raise Misuse(
                what=f"{verb} {url.path} on production, which is read-only",
                hint="Send it to staging; on production only GET, HEAD and OPTIONS are sent.",
            )
        if json is not None and content is not None:
            raise Misuse(what="json= and content= were both given", hint="Give one of them.")
        carried = {**self._headers, "accept": accept, **self._authorization()}
        if json is not None:
            content = encode_json(json).encode()
            carried["content-type"] = "application/json"
        carried |= _checked(headers or {})
        ids = ids_in(carried, new_ids())
        carried.setdefault("x-request-id", ids["request_id"])
        carried.setdefault("traceparent", traceparent(ids["trace_id"]))
        return Call(method=verb, url=url, headers=carried, content=content, ids=ids)

    def onward(self, call: Call, status: int, location: str | None) -> Call | None:
        """The call that a redirect leads to; None where there is none or it is not followed."""
        if status not in REDIRECTS or location is None:
            return None
        try:
            url = call.url.join(location)
        except (httpx.InvalidURL, ValueError):
            return None
        if not self._may_go_to(url):
            return None
        method, content, headers = call.method, call.content, dict(call.headers)
        if (status in {302, 303} and method != "HEAD") or (status, method) == (301, "POST"):
            method, content = "GET", None
            headers.pop("content-type", None)
        if (url.scheme, url.host, url.port) != (call.url.scheme, call.url.host, call.url.port):
            headers = {name: said for name, said in headers.items() if name not in PRIVATE_HEADERS}
            headers.pop("host", None)
        return Call(method=method, url=url, headers=headers, content=content, ids=call.ids)

    def _url(self, path: str, params: Query | None) -> httpx.URL:
        base = self._config.auth_url if path.startswith("/auth/") else self._config.base_url
        try:
            url = httpx.URL(f"{base}{path}" if path.startswith("/") else path)
            url = url if params is None else url.copy_merge_params(dict(params))
        except (httpx.InvalidURL, ValueError, TypeError) as refused:
            raise Misuse(
                what=f"a path or query that is no URL: {refused}",
                hint="Give a path that begins with /, and a query of texts and numbers.",
            ) from None
        if not self._may_go_to(url):
            raise Misuse(
                what=f"a request to {url.scheme or 'no scheme'}://{url.host or 'no host'}",
                hint="Give a path that begins with /, or an https URL, without credentials, on "
                "a host of the deployment or one named in allowed_hosts.",
            )
        return url

    def _may_go_to(self, url: httpx.URL) -> bool:
        encrypted = url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host))
        port_exists = url.port is None or 0 < url.port <= LAST_PORT
        return encrypted and port_exists and not url.userinfo and url.host in self._hosts

    def _authorization(self) -> dict[str, str]:
        token = self._token() if callable(self._token) else self._token
        if token is None:
            return {}
        if token != self._known_token:
            register(token, label="access token")
            self._known_token = token
        # An empty token is what a negative test sends: the space before it is stripped.
        return _checked({"authorization": f"Bearer {token}"})


def _checked(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers with names in lower case, or what is wrong with the first that cannot be sent."""
    checked: dict[str, str] = {}
    for name, value in headers.items():
        if not _matches(NAME, name):
            raise Misuse(what=f"a header named {name!r}", hint="Name it with letters and -.")
        if not _matches(VALUE, value):
            raise Misuse(
                what=f"a value of the header {name} that HTTP cannot carry",
                hint="Give a text on one line; encode what is not ASCII.",
            )
        if name.lower() in FRAMING:
            raise Misuse(
                what=f"the header {name}, which the client writes itself", hint="Leave it out."
            )
        checked[name.lower()] = value.strip()
    return checked


def _refuse_unless(kind: type | UnionType, **given: object) -> None:
    for name, value in given.items():
        if not isinstance(value, kind):
            raise Misuse(what=f"{name}= of type {type(value).__name__}", hint=f"Give it as {kind}.")


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
