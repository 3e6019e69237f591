"""Which proxy leads to a URL; none ever leads to loopback."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from netra_testkit.errors import ConfigurationError, Problem

__all__ = ["is_loopback", "proxy_for"]


def proxy_for(url: str) -> str | None:
    """The proxy that HTTPS_PROXY, HTTP_PROXY, NO_PROXY or the system name for this URL.

    Raises:
        ConfigurationError: The proxy that they name cannot be used.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    secure = parts.scheme in {"https", "wss"}
    port = parts.port or (443 if secure else 80)
    if is_loopback(host) or proxy_bypass(f"{host}:{port}"):
        return None
    known = getproxies()
    for name in ("https" if secure else "http", "all"):
        if known.get(name):
            return _usable(known[name], f"{name.upper()}_PROXY")
    return None


def is_loopback(host: str) -> bool:
    """Whether a host, by name or address, is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _usable(proxy: str, source: str) -> str:
    # "proxy:3128" is how many write it.
    address = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(address)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        remedy = "Write it as http://host:port; other kinds of proxy are not spoken."
        raise ConfigurationError(problems=(Problem("proxy", source, remedy),))
    return address
