"""One TLS context for the whole process: making one costs as much as fifty requests."""

from __future__ import annotations

import os
import ssl
from functools import cache

from netra_testkit.errors import ConfigurationError, Problem

__all__ = ["tls_context"]


def tls_context(ca_file: str | None = None) -> ssl.SSLContext:
    """The shared context; `ca_file`, or else SSL_CERT_FILE, names authorities of one's own.

    Without either, the system's authorities and those that come with httpx are trusted.

    Raises:
        ConfigurationError: The named file is not there or holds no certificate.
    """
    if ca_file is not None:
        return _made(ca_file, "ca_file")
    return _made(os.environ.get("SSL_CERT_FILE") or None, "SSL_CERT_FILE")


@cache
def _made(ca_file: str | None, source: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as unusable:
        remedy = f"{ca_file} cannot be used ({unusable.strerror or unusable}); name a PEM file."
        raise ConfigurationError(problems=(Problem("ca_file", source, remedy),)) from None
    if ca_file is None:
        import certifi

        context.load_verify_locations(certifi.where())
    return context
