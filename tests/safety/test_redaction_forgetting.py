"""How long a secret is remembered, and that remembering many costs little."""

from __future__ import annotations

import math
import secrets
import threading
import tracemalloc

import jwt
import pytest

from netra_testkit.safety import registry as registering
from netra_testkit.safety.encodings import alike
from netra_testkit.safety.fragments import Fragments, Owner
from netra_testkit.safety.redaction import Registry
from netra_testkit.safety.registry import MOST_EXPIRING, REMEMBERED

LIFETIME = 900.0


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(clock: Clock) -> Registry:
    return Registry(now=clock)


def minted(clock: Clock, user: str = "staging-e2e-user-001") -> str:
    """A token as the platform's are: most of it is in every other one too."""
    claims = {
        "iss": "netra-auth-service",
        "iat": int(clock.now),
        "jti": secrets.token_hex(16),
        "sub": user,
        "permissions": ["read", "write", "execute"],
    }
    return jwt.encode(claims, secrets.token_urlsafe(48), "HS256")


def shown(registry: Registry, text: str) -> bool:
    """Whether the last characters of a text can be read, which look like nothing."""
    return registry.mask(text[-24:]) == text[-24:]


def wake(registry: Registry) -> None:
    """Register something, which is when others are forgotten."""
    registry.register(secrets.token_hex(16), label="ANOTHER")


def test_a_secret_without_an_end_is_never_forgotten(registry: Registry, clock: Clock) -> None:
    secret = secrets.token_urlsafe(48)
    registry.register(secret, label="SECRET")
    clock.now = math.inf
    wake(registry)
    assert not shown(registry, secret)


@pytest.mark.parametrize(
    ("later", "forgotten"),
    [
        (0, False),
        (LIFETIME, False),
        (LIFETIME + REMEMBERED - 1, False),
        (LIFETIME + REMEMBERED, True),
    ],
)
def test_a_token_is_remembered_for_a_while_after_its_end(
    registry: Registry, clock: Clock, later: float, *, forgotten: bool
) -> None:
    token = minted(clock)
    registry.register(token, label="TOKEN", expires_at=clock.now + LIFETIME)
    clock.now += later
    wake(registry)
    assert shown(registry, token) == forgotten
    assert len(registry) == 2 - forgotten


def test_a_short_secret_is_forgotten_like_a_long_one(registry: Registry, clock: Clock) -> None:
    registry.register("hunter2", label="CODE", expires_at=clock.now)
    assert registry.mask("hunter2") == "[masked CODE]"
    clock.now += REMEMBERED
    wake(registry)
    assert registry.mask("hunter2") == "hunter2"


@pytest.mark.parametrize("ends", [(10.0, 20.0), (20.0, 10.0), (10.0, None), (None, 10.0)])
def test_of_two_registrations_the_longer_one_counts(
    registry: Registry, clock: Clock, ends: tuple[float | None, float | None]
) -> None:
    secret = secrets.token_urlsafe(48)
    for label, end in zip(("FIRST", "SECOND"), ends, strict=True):
        registry.register(secret, label=label, expires_at=None if end is None else clock.now + end)
    assert registry.mask(secret) == "[masked FIRST]"
    clock.now += REMEMBERED + 15
    wake(registry)
    assert not shown(registry, secret)
    clock.now += 5
    wake(registry)
    assert shown(registry, secret) == (None not in ends)


def sharing(shared: str, count: int) -> list[str]:
    """Secrets that have one piece in common, each with its own neighbours."""
    return [f"{secrets.token_hex(8)[:15]}{shared}{secrets.token_hex(8)}" for _ in range(count)]


def windows(text: str) -> list[str]:
    return [text[at : at + 12] for at in range(len(text) - 11)]


@pytest.mark.parametrize("ends", [(10, 20), (20, 10), (5, 10, 20), (20, 10, 5), (10, 20, 5)])
def test_what_secrets_share_is_remembered_as_long_as_one_of_them(
    registry: Registry, clock: Clock, ends: tuple[int, ...]
) -> None:
    shared = secrets.token_urlsafe(30)
    for end, secret in zip(ends, sharing(shared, len(ends)), strict=True):
        registry.register(secret, label=f"{end}", expires_at=clock.now + end)
    clock.now += REMEMBERED + 15
    wake(registry)
    assert {registry.mask(each) for each in windows(shared)} == {"[masked 20]"}
    clock.now += 5
    wake(registry)
    assert [registry.mask(each) for each in windows(shared)] == windows(shared)


def test_what_some_secrets_share_is_remembered_as_long_as_one_of_those(
    registry: Registry, clock: Clock
) -> None:
    piece = secrets.token_hex(4)
    one, other = (f"{secrets.token_hex(3)[:5]}{piece}{secrets.token_hex(3)[:5]}" for _ in range(2))
    for shared, end in ((one, 10), (other, 30), (one, 20)):
        (secret,) = sharing(shared, 1)
        registry.register(secret, label=f"{end}", expires_at=clock.now + end)
    clock.now += REMEMBERED + 15
    wake(registry)
    assert {registry.mask(each) for each in windows(one)} == {"[masked 20]"}
    clock.now += 5
    wake(registry)
    assert [registry.mask(each) for each in windows(one)] == windows(one)
    assert {registry.mask(each) for each in windows(other)} == {"[masked 30]"}


def test_what_lies_within_a_longer_piece_is_remembered_as_long_as_its_own_secret(
    registry: Registry, clock: Clock
) -> None:
    inner = secrets.token_hex(20)
    outer = f"{secrets.token_hex(10)}{inner}{secrets.token_hex(10)}"
    for shared, end in ((outer, 10), (inner, 30), (outer, 20)):
        (secret,) = sharing(shared, 1)
        registry.register(secret, label=f"{end}", expires_at=clock.now + end)
    clock.now += REMEMBERED + 25
    wake(registry)
    assert {registry.mask(each) for each in windows(inner)} == {"[masked 30]"}
    assert shown(registry, outer)


def test_every_piece_is_masked_wherever_what_is_shared_ends(registry: Registry) -> None:
    for size in range(8, 34):
        pair = sharing(secrets.token_hex(17)[:size], 2)
        for each in pair:
            registry.register(each, label="SECRET")
        assert {registry.mask(each) for secret in pair for each in windows(secret)} == {
            "[masked SECRET]"
        }


def test_what_is_registered_again_keeps_what_it_shares(registry: Registry, clock: Clock) -> None:
    shared = secrets.token_urlsafe(30)
    one, other = sharing(shared, 2)
    registry.register(one, label="ONE", expires_at=clock.now + 10)
    registry.register(other, label="OTHER", expires_at=clock.now + 20)
    registry.register(one, label="ONE", expires_at=clock.now + 30)
    clock.now += REMEMBERED + 25
    wake(registry)
    assert {registry.mask(each) for each in windows(shared)} == {"[masked ONE]"}
    assert shown(registry, other)


def test_the_last_of_many_to_expire_keeps_what_they_share(registry: Registry, clock: Clock) -> None:
    piece = secrets.token_hex(4)
    lasting, *others = sharing(piece, 18)
    registry.register(lasting, label="LASTING", expires_at=clock.now + 20)
    for each in others:
        registry.register(each, label="OTHER", expires_at=clock.now + 10)
    clock.now += REMEMBERED + 15
    wake(registry)
    at = lasting.index(piece)
    assert all(piece not in registry.mask(lasting[at - left :][:12]) for left in range(5))


def test_a_piece_in_many_surroundings_is_masked_wherever_it_stands(
    registry: Registry, clock: Clock
) -> None:
    piece = secrets.token_hex(4)
    whole = [f"{secrets.token_hex(5)}{piece}{secrets.token_hex(16)}" for _ in range(40)]
    for number, each in enumerate(whole):
        registry.register(each, label="MANY", expires_at=clock.now + number)
    assert registry.mask(f"<{piece}>") == "<[masked MANY]>"
    assert [registry.mask(each) for each in whole] == ["[masked MANY]"] * 40
    for each in whole:
        for start in range(5, 12):
            assert piece not in registry.mask(each[start : start + 12])
    clock.now += REMEMBERED + 38
    wake(registry)
    assert registry.mask(f"<{piece}>") == "<[masked MANY]>"
    clock.now += 1
    wake(registry)
    assert registry.mask(f"<{piece}>") == f"<{piece}>"


def test_a_piece_in_some_surroundings_is_forgotten_with_them(
    registry: Registry, clock: Clock
) -> None:
    piece = secrets.token_hex(4)
    whole = [f"{secrets.token_hex(5)}{piece}{secrets.token_hex(16)}" for _ in range(4)]
    for number, each in enumerate(whole):
        registry.register(each, label="SOME", expires_at=clock.now + number)
    for number in range(4):
        clock.now += REMEMBERED if number == 0 else 1
        wake(registry)
        assert [shown(registry, each) for each in whole] == [at <= number for at in range(4)]


def test_the_first_to_expire_make_room(
    registry: Registry, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registering, "MOST_EXPIRING", 50)
    lasting = secrets.token_urlsafe(48)
    registry.register(lasting, label="LASTING")
    last, first, *others = (secrets.token_hex(12) for _ in range(51))
    registry.register(last, label="LAST", expires_at=clock.now + 99)
    registry.register(first, label="FIRST", expires_at=clock.now + 1)
    for each in others:
        registry.register(each, label="OTHER", expires_at=clock.now + 50)
    assert len(registry) == 51
    assert shown(registry, first)
    assert not any(shown(registry, each) for each in (lasting, last, *others))


def test_a_token_takes_little_memory(registry: Registry, clock: Clock) -> None:
    tokens = [minted(clock) for _ in range(100)]
    tracemalloc.start()
    try:
        for each in tokens:
            registry.register(each, label="TOKEN", expires_at=clock.now + LIFETIME)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / len(tokens) * MOST_EXPIRING < 50 * 2**20


def test_an_index_of_which_everything_is_forgotten_is_empty(clock: Clock) -> None:
    fragments = Fragments()
    tokens = [minted(clock, f"user-{each}") for each in range(60)]
    owners = [Owner("TOKEN", clock.now + each) for each in range(60)]
    for owner, token in zip(owners, tokens, strict=True):
        fragments.add(owner, (alike(token),))
    assert len(fragments) > len(tokens)
    for owner in owners:
        fragments.remove(owner, now=owner.until)
    assert len(fragments) == 0
    assert fragments.spans(alike(tokens[0])) == []


def test_a_piece_repeated_in_one_secret_is_forgotten_with_it(
    registry: Registry, clock: Clock
) -> None:
    secret = secrets.token_hex(4) * 9 + secrets.token_hex(5) + secrets.token_hex(4) * 2
    registry.register(secret, label="SECRET", expires_at=clock.now)
    assert registry.mask(secret) == "[masked SECRET]"
    clock.now += REMEMBERED
    wake(registry)
    assert registry.mask(secret) == secret


def test_masking_goes_on_while_others_register_and_forget(clock: Clock) -> None:
    registry = Registry(now=clock)
    kept = minted(clock)
    registry.register(kept, label="KEPT")
    failures: list[BaseException] = []
    done = threading.Event()

    def mint() -> None:
        try:
            for _ in range(60):
                registry.register(minted(clock), label="TOKEN", expires_at=clock.now)
                registry.register("hunter2", label="CODE", expires_at=clock.now)
                clock.now += REMEMBERED / 20
        except BaseException as failure:  # noqa: BLE001 - told to the test below
            failures.append(failure)
        finally:
            done.set()

    def read() -> None:
        try:
            while not done.is_set():
                assert "[masked KEPT]" in registry.mask(f"a {kept} b hunter2 {minted(clock)}")
        except BaseException as failure:  # noqa: BLE001 - told to the test below
            failures.append(failure)

    threads = [threading.Thread(target=each) for each in (mint, read, read)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert failures == []
