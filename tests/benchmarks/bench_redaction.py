"""What masking costs: 135 KB of text against a search for whole values, a line, a registration."""

from __future__ import annotations

import base64
import functools
import logging
import secrets
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import jwt
from tests.benchmarks.rounds import best_quartile, compare, timed

from netra_testkit.safety import fragments
from netra_testkit.safety.redaction import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 135_000
HANDFUL = 8
LIMIT_MS = 9.0


def source_code() -> str:
    """Text such as tracebacks quote."""
    text = Path(fragments.__file__).read_text("utf-8")
    return (text * (SIZE // len(text) + 1))[:SIZE]


def log_lines() -> str:
    """Lines such as httpcore writes at DEBUG."""
    line = (
        "2025-10-01T12:00:00Z DEBUG httpcore.http11:_trace.py:87 receive_response_headers.complete "
        "return_value=(b'HTTP/1.1', 200, b'OK', [(b'x-request-id', b'{}')])\n"
    )
    return "".join(line.format(uuid.uuid4()) for _ in range(SIZE // len(line)))[:SIZE]


def random_base64() -> str:
    """Nothing but characters that secrets are made of: the worst case."""
    return base64.b64encode(secrets.token_bytes(SIZE)).decode()[:SIZE]


def minted(key: str) -> str:
    """A token of the length that the platform's have."""
    now = int(time.time())
    claims = {
        "iss": "netra-auth-service",
        "iat": now,
        "exp": now + 900,
        "jti": str(uuid.uuid4()),
        "sub": "staging-e2e-user-001",
        "email": "e2e-test-001@staging.netrasystems.ai",
        "permissions": ["read", "write", "execute"],
        "aud": "netra-platform",
    }
    return jwt.encode(claims, key, "HS256")


def whole_values(values: list[str], text: str) -> str:
    """What is commonly done instead, and leaves every piece."""
    for each in values:
        text = text.replace(each, "***")
    return text


def milliseconds(work: Callable[[], object], rounds: int = 21) -> float:
    """The duration of one call, best quartile."""
    return best_quartile([timed(work) for _ in range(rounds)]) * 1000


def main() -> None:
    """Print the figures; 135 KB without a secret in it should take 9 ms at most."""
    logging.disable()
    key = secrets.token_urlsafe(48)
    values = [key, *(minted(key) for _ in range(HANDFUL - 1))]
    registry, empty, full = Registry(), Registry(), Registry()
    for each in values:
        registry.register(each, label="SECRET")
        full.register(each, label="SECRET")
    for _ in range(2000):
        full.register(minted(key), label="TOKEN", expires_at=time.time() + 900)

    texts = {
        "source code": source_code(),
        "log lines": log_lines(),
        "random base64": random_base64(),
        "log lines, every tenth with a token": "".join(
            f"{line} {values[1 + at % (HANDFUL - 1)] if at % 10 == 0 else ''}\n"
            for at, line in enumerate(log_lines().splitlines())
        )[:SIZE],
    }
    for name, text in texts.items():
        taken = milliseconds(functools.partial(registry.mask, text))
        print(f"{name}, {len(text) // 1000} KB, {HANDFUL} secrets: {taken:.2f} ms")
        compare(
            f"masking {name}",
            functools.partial(whole_values, values, text),
            {
                "no secret registered": functools.partial(empty.mask, text),
                f"{HANDFUL} secrets": functools.partial(registry.mask, text),
                "2,000 tokens more": functools.partial(full.mask, text),
            },
            rounds=9,
        )
        if "token" not in name and taken > LIMIT_MS:
            print(f"  more than the {LIMIT_MS:g} ms it should take: is the machine busy?")
    line = "> GET /health HTTP/1.1, Host: api.staging.netrasystems.ai, User-Agent: python"
    print(f"one line: {milliseconds(functools.partial(registry.mask, line), 999) * 1000:.1f} us")

    tokens = iter([minted(key) for _ in range(300)])
    took = milliseconds(
        lambda: registry.register(next(tokens), label="TOKEN", expires_at=time.time() + 900), 300
    )
    print(f"registering a token: {took * 1000:.0f} us, minting it: ", end="")
    print(f"{milliseconds(functools.partial(minted, key), 300) * 1000:.0f} us")


if __name__ == "__main__":
    main()
