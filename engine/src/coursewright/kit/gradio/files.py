"""Files to an app and from it, kept in the folder of one call. Importing this module imports httpx."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from coursewright.errors import Busy

MAX_BYTES = 4 * 1024**3
"""Larger than any clip a service makes; a body without an end must not fill the disk."""

_FILE_DATA = "gradio.FileData"
_REDIRECTS = 3


def outgoing(value: Any, folder: Path) -> Any:
    """`value` with each Path, however deep, as a file to be uploaded: under a plain name of our own.

    The name reaches the app's code, where spaces, quotes and letters beyond ASCII have broken more than one.
    """
    if isinstance(value, Path):
        suffix = value.suffix.lower()
        name = f"file-{len(list(folder.glob('file-*'))) + 1}"
        link = folder / (name + (suffix if re.fullmatch(r"\.[a-z0-9]{1,8}", suffix) else ""))
        link.symlink_to(value.absolute())
        return {"path": str(link), "orig_name": link.name, "meta": {"_type": _FILE_DATA}}
    if isinstance(value, dict):
        return {key: outgoing(item, folder) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [outgoing(item, folder) for item in value]
    return value


def incoming(value: Any, download: Callable[[dict[str, Any]], Path]) -> Any:
    """`value` with each file that the server names, however deep, as the Path of its download.

    A video is a Path, whether the server wraps it with its subtitles (Gradio 4 and 5) or not (Gradio 6).
    """
    if isinstance(value, dict):
        if _is_file(value):
            return download(value)
        if value.keys() == {"video", "subtitles"} and isinstance(value["video"], dict) and _is_file(value["video"]):
            return download(value["video"])
        return {key: incoming(item, download) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(incoming(item, download) for item in value)
    return value


def _is_file(value: dict[str, Any]) -> bool:
    meta = value.get("meta")
    return isinstance(value.get("path"), str) and isinstance(meta, dict) and meta.get("_type") == _FILE_DATA


def download_into(folder: Path, root: str, file: dict[str, Any], client: httpx.Client) -> Path:
    """Fetch one file of the app at `root` (its URL with prefix and slash). Raises httpx's errors, Busy when endless.

    `client` sends no token to another host; redirects are followed, a few.
    """
    suffix = Path(file["path"]).suffix.lower()
    name = f"result-{len(list(folder.glob('result-*'))) + 1}"
    target = folder / (name + (suffix if re.fullmatch(r"\.[a-z0-9]{1,8}", suffix) else ""))
    url = httpx.URL(root).join(_place(file))
    for _ in range(_REDIRECTS):
        with client.stream("GET", url) as response:
            if response.has_redirect_location:
                there = url.join(response.headers["location"])
                if there.scheme != "https" and there.host != url.host:
                    raise httpx.UnsupportedProtocol("the file is sent on to another host without https")
                url = there
                continue
            response.raise_for_status()
            _write(target, response)
            return target
    raise httpx.TooManyRedirects("the file is somewhere else, again and again", request=response.request)


def _place(file: dict[str, Any]) -> str:
    # Streams are not under their path; anything else is, and a server behind a proxy may tell a wrong URL.
    if file.get("is_stream") and isinstance(file.get("url"), str):
        return str(file["url"])
    return "file=" + quote(file["path"], safe="/")


def _write(target: Path, response: httpx.Response) -> None:
    size = 0
    with target.open("wb") as out:
        for chunk in response.iter_bytes(256 * 1024):
            size += len(chunk)
            if size > MAX_BYTES:
                raise Busy("the service sends a file without an end", remedy="try again later")
            out.write(chunk)
