"""Tokens of share links, and the tickets by which their files are fetched. Nothing secret is stored for either."""

from __future__ import annotations

import base64
import binascii
import hmac
import math
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from coursewright_api.auth.keys import Keys

TICKET_S = 12 * 3600
"""Longer than anybody watches one film; a revoked link ends its tickets at once."""
_MAC_BYTES = 16
_TIME_BYTES = 6


class Tokens:
    """Makes and reads them. A token is the link's id with a keyed hash: it can be shown again, and not be guessed."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def token(self, link_id: UUID) -> str:
        """The last part of a link's address."""
        return _encoded(link_id.bytes + self._mac("share", str(link_id)))

    def link_id(self, token: str) -> UUID | None:
        """The id of the link, unless the token is not one of ours."""
        data = _decoded(token)
        if len(data) != 16 + _MAC_BYTES:
            return None
        link_id = UUID(bytes=data[:16])
        return link_id if hmac.compare_digest(data[16:], self._mac("share", str(link_id))) else None

    def ticket(self, link: dict[str, Any]) -> str:
        """What proves that somebody was let in. It ends with the link, and with another password."""
        expires = min(math.ceil(time.time()) + TICKET_S, math.ceil(link["expires_at"].timestamp()))
        return _encoded(expires.to_bytes(_TIME_BYTES, "big") + self._ticket_mac(link, expires))

    def expires_at(self, ticket: str) -> datetime:
        """When a ticket of ours ends."""
        return datetime.fromtimestamp(int.from_bytes(_decoded(ticket)[:_TIME_BYTES], "big"), UTC)

    def admits(self, ticket: str, link: dict[str, Any]) -> bool:
        """Is that a ticket for the link which has not ended?"""
        data = _decoded(ticket)
        if len(data) != _TIME_BYTES + _MAC_BYTES:
            return False
        expires = int.from_bytes(data[:_TIME_BYTES], "big")
        return expires > time.time() and hmac.compare_digest(data[_TIME_BYTES:], self._ticket_mac(link, expires))

    def _ticket_mac(self, link: dict[str, Any], expires: int) -> bytes:
        return self._mac("share ticket", f"{link['id']} {expires} {link['password_hash']}")

    def _mac(self, purpose: str, text: str) -> bytes:
        return bytes.fromhex(self._keys.mac(purpose, text))[:_MAC_BYTES]


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    """The bytes; none for what is not written as we write it."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
    return data if _encoded(data) == text else b""
