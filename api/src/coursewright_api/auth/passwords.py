"""Hashing passwords with Argon2id, off the event loop and not all at once."""

from __future__ import annotations

import os

import anyio
import anyio.to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE = max(1, min(4, os.cpu_count() or 1))
"""Each takes 64 MiB and a core for some 50 ms (RFC 9106's second recommendation)."""


class Passwords:
    """Hashes and checks passwords."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash(os.urandom(16))
        self._limiter: anyio.CapacityLimiter | None = None

    async def hash(self, password: str) -> str:
        """The hash to keep, with its salt and parameters."""
        return await anyio.to_thread.run_sync(self._hasher.hash, password, limiter=self._at_once())

    async def verify(self, kept: str | None, password: str) -> bool:
        """Is that the password? Without a kept hash the same work is done for nothing, so that time tells nothing."""
        good = await anyio.to_thread.run_sync(self._matches, kept or self._nobody, password, limiter=self._at_once())
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
