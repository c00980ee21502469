"""The key that signs tokens: the secret JWT_KEY, or one made once and kept in the data folder."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from coursewright.disk import explained
from coursewright.errors import InputError
from coursewright.settings import Settings

FILE_NAME = "jwt.key"
_MIN_BYTES = 32
"""HS256 wants a key no shorter than its hash (RFC 7518, 3.2)."""


class Keys:
    """One key for each purpose, all derived from one, so that a token for one purpose is worthless for another."""

    def __init__(self, master: bytes) -> None:
        self._master = master

    def derived(self, purpose: str) -> bytes:
        """The key for a purpose, such as "access"."""
        return hmac.digest(self._master, f"coursewright {purpose}".encode(), hashlib.sha256)

    def mac(self, purpose: str, text: str) -> str:
        """A keyed hash of a text, in hex."""
        return hmac.new(self.derived(purpose), text.encode(), hashlib.sha256).hexdigest()

    def __repr__(self) -> str:
        return "Keys(…)"


def read_keys(settings: Settings) -> Keys:
    """The keys of this installation; made when there are none. Several processes may ask at once.

    Raises InputError when JWT_KEY is too short.
    """
    if given := settings.secrets.get("JWT_KEY"):
        if len(given.encode()) < _MIN_BYTES:
            raise InputError(
                f"the secret JWT_KEY has {len(given.encode())} bytes; fewer than {_MIN_BYTES} can be guessed",
                field="JWT_KEY",
                remedy="set COURSEWRIGHT_SECRET_JWT_KEY to a longer one, such as the output of `openssl rand -hex 32`",
            )
        return Keys(given.encode())
    with explained(f"the data folder {settings.data_dir}", elsewhere="choose another folder (COURSEWRIGHT_DATA_DIR)"):
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        path = settings.data_dir / FILE_NAME
        with contextlib.suppress(FileNotFoundError):
            return Keys(_read(path))
        _make(path)
        return Keys(_read(path))


def _read(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    key = path.read_bytes()
    if len(key) < _MIN_BYTES:
        raise InputError(f"the key file {path} is damaged", remedy="remove it; everybody then logs in anew")
    return key


def _make(path: Path) -> None:
    """Write it whole and then give it its name, unless another process was first."""
    temporary = path.with_name(f".{FILE_NAME}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(48))
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(temporary, path)
    temporary.unlink()
