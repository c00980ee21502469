"""Presigned addresses of an S3 server, and the bucket made ready for them."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import escape

from minio.datatypes import Object
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

from coursewright.errors import StoreError
from coursewright.store.contract import object_path
from coursewright.store.files import CHUNK_BYTES
from coursewright.store.s3_client import Access

_UPLOAD = re.compile(r"[A-Za-z0-9-]{1,64}")
_MOST_PARTS = 100_000
"""What five digits can count."""
_SHOWN = ("ETag", "Content-Range", "Accept-Ranges", "Content-Length")
_NOT_THERE = {"NoSuchKey", "NotImplemented", "MethodNotAllowed", "InvalidRequest"}


class S3Direct:
    """Objects `uploads/…` below the prefix, and addresses of blobs. Signing touches no network.

    Parts are objects of their own, `uploads/….00000` and so on: beside the whole one, since some servers let nothing
    lie below an object, and not S3's multipart uploads, whose parts need 5 MiB and for which the client has no public
    method.
    """

    def __init__(self, access: Access, prefix: str) -> None:
        self._access = access
        self._prefix = prefix

    def download_url(self, digest: str, *, expires_in_s: float, media_type: str, disposition: str) -> str:
        """For GET, with these headers in the answer."""
        headers: dict[str, str | list[str] | tuple[str]] = {
            "response-content-type": media_type,
            "response-content-disposition": disposition,
        }
        with self._access.explained():
            return self._access.client.get_presigned_url(
                "GET",
                self._access.bucket,
                self._prefix + object_path("blobs", digest),
                expires=timedelta(seconds=expires_in_s),
                response_headers=headers,
            )

    def upload_url(self, upload: str, *, expires_in_s: float, part: int | None = None) -> str:
        """For PUT."""
        with self._access.explained():
            return self._access.client.get_presigned_url(
                "PUT", self._access.bucket, self._object(upload, part), expires=timedelta(seconds=expires_in_s)
            )

    def uploaded_bytes(self, upload: str) -> int | None:
        """How many bytes were sent; None when nothing is there."""
        found = self._sent(upload)
        return sum(each.size or 0 for each in found) if found else None

    def fetch_upload(self, upload: str, path: Path) -> None:
        """Write what was sent to `path`, which has it whole or not at all."""
        names = [each.object_name or "" for each in self._sent(upload)]
        if not names:
            raise StoreError(f"nothing was sent as the upload '{upload}'", remedy="send it, then fetch it")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        incomplete = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        try:
            with incomplete.open("wb") as file, self._access.explained():
                for name in names:
                    self._copy(name, file)
            incomplete.replace(path)
        finally:
            incomplete.unlink(missing_ok=True)

    def drop_upload(self, upload: str) -> None:
        """Remove what was sent."""
        with self._access.explained():
            self._access.client.remove_object(self._access.bucket, self._object(upload))
            doomed = [DeleteObject(each.object_name or "") for each in self._parts(upload)]
            failed = list(self._access.client.remove_objects(self._access.bucket, doomed)) if doomed else []
        if failed:
            raise StoreError(
                f"the S3 server did not remove {len(failed)} parts of an upload: {failed[0].message}",
                remedy="look into that server's log",
            )

    def prepare(self, origins: Sequence[str]) -> list[str]:
        """Make the bucket if there is none, and let pages of these origins read and send."""
        done = []
        with self._access.explained():
            if not self._access.client.bucket_exists(self._access.bucket):
                self._access.client.make_bucket(self._access.bucket)
                done.append(f"made the bucket '{self._access.bucket}'")
            else:
                done.append(f"the bucket '{self._access.bucket}' is there")
        return [*done, self._allow(origins)]

    def _allow(self, origins: Sequence[str]) -> str:
        """Set CORS. The client has no method for it, only for signed requests in general."""
        body = _cors(origins).encode()
        md5 = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        sites = " and ".join(origins)
        try:
            with self._access.explained():
                self._access.client._execute(
                    "PUT",
                    self._access.bucket,
                    body=body,
                    headers={"Content-Type": "application/xml", "Content-MD5": md5},
                    query_params={"cors": ""},
                )
        except StoreError as error:
            code = getattr(error.__cause__, "code", "")
            if code not in _NOT_THERE:
                raise
            return (
                f"the server cannot be told which pages may use the bucket ({code}); "
                f"allow {sites} to GET, HEAD and PUT in its own settings"
            )
        return f"pages of {sites} may read from the bucket and send to it"

    def _sent(self, upload: str) -> list[Object]:
        """The whole when it is there, else what parts there are, in their order."""
        name = self._object(upload)
        with self._access.explained():
            try:
                return [self._access.client.stat_object(self._access.bucket, name)]
            except S3Error as error:
                if error.code != "NoSuchKey":
                    raise
            return self._parts(upload)

    def _parts(self, upload: str) -> list[Object]:
        prefix = f"{self._object(upload)}."
        found = self._access.client.list_objects(self._access.bucket, prefix=prefix, recursive=True)
        return sorted(found, key=lambda each: each.object_name or "")

    def _copy(self, name: str, file: BinaryIO) -> None:
        response = self._access.client.get_object(self._access.bucket, name)
        try:
            for chunk in response.stream(CHUNK_BYTES):
                file.write(chunk)
        finally:
            response.close()
            response.release_conn()

    def _object(self, upload: str, part: int | None = None) -> str:
        if not _UPLOAD.fullmatch(upload):
            raise StoreError(f"{upload!r} is no name of an upload", remedy="use one that the service gave out")
        if part is not None and not 0 <= part < _MOST_PARTS:
            raise StoreError(f"an upload has no part {part}", remedy=f"use numbers from 0 to {_MOST_PARTS - 1}")
        return f"{self._prefix}uploads/{upload}" + ("" if part is None else f".{part:05}")


def _cors(origins: Sequence[str]) -> str:
    allowed = "".join(f"<AllowedOrigin>{escape(origin)}</AllowedOrigin>" for origin in origins)
    methods = "".join(f"<AllowedMethod>{method}</AllowedMethod>" for method in ("GET", "HEAD", "PUT"))
    shown = "".join(f"<ExposeHeader>{name}</ExposeHeader>" for name in _SHOWN)
    return (
        f"<CORSConfiguration><CORSRule>{allowed}{methods}<AllowedHeader>*</AllowedHeader>{shown}"
        "<MaxAgeSeconds>3600</MaxAgeSeconds></CORSRule></CORSConfiguration>"
    )
