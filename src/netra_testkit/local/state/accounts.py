"""Accounts: who is known, and whose password is right."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from netra_testkit.settings.users import DEFAULT_PERMISSIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from netra_testkit.settings.tokens import Claims

__all__ = ["Account", "Accounts", "EmailTaken"]

# Cheap on purpose: what is stored lives as long as one test run, on a tester's machine.
_COST: Final = 2**4


class EmailTaken(ValueError):
    """An account with this address exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody the platform knows.

    Attributes:
        user_id: The subject of its tokens.
        email: Its address, as written when it was first seen.
        permissions: What its tokens allow.
        created_at: When it was first seen, in seconds since the epoch.
    """

    user_id: str
    email: str
    permissions: tuple[str, ...]
    created_at: float


@dataclass(frozen=True, slots=True)
class _Hashed:
    salt: bytes
    digest: bytes

    @classmethod
    def of(cls, password: str) -> _Hashed:
        salt = secrets.token_bytes(16)
        return cls(salt, _digest(password, salt))

    def fits(self, password: str) -> bool:
        return hmac.compare_digest(self.digest, _digest(password, self.salt))

    def __repr__(self) -> str:
        return "_Hashed(***)"


class Accounts:
    """Everybody the platform knows, by user_id and by address; an address has no case."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_id: dict[str, Account] = {}
        self._by_email: dict[str, Account] = {}
        self._passwords: dict[str, _Hashed] = {}
        # An unknown address takes as long as a known one.
        self._nobody = _Hashed.of(secrets.token_urlsafe())

    def register(
        self,
        email: str,
        password: str,
        *,
        user_id: str | None = None,
        permissions: tuple[str, ...] = DEFAULT_PERMISSIONS,
    ) -> Account:
        """Make an account that can log in; its password is kept as a salted digest only.

        Raises:
            EmailTaken: The address, or the user_id, belongs to an account.
        """
        user_id = user_id or str(uuid.uuid4())
        if email.casefold() in self._by_email or user_id in self._by_id:
            raise EmailTaken(email)
        account = self._known(user_id, email, permissions)
        self._passwords[user_id] = _Hashed.of(password)
        return account

    def check(self, email: str, password: str) -> Account | None:
        """The account of an address when the password is its own."""
        account = self.of_email(email)
        hashed = self._passwords.get(account.user_id) if account else None
        fits = (hashed or self._nobody).fits(password)
        return account if fits and hashed else None

    def of_id(self, user_id: str) -> Account | None:
        """The account with this user_id."""
        return self._by_id.get(user_id)

    def of_email(self, email: str) -> Account | None:
        """The account that first came with this address."""
        return self._by_email.get(email.casefold())

    def with_email(self, email: str) -> Account:
        """The account of an address, made without a password when there is none."""
        return self.of_email(email) or self._known(str(uuid.uuid4()), email, DEFAULT_PERMISSIONS)

    def ensure(self, claims: Claims) -> Account:
        """The account of a verified token: whoever is validly signed exists."""
        known = self._by_id.get(claims.subject)
        return known or self._known(claims.subject, claims.email or "", claims.permissions)

    def clear(self) -> None:
        """Forget everybody."""
        self._by_id.clear()
        self._by_email.clear()
        self._passwords.clear()

    def _known(self, user_id: str, email: str, permissions: tuple[str, ...]) -> Account:
        account = Account(
            user_id=user_id, email=email, permissions=permissions, created_at=self._clock()
        )
        self._by_id[user_id] = account
        if email:
            self._by_email.setdefault(email.casefold(), account)
        return account


def _digest(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=8, p=1)
