"""A form with a file (multipart/form-data), read as it arrives: fields into memory, the file onto the disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser

from coursewright_api.assets.staging import Incoming
from coursewright_api.assets.structs import Form, UploadType
from coursewright_api.fields import FieldError, errors_of
from coursewright_api.problems import ApiError, invalid

_MAX_FIELD_BYTES = 16_384
_MAX_PARTS = 16


class FormReader:
    """Reads one form. `max_bytes` are the limits by type; the largest holds until the type is known."""

    def __init__(self, incoming: Incoming, max_bytes: dict[UploadType, int]) -> None:
        self._incoming = incoming
        self._max_bytes = max_bytes
        self._texts: dict[str, bytes] = {}
        self._part: MultipartSegment | None = None
        self.file_name: str | None = None

    async def read(self, chunks: AsyncIterator[bytes], boundary: str) -> Form:
        """Read all of it; the fields. Raises a 400 for what is no form, 413, and a 422 naming each field at fault."""
        try:
            with PushMultipartParser(boundary, max_segment_count=_MAX_PARTS, strict=True) as parser:
                async for chunk in chunks:
                    for event in parser.parse(chunk):
                        await self._take(event)
                    if parser.closed:
                        break
            return self._form()
        except (MultipartError, UnicodeDecodeError, ValueError) as error:
            raise ApiError(
                400,
                "malformed",
                "the body is no complete form (multipart/form-data)",
                remedy="send fields and file as `curl -F` does",
            ) from error

    async def _take(self, event: Any) -> None:
        match event:
            case MultipartSegment():
                self._begin(event)
            case None:
                self._part = None
            case _ if self._part is not None and self._part.name == "file":
                await self._incoming.write(bytes(event))
                self._check_size()
            case _ if self._part is not None:
                text = self._texts[self._part.name] + event
                if len(text) > _MAX_FIELD_BYTES:
                    raise ApiError(413, "too_large", f"the field '{self._part.name[:50]}' is too long")
                self._texts[self._part.name] = text

    def _begin(self, part: MultipartSegment) -> None:
        self._part = part
        if part.name == "file":
            if self.file_name is not None:
                raise invalid([FieldError(pointer="/file", code="twice", message="is there twice; send one at a time")])
            self.file_name = part.filename or ""
        elif part.name in self._texts:
            raise invalid([FieldError(pointer=f"/{part.name[:50]}", code="twice", message="is there twice")])
        else:
            self._texts[part.name] = b""

    def _check_size(self) -> None:
        kind = self._texts.get("type", b"").decode("utf-8", "replace")
        known = next((each for each in UploadType if each.value == kind), None)
        most = self._max_bytes[known] if known else max(self._max_bytes.values())
        if self._incoming.size_bytes > most:
            raise too_large(kind if known else "file", most)

    def _form(self) -> Form:
        values = {name: text.decode() for name, text in self._texts.items()}
        errors = errors_of({name: value for name, value in values.items() if name != "name" or value}, Form)
        if self.file_name is None:
            errors.append(FieldError(pointer="/file", code="missing", message="is missing"))
        if errors:
            raise invalid(errors)
        form = msgspec.convert({name: value for name, value in values.items() if name != "name" or value}, Form)
        self._check_size()
        return form


def too_large(kind: str, max_bytes: int) -> ApiError:
    """The error for a file above its type's limit."""
    return ApiError(
        413,
        "too_large",
        f"a {kind.replace('_', ' ')} may have {max_bytes:,} bytes at most",
        remedy=f"make it smaller, or let the operator raise {kind}_max_bytes",
    )
