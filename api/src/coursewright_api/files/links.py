"""Links to bytes of the store: signed by us for the local store, by the store itself where it can."""

from __future__ import annotations

import hmac
import math
import time
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote, urlencode

import msgspec
from coursewright.capabilities.artifacts import Artifact
from coursewright.store.contract import Store, is_sha256
from msgspec import Meta

from coursewright_api.auth.keys import Keys
from coursewright_api.files.names import disposition, safe_name
from coursewright_api.problems import forbidden
from coursewright_api.settings import ServerSettings

PATH = "/api/files"
_PURPOSE = "file link"
_UPLOAD = "upload link"
_MOST_S = 7 * 24 * 3600.0
"""The longest that S3 lets an address work."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """An address that works for a while, for whoever has it."""

    url: Annotated[str, Meta(description="Send no credentials there: the address is enough.")]
    expires_at: datetime


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """What one of our links says, besides digest and name."""

    expires: int
    media_type: str
    inline: bool


class Files:
    """Makes links and checks ours."""

    def __init__(self, store: Store, keys: Keys, server: ServerSettings) -> None:
        self._store = store
        self._keys = keys
        self._server = server

    def link(
        self, artifact: Artifact, *, expires_in_s: float | None = None, name: str = "", inline: bool = False
    ) -> Link:
        """A link to the artifact's bytes. `inline` lets a browser show them; else it saves them under `name`."""
        lasts_s = expires_in_s or self._server.file_link_s
        name = safe_name(name or artifact.name)
        expires = math.ceil(time.time() + lasts_s)
        if (direct := self._store.direct) is not None:
            lasts_s = max(1.0, min(lasts_s, _MOST_S))
            expires = math.floor(time.time() + lasts_s)
            url = direct.download_url(
                artifact.digest,
                expires_in_s=lasts_s,
                media_type=artifact.media_type,
                disposition=disposition(name, inline=inline),
            )
        else:
            signed = Signed(expires=expires, media_type=artifact.media_type, inline=inline)
            query = {"expires": expires, "type": artifact.media_type, "inline": int(inline)}
            signature = self._signature(artifact.digest, name, signed)
            url = f"{self._server.url}{PATH}/{artifact.digest}/{quote(name, safe='')}?" + urlencode(
                {**query, "signature": signature}
            )
        return Link(url=url, expires_at=datetime.fromtimestamp(expires, UTC))

    def check(self, digest: str, name: str, signed: Signed, signature: str) -> None:
        """Raises a 403 unless that is a link of ours which has not expired."""
        good = is_sha256(digest) and _same(signature, self._signature(digest, name, signed))
        _checked(good, signed.expires)

    def upload_link(self, upload: str, size_bytes: int, *, expires_in_s: float, part: int | None = None) -> Link:
        """Where so many bytes can be put, whole or as a part, for a store to which clients cannot write themselves."""
        expires = math.ceil(time.time() + expires_in_s)
        values = {"size": size_bytes, "expires": expires} | ({} if part is None else {"part": part})
        query = urlencode({**values, "signature": self._upload_signature(upload, size_bytes, expires, part)})
        url = f"{self._server.url}{PATH}/uploads/{upload}?{query}"
        return Link(url=url, expires_at=datetime.fromtimestamp(expires, UTC))

    def check_upload(self, upload: str, size_bytes: int, expires: int, part: int | None, signature: str) -> None:
        """Raises a 403 unless that is an upload link of ours which has not expired."""
        _checked(_same(signature, self._upload_signature(upload, size_bytes, expires, part)), expires)

    def _upload_signature(self, upload: str, size_bytes: int, expires: int, part: int | None) -> str:
        whole = f"{upload} {size_bytes} {expires}"
        return self._keys.mac(_UPLOAD, whole if part is None else f"{whole} {part}")

    def _signature(self, digest: str, name: str, signed: Signed) -> str:
        parts = [digest, name, signed.media_type, str(int(signed.inline)), str(signed.expires)]
        return self._keys.mac(_PURPOSE, msgspec.json.encode(parts).decode())


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def _checked(good: bool, expires: int) -> None:
    if not good:
        raise forbidden("this link was altered", code="link_invalid", remedy="ask for it anew")
    if expires <= time.time():
        raise forbidden("this link has expired", code="link_expired", remedy="ask for it anew")
