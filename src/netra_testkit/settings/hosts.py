"""Which URLs a configuration may name: encrypted, and on a host of its own environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from netra_testkit.errors import ConfigurationError, Problem
from netra_testkit.settings.environments import (
    KNOWN_HOSTS,
    Environment,
    belongs_to,
    environment_of_host,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["credentials_in", "guarded_hosts", "guarded_path", "guarded_url"]

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_IPV6 = re.compile(r"[0-9a-f:.]*:[0-9a-f:.]*")
_CREDENTIALS = re.compile(r"//([^@]*)@")
_UNUSABLE = re.compile(r"[\s\\\x00-\x1f\x7f]")


def guarded_url(
    url: object,
    *,
    field: str,
    source: str,
    environment: Environment | None,
    allowed_hosts: Collection[str],
    websocket_path: str | None = None,
) -> str:
    """The URL without trailing slashes, or every problem that it has.

    Args:
        url: What is configured.
        field: Whose value it is.
        source: Where the value came from.
        environment: Whose hosts it may name; None when that is not known, and not judged.
        allowed_hosts: Further hosts that it may name.
        websocket_path: The only path of a WebSocket URL, empty for any; None for an HTTP URL.

    Raises:
        ConfigurationError: With each problem; no problem quotes userinfo, path or query.
    """
    parts = _split(url)
    if parts is None:
        scheme = "https" if websocket_path is None else "wss"
        remedies = [f"This is not a URL (its value is not shown); write {scheme}://host."]
    else:
        shown = _shown(parts)
        remedies = [
            *_form_remedies(parts, shown, websocket_path),
            *_host_remedies(_host(parts), shown, environment, allowed_hosts),
        ]
    if remedies or parts is None:
        raise ConfigurationError(problems=tuple(Problem(field, source, each) for each in remedies))
    return f"{parts.scheme}://{_address(parts)}{parts.path.rstrip('/')}"


def credentials_in(url: object) -> str:
    """What stands before the @ of a URL and may be secret; empty without any."""
    found = _CREDENTIALS.search(url) if isinstance(url, str) else None
    return "" if found is None else found[1].partition(":")[2] or found[1]


def guarded_hosts(hosts: Iterable[object], *, source: str) -> tuple[str, ...]:
    """Hosts of an allow-list in the form they are compared in, or every problem of them.

    Args:
        hosts: Names or addresses, each without scheme, port and wildcard.
        source: Where they came from.

    Raises:
        ConfigurationError: With each entry that is not a host.
    """
    named: list[str] = []
    problems: list[Problem] = []
    for position, each in enumerate(hosts):
        host = _canonical(each.strip()) if isinstance(each, str) else ""
        if _NAME.fullmatch(host) or _IPV6.fullmatch(host):
            named.append(host)
        else:
            remedy = "Name one host, without scheme, port, path or wildcard."
            problems.append(Problem(f"allowed_hosts[{position}]", source, remedy))
    if problems:
        raise ConfigurationError(problems=tuple(problems))
    return tuple(dict.fromkeys(named))


def guarded_path(path: object, *, source: str) -> str:
    """The path of a WebSocket without trailing slashes, or what is wrong with it.

    Args:
        path: What is configured.
        source: Where it came from.

    Raises:
        ConfigurationError: It is not an absolute path.
    """
    if isinstance(path, str) and re.fullmatch(r"/[A-Za-z0-9._~/-]*", path):
        return path.rstrip("/") or "/"
    remedy = "Give an absolute path without query, such as /ws."
    raise ConfigurationError(problems=(Problem("websocket_path", source, remedy),))


def _split(url: object) -> SplitResult | None:
    """The parts of what can be shown in part, None for what may be anything."""
    if not isinstance(url, str) or _UNUSABLE.search(url):
        return None
    try:
        parts = urlsplit(url)
        host = _host(parts)
    except ValueError:
        return None
    usable = _NAME.fullmatch(host) or _IPV6.fullmatch(host)
    return (
        parts
        if usable and "@" not in parts.path and re.match(r"[a-z]+://", url, re.IGNORECASE)
        else None
    )


def _form_remedies(parts: SplitResult, shown: str, websocket_path: str | None) -> list[str]:
    secure, plain = ("https", "http") if websocket_path is None else ("wss", "ws")
    loopback = belongs_to(_host(parts), Environment.LOCAL)
    remedies = []
    if parts.scheme == plain and not loopback:
        remedies.append(f"{shown} is not encrypted, which only loopback may be; use {secure}.")
    elif parts.scheme not in {plain, secure}:
        remedies.append(f"{shown} has the wrong scheme; use {secure}.")
    if "@" in parts.netloc:
        remedies.append(f"{shown} carries credentials; remove what stands before the @.")
    if parts.query or parts.fragment:
        remedies.append(f"{shown} carries a query or fragment; end it before that.")
    if _port(parts) == 0:
        remedies.append(f"{shown} has a port that is no number from 1 to 65535; correct it.")
    if websocket_path and (parts.path.rstrip("/") or "/") != websocket_path:
        ending = f"end it with {websocket_path}, or set websocket_path"
        remedies.append(f"{shown} has a path other than {websocket_path}; {ending}.")
    return remedies


def _host_remedies(
    host: str, shown: str, environment: Environment | None, allowed_hosts: Collection[str]
) -> list[str]:
    if environment is None or belongs_to(host, environment):
        return []
    owner = environment_of_host(host)
    own = " or ".join(sorted(KNOWN_HOSTS[environment]))
    if owner is Environment.PRODUCTION:
        return [f"{shown} is a production host, out of reach of {environment}; use {own}."]
    if host in allowed_hosts:
        return []
    whose = "" if owner is None else f" but {owner}'s"
    return [f"{shown} is no host of {environment}{whose}; use {own}, or add it to allowed_hosts."]


def _host(parts: SplitResult) -> str:
    return _canonical(parts.hostname or "")


def _canonical(host: str) -> str:
    return host.casefold().removesuffix(".").removeprefix("[").removesuffix("]")


def _port(parts: SplitResult) -> int | None:
    """The port, None without one, 0 for one that is out of range or no number."""
    try:
        return parts.port
    except ValueError:
        return 0


def _address(parts: SplitResult) -> str:
    host, port = _host(parts), _port(parts)
    bracketed = f"[{host}]" if ":" in host else host
    return bracketed if port is None else f"{bracketed}:{port}"


def _shown(parts: SplitResult) -> str:
    """Scheme, host and port: what may be quoted of a URL that may carry anything else."""
    masked = "***@" if "@" in parts.netloc else ""
    host = _host(parts)
    port = _port(parts)
    named = "" if port is None else ":***" if port == 0 else f":{port}"
    return f"{parts.scheme}://{masked}{f'[{host}]' if ':' in host else host}{named}"
