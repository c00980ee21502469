"""Hashing passwords with Argon2id, off the event loop and not all at once."""

from __future__ import annotations

import base64
import os

import anyio
import anyio.to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

AT_ONCE = max(1, min(4, os.cpu_count() or 1))
"""Each takes 64 MiB and a core for some 50 ms (RFC 9106's second recommendation)."""


class Passwords:
    """Hashes and checks passwords."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self.nobody = _unmatched(self._hasher)
        """What a password is checked against where there is nobody."""
        self._limiter: anyio.CapacityLimiter | None = None

    async def hash(self, password: str) -> str:
        """The hash to keep, with its salt and parameters."""
        return await anyio.to_thread.run_sync(self._hasher.hash, password, limiter=self._at_once())

    async def verify(self, kept: str | None, password: str) -> bool:
        """Is that the password? Without a kept hash the same work is done for nothing, so that time tells nothing."""
        good = await anyio.to_thread.run_sync(self._matches, kept or self.nobody, password, limiter=self._at_once())
        return good and bool(kept)

    def outdated(self, kept: str) -> bool:
        """Was it hashed with other parameters than today's?"""
        return self._hasher.check_needs_rehash(kept)

    def _matches(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False

    def _at_once(self) -> anyio.CapacityLimiter:
        if self._limiter is None:  # belongs to the event loop, which runs by now
            self._limiter = anyio.CapacityLimiter(AT_ONCE)
        return self._limiter


def _unmatched(hasher: PasswordHasher) -> str:
    """A hash that no password has. It was never computed, which would hold up every start by 0.2 s, but checking
    against it takes as long as against any other."""

    def encoded(count: int) -> str:
        return base64.b64encode(os.urandom(count)).decode().rstrip("=")

    parameters = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${parameters}${encoded(hasher.salt_len)}${encoded(hasher.hash_len)}"
