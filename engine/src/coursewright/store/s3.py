"""The S3 store: any server that speaks S3, with verified copies in a local cache folder."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO

import msgspec
import urllib3
from minio.datatypes import Object
from minio.error import S3Error

from coursewright.capabilities.artifacts import Artifact
from coursewright.errors import ArtifactDamaged, StoreError
from coursewright.secrets import Secret
from coursewright.settings import S3
from coursewright.store.contract import is_sha256, object_path, sound_record
from coursewright.store.files import CHUNK_BYTES
from coursewright.store.local import LocalStore, damaged
from coursewright.store.s3_client import Access
from coursewright.store.s3_direct import S3Direct

TRUST_S = 60.0
"""How long a verified artifact is not asked for again: a run of twenty scenes asks for its portrait twenty times."""
REFRESH_S = 12 * 3600.0
"""S3 keeps no time of last use, so what is used when older than this is written again."""
ATTEMPTS = 4
BACKOFF_S = 0.2


class S3Store:
    """Objects `blobs/ab/abcd…` and `records/ab/abcd….json` below the prefix, in a bucket that exists already.

    The bucket is never created: a misspelt name would otherwise hide everything that is stored. What is read or
    written passes through a `LocalStore` in `cache`. Its records hold the ETag under which the server's bytes had
    the right hash: as long as the server names the same one, they are not read again to verify them.
    """

    def __init__(
        self, settings: S3, *, access_key: Secret, secret_key: Secret, cache: Path, patient: bool = False
    ) -> None:
        self._access = Access(settings, access_key, secret_key, patient=patient)
        self._client = self._access.client
        self._bucket = settings.bucket
        self._prefix = f"{prefix}/" if (prefix := settings.prefix.strip("/")) else ""
        self._cache = LocalStore(cache)
        self._trusted_until: dict[str, float] = {}
        self._direct = S3Direct(self._access, self._prefix)

    @property
    def direct(self) -> S3Direct:
        """Presigned addresses of the server."""
        return self._direct

    def put_bytes(self, data: bytes, *, name: str, media_type: str) -> Artifact:
        artifact = self._cache.put_bytes(data, name=name, media_type=media_type)
        self._upload(artifact)
        return artifact

    def put_file(self, path: Path, *, name: str, media_type: str) -> Artifact:
        # The copy in the cache cannot change between hashing and sending it, and is what the next step reads.
        artifact = self._cache.put_file(path, name=name, media_type=media_type)
        self._upload(artifact)
        return artifact

    def open(self, artifact: Artifact) -> BinaryIO:
        return self.fetch(artifact).open("rb")

    def fetch(self, artifact: Artifact) -> Path:
        if not self._cache.verify(artifact):
            found = self._stat(artifact.digest)
            if found is None or not self._pull(artifact.digest, found):
                raise damaged(artifact)
        return self._cache.fetch(artifact)

    def verify(self, artifact: Artifact) -> bool:
        digest = artifact.digest
        if time.monotonic() < self._trusted_until.get(digest, 0.0):
            return True
        found = self._stat(digest)
        if found is None or not (self._is_proven(digest, found) or self._pull(digest, found)):
            return False
        self._trusted_until[digest] = time.monotonic() + TRUST_S
        return True

    def read_record(self, key: str, *, touch: bool = True) -> bytes | None:
        name = self._object("records", key)
        with self._access.explained():
            try:
                response = self._client.get_object(self._bucket, name)
            except S3Error as error:
                if error.code == "NoSuchKey":
                    return None
                raise
            with _released(response):
                record = sound_record(response.read())
            written_at = response.headers.get("Last-Modified")
        if touch and record is not None and written_at and _is_old(parsedate_to_datetime(written_at)):
            with contextlib.suppress(StoreError):  # the record itself was read
                self.write_record(key, record)
        return record

    def write_record(self, key: str, record: bytes) -> None:
        name = self._object("records", key)
        with self._access.explained():
            self._client.put_object(self._bucket, name, io.BytesIO(record), len(record), "application/json")

    def delete_record(self, key: str) -> None:
        with self._access.explained():
            self._client.remove_object(self._bucket, self._object("records", key))

    def records(self) -> Iterator[tuple[str, float]]:
        for name, found in self._list("records"):
            yield name.removesuffix(".json"), _timestamp(found)

    def digests(self) -> Iterator[tuple[str, int, float]]:
        for name, found in self._list("blobs"):
            yield name, found.size or 0, _timestamp(found)

    def delete(self, digest: str) -> None:
        name = self._object("blobs", digest)
        self._trusted_until.pop(digest, None)
        self._cache.delete_record(digest)
        self._cache.delete(digest)
        with self._access.explained():
            self._client.remove_object(self._bucket, name)

    def sweep(self, *, older_than_s: float) -> int:
        """Abort unfinished uploads and remove unfinished downloads; also empty the cache of copies not used since."""
        before = time.time() - older_than_s
        for digest, _, used_at in list(self._cache.digests()):
            if used_at <= before:
                self._cache.delete(digest)
                self._cache.delete_record(digest)
        return self._cache.sweep(older_than_s=older_than_s) + self._abort_uploads(before)

    def _object(self, kind: str, name: str) -> str:
        return self._prefix + object_path(kind, name)

    def _upload(self, artifact: Artifact) -> None:
        """Send the cached copy, unless the server is known to have the same bytes and counts them as young.

        Sending also repairs what is damaged there: reading it to find out would cost as much.
        """
        digest = artifact.digest
        if not self._is_fresh_there(digest):
            with self._access.explained(), self._cache.open(artifact) as file:
                # One part of 5 MiB at a time: the client's parallel uploads read ahead without bound.
                sent = self._client.put_object(
                    self._bucket, self._object("blobs", digest), file, artifact.size_bytes, num_parallel_uploads=1
                )
            self._note_proof(digest, sent.etag)
        self._trusted_until[digest] = time.monotonic() + TRUST_S

    def _is_fresh_there(self, digest: str) -> bool:
        if self._cache.read_record(digest) is None:
            return False
        found = self._stat(digest)
        return found is not None and self._is_proven(digest, found) and not _is_old(found.last_modified)

    def _pull(self, digest: str, found: Object) -> bool:
        """Copy the server's bytes to the cache. When they are damaged or gone, remove what is there: False."""
        try:
            self._cache.put_chunks(self._download(digest), expected=digest)
        except ArtifactDamaged:
            self.delete(digest)
            return False
        self._note_proof(digest, found.etag)
        return True

    def _download(self, digest: str) -> Iterator[bytes]:
        """The bytes as the server has them; a broken connection is taken up where it broke."""
        name = self._object("blobs", digest)
        offset = 0
        with self._access.explained():
            for attempt in range(1, ATTEMPTS + 1):
                response = self._get(name, digest, offset)
                try:
                    with _released(response):
                        for chunk in response.stream(CHUNK_BYTES):
                            offset += len(chunk)
                            yield chunk
                    return
                except (urllib3.exceptions.HTTPError, OSError):
                    if attempt == ATTEMPTS:
                        raise
                    time.sleep(BACKOFF_S * 2**attempt)

    def _get(self, name: str, digest: str, offset: int) -> urllib3.BaseHTTPResponse:
        try:
            return self._client.get_object(self._bucket, name, offset=offset)
        except S3Error as error:
            if error.code == "NoSuchKey":
                raise ArtifactDamaged(f"{name} is not on the server", digest=digest) from None
            raise

    def _stat(self, digest: str) -> Object | None:
        with self._access.explained():
            try:
                return self._client.stat_object(self._bucket, self._object("blobs", digest))
            except S3Error as error:
                if error.code == "NoSuchKey":
                    return None
                raise

    def _is_proven(self, digest: str, found: Object) -> bool:
        return found.etag is not None and self._cache.read_record(digest) == msgspec.json.encode(found.etag)

    def _note_proof(self, digest: str, etag: str | None) -> None:
        self._cache.write_record(digest, msgspec.json.encode(etag))

    def _list(self, kind: str) -> Iterator[tuple[str, Object]]:
        with self._access.explained():
            for found in self._client.list_objects(self._bucket, prefix=f"{self._prefix}{kind}/", recursive=True):
                name = (found.object_name or "").rpartition("/")[2]
                if is_sha256(name.removesuffix(".json")):
                    yield name, found

    def _abort_uploads(self, before: float) -> int:
        """Abort the uploads of killed processes, up to 1,000 at a time.

        The client has no public method for it. The delimiter occurs in no name: Swift takes an empty one amiss.
        """
        aborted = 0
        with self._access.explained():
            unfinished = self._client._list_multipart_uploads(self._bucket, prefix=self._prefix, delimiter="*").uploads
            for upload in unfinished:
                if upload.initiated_time and upload.initiated_time.timestamp() <= before:
                    self._client._abort_multipart_upload(self._bucket, upload.object_name, upload.upload_id or "")
                    aborted += 1
        return aborted


@contextlib.contextmanager
def _released(response: urllib3.BaseHTTPResponse) -> Iterator[None]:
    """Give the connection back, or end it when the body was not read to its end."""
    try:
        yield
    finally:
        response.close()
        response.release_conn()


def _timestamp(found: Object) -> float:
    return found.last_modified.timestamp() if found.last_modified else 0.0


def _is_old(written_at: datetime | None) -> bool:
    return written_at is None or time.time() - written_at.timestamp() > REFRESH_S
