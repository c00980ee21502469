"""Scripts, styles, icons and fonts. Their names hold their hashes, so browsers keep them for ever."""

from __future__ import annotations

import re
from typing import Any

from coursewright_api.auth.middleware import PUBLIC
from coursewright_api.problems import not_found
from litestar import Controller, Request, Response, get
from litestar.params import FromPath

from coursewright_web.built import STATIC

PATH = "/static"
_NAME = re.compile(r"[\w-]+\.(js|css|svg|woff2)", re.ASCII)
_TYPES = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
}
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))


class StaticController(Controller):
    """Files that the build made, compressed already."""

    path = PATH
    opt = {PUBLIC: True}  # noqa: RUF012  # Litestar's way
    include_in_schema = False

    @get("/{name:str}", sync_to_thread=True)
    def file(self, request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
        found = _NAME.fullmatch(name)
        if found is None or not (STATIC / name).is_file():
            raise not_found("file")
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
        path = STATIC / name
        accepted = {each.split(";")[0].strip() for each in request.headers.get("accept-encoding", "").split(",")}
        for encoding, ending in _ENCODINGS:
            packed = STATIC / f"{name}{ending}"
            if encoding in accepted and packed.is_file():
                path = packed
                headers["Content-Encoding"] = encoding
                break
        return Response(path.read_bytes(), media_type=_TYPES[found[1]], headers=headers)
