"""Consents: who agreed that their voice is cloned, or their photo given away. Kept in the store, by the bytes.

The engine asks for them where every request passes (`coursewright.run.likeness`), so that no door leads round them.
Each grant is a record of its own, beside a list of who granted anything for the same bytes. Two people who write that
list at once may lose a name, and then the engine refuses until consent is granted again; a revoked grant cannot come
back that way. Garbage collection leaves both alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from coursewright.capabilities.artifacts import Artifact
from coursewright.errors import StoreError
from coursewright.store.contract import Store

STATEMENT = (
    "This is a picture or a recording of me. I agree that a computer makes speech in my voice or moving pictures of my "
    "face from it, for the purpose named here and no other. I know that I may take this back at any time, and that "
    "nothing new is made from it then."
)
"""What a person agrees to where no other text is given."""

_WRITES = 5


class Consent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one person agreed to. `granted_by` says who filed it: a person may file another's consent."""

    person: Annotated[str, Meta(min_length=1, max_length=200)]
    purpose: Annotated[str, Meta(min_length=1, max_length=1_000)]
    given_at: Annotated[datetime, Meta(tz=True)]
    statement: Annotated[str, Meta(min_length=1, max_length=10_000)]
    granted_by: Annotated[str, Meta(min_length=1, max_length=200)]
    recording: Artifact | None = None
    """The person saying so, or a signed paper."""


class _Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A consent as a record that stays until it is revoked (`coursewright.store.contract`)."""

    of: str
    """The SHA-256 of the picture or sample. Not called `digest`: the consent outlives the bytes."""
    consent: Consent
    lasting: Literal[True] = True


class _Granters(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody who ever granted something for the same bytes."""

    of: str
    names: tuple[str, ...] = ()
    lasting: Literal[True] = True


def grant(store: Store, digest: str, consent: Consent) -> None:
    """File a consent to the use of the bytes with that SHA-256; an earlier one by the same granter is replaced."""
    record = msgspec.json.encode(_Grant(of=digest, consent=consent))
    store.write_record(_key(digest, consent.granted_by), record)
    for _ in range(_WRITES):
        names = _granters(store, digest)
        if consent.granted_by in names:
            return
        granters = _Granters(of=digest, names=(*names, consent.granted_by))
        store.write_record(_key(digest), msgspec.json.encode(granters))
    raise StoreError("the consent could not be filed: others write it at the same time", remedy="try again")


def revoke(store: Store, digest: str, granted_by: str) -> bool:
    """Take back what `granted_by` filed; what others filed for the same bytes stays. Was there anything?"""
    there = _read(store, digest, granted_by) is not None
    store.delete_record(_key(digest, granted_by))
    return there


def consents_for(store: Store, digest: str) -> tuple[Consent, ...]:
    """All living consents to the use of those bytes, in the order of their first grants."""
    return tuple(_living(store, digest))


def consent_for(store: Store, digest: str) -> Consent | None:
    """A living consent to the use of those bytes, if there is one."""
    return next(iter(_living(store, digest)), None)


def _living(store: Store, digest: str) -> Iterable[Consent]:
    for name in _granters(store, digest):
        if (found := _read(store, digest, name)) is not None:
            yield found


def _granters(store: Store, digest: str) -> tuple[str, ...]:
    data = store.read_record(_key(digest), touch=False)
    try:
        return () if data is None else msgspec.json.decode(data, type=_Granters).names
    except msgspec.DecodeError:
        return ()


def _read(store: Store, digest: str, granted_by: str) -> Consent | None:
    # Without a touch: an S3 store touches by writing anew, and could bring back what is revoked at this moment.
    data = store.read_record(_key(digest, granted_by), touch=False)
    try:
        return None if data is None else msgspec.json.decode(data, type=_Grant).consent
    except msgspec.DecodeError:  # no consent that cannot be read counts
        return None


def _key(digest: str, granted_by: str = "") -> str:
    return hashlib.sha256(f"consent {digest} {granted_by}".strip().encode()).hexdigest()
