"""A file as a response, in pieces of bounded size."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio.to_thread
from coursewright.capabilities.artifacts import Artifact
from litestar import Request, Response
from litestar.response import Stream

from coursewright_api.files.links import Signed
from coursewright_api.files.names import disposition
from coursewright_api.files.ranges import Unsatisfiable, wanted
from coursewright_api.problems import ApiError

PIECE_BYTES, MOST_BYTES = 1 << 17, 1 << 22
"""Large pieces cost less: 4 MiB a third less CPU than 1 MiB. But a client holds three of them as long as it takes, and
there may be many slow ones, so a piece grows and shrinks with the client's speed."""
_PIECE_S = 0.05
_SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""A page or drawing from a stranger runs no script here, and asks nobody for anything."""
_INERT = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'"
"""Browsers show pictures, films and PDFs in pages of their own, which must be allowed to show them."""
_PLAIN = ("image/png", "image/jpeg", "image/webp", "audio/", "video/", "application/pdf")


async def respond(request: Request[Any, Any, Any], path: Path, artifact: Artifact, signed: Signed) -> Response[Any]:
    """The file at `path`, or the part of it that the request wants. Raises a 416."""
    size_bytes = path.stat().st_size
    etag = f'"{artifact.digest}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": f"private, immutable, max-age={max(0, signed.expires - int(time.time()))}",
    }
    if _tags(request.headers.get("if-none-match", "")) & {etag, "*"}:
        return Response(None, status_code=304, headers=headers)
    headers |= {
        "Content-Disposition": disposition(artifact.name, inline=signed.inline),
        "Content-Security-Policy": _INERT if artifact.media_type.startswith(_PLAIN) else _SANDBOX,
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    part = None
    if request.headers.get("if-range", etag) == etag:
        try:
            part = wanted(request.headers.get("range"), size_bytes)
        except Unsatisfiable:
            raise _unsatisfiable(size_bytes) from None
    start, end = part or (0, size_bytes)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size_bytes}"
    headers["Content-Length"] = str(end - start)
    status = 200 if part is None else 206
    if request.method == "HEAD":
        headers["Content-Type"] = artifact.media_type
        return Response(None, status_code=status, headers=headers)
    return Stream(_pieces(path, start, end), status_code=status, headers=headers, media_type=artifact.media_type)


async def _pieces(path: Path, start: int, end: int) -> AsyncIterator[bytes]:
    """The bytes. The next piece is read while one is sent."""
    size = PIECE_BYTES
    with path.open("rb", buffering=0) as file:
        reading: asyncio.Task[bytes] | None = None
        try:
            while start < end or reading is not None:
                piece = await reading if reading is not None else b""
                reading = None
                if start < end:
                    count = min(size, end - start)
                    reading = asyncio.ensure_future(anyio.to_thread.run_sync(os.pread, file.fileno(), count, start))
                    start += count
                if piece:
                    began = time.monotonic()
                    yield piece
                    quick = time.monotonic() - began < _PIECE_S
                    size = min(MOST_BYTES, 2 * size) if quick else max(PIECE_BYTES, size // 2)
        finally:
            if reading is not None:
                with contextlib.suppress(BaseException):
                    await reading  # before another file gets this one's number


def _tags(header: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}


def _unsatisfiable(size_bytes: int) -> ApiError:
    return ApiError(
        416,
        "range_unsatisfiable",
        f"the file has {size_bytes} bytes, and the range lies outside",
        remedy="ask for less, or for the whole file",
        headers={"Content-Range": f"bytes */{size_bytes}"},
    )
