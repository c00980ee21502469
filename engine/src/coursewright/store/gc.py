"""Garbage collection: artifacts and records that nobody needs any more."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from coursewright.store.contract import Store, is_sha256

GRACE_S = 24 * 3600.0
"""A running job has stored bytes whose record is not written yet; no step takes a day."""


class Usage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a store holds."""

    artifacts: int
    artifact_bytes: int
    records: int


class Swept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a collection removed, or in a dry run would remove; and what stays."""

    artifacts: int
    artifact_bytes: int
    records: int
    leftovers: int
    """Unfinished writes of killed processes. A dry run does not look for them: 0."""
    kept: Usage
    dry_run: bool


class _Record(msgspec.Struct, frozen=True):
    key: str
    used_at: float
    digests: frozenset[str] | None
    """What it names, or None when it is too old or broken to count."""
    lasting: bool = False
    """It is nobody's result that could be made again: it stays whatever its age, and whatever is missing."""


class _Blob(msgspec.Struct, frozen=True):
    digest: str
    size_bytes: int
    used_at: float


def usage(store: Store) -> Usage:
    """Count what is there."""
    sizes = [size_bytes for _, size_bytes, _ in store.digests()]
    return Usage(artifacts=len(sizes), artifact_bytes=sum(sizes), records=sum(1 for _ in store.records()))


def collect(
    store: Store,
    *,
    keep: Iterable[str] = (),
    older_than_s: float,
    grace_s: float = GRACE_S,
    max_bytes: int | None = None,
    dry_run: bool = False,
    now: float | None = None,
) -> Swept:
    """Remove records not used for `older_than_s`, and artifacts that neither a remaining record nor `keep` names.

    With `max_bytes` the least recently used artifacts go as well, until the rest fits. Artifacts in `keep` and
    those used within `grace_s` always stay, and lasting records with what they name. Other records that name a
    missing artifact go. Bytes that are used again in the very moment of their removal may be lost: that is noticed
    by their digest, and they are made again.
    """
    now = time.time() if now is None else now
    # Records first: bytes are stored before the record that names them, so the later list has them or they are gone.
    records = list(_records(store, since=now - older_than_s))
    blobs = list(_blobs(store, records))
    named = {digest for record in records for digest in record.digests or ()}
    kept = frozenset(keep).union(*(record.digests or () for record in records if record.lasting))
    removable = [blob for blob in blobs if blob.digest not in kept and blob.used_at <= now - grace_s]
    going = {blob.digest for blob in removable if blob.digest not in named}
    if max_bytes is not None:
        going |= _least_recently_used(blobs, removable, going, max_bytes)

    staying = {blob.digest for blob in blobs} - going
    dead = [record.key for record in records if not record.lasting and not _whole(record, staying)]
    if not dry_run:
        for key in dead:
            store.delete_record(key)
        for digest in going:
            store.delete(digest)
    return Swept(
        artifacts=len(going),
        artifact_bytes=sum(blob.size_bytes for blob in blobs if blob.digest in going),
        records=len(dead),
        leftovers=0 if dry_run else store.sweep(older_than_s=grace_s),
        kept=Usage(
            artifacts=len(staying),
            artifact_bytes=sum(blob.size_bytes for blob in blobs if blob.digest in staying),
            records=len(records) - len(dead),
        ),
        dry_run=dry_run,
    )


def _records(store: Store, *, since: float) -> Iterator[_Record]:
    for key, used_at in store.records():
        data = store.read_record(key, touch=False)
        content = None if data is None else msgspec.json.decode(data)
        lasting = isinstance(content, dict) and content.get("lasting") is True
        counts = content is not None and (lasting or used_at >= since)
        yield _Record(key, used_at, frozenset(_digests(content)) if counts else None, lasting)


def _whole(record: _Record, staying: set[str]) -> bool:
    return record.digests is not None and record.digests <= staying


def _digests(record: Any) -> Iterator[str]:
    """The artifacts that a record names: whatever is called `digest` in it, at any depth."""
    waiting = [record]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            digest = value.get("digest")
            if isinstance(digest, str) and is_sha256(digest):
                yield digest
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _blobs(store: Store, records: Iterable[_Record]) -> Iterator[_Blob]:
    """All that is stored. Using a record uses what it names."""
    used_at: dict[str, float] = {}
    for record in records:
        for digest in record.digests or ():
            used_at[digest] = max(record.used_at, used_at.get(digest, 0.0))
    for digest, size_bytes, read_at in store.digests():
        yield _Blob(digest, size_bytes, max(read_at, used_at.get(digest, 0.0)))


def _least_recently_used(
    blobs: Iterable[_Blob], removable: Iterable[_Blob], going: set[str], max_bytes: int
) -> set[str]:
    """What must go besides `going` so that the rest fits into `max_bytes`, as far as it is removable."""
    excess_bytes = sum(blob.size_bytes for blob in blobs if blob.digest not in going) - max_bytes
    chosen: set[str] = set()
    for blob in sorted(removable, key=lambda blob: blob.used_at):
        if excess_bytes <= 0:
            break
        if blob.digest not in going:
            chosen.add(blob.digest)
            excess_bytes -= blob.size_bytes
    return chosen
