"""Where an app is: a Space's name or a URL, and whether it may be told a Hugging Face token."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import msgspec

from coursewright.errors import Unavailable

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_PAGE = re.compile(r"https://(?:www\.)?(?:huggingface\.co|hf\.co)/spaces/([\w.-]+/[\w.-]+)/?")


class Address(msgspec.Struct, frozen=True):
    """Either a Space by name, which the Hub must be asked for, or an app by URL."""

    name: str = ""
    url: str = ""


def address_of(written: str) -> Address:
    """Of `owner/name`, the page of a Space on huggingface.co, or an app's URL. Raises Unavailable for anything else."""
    written = written.strip()
    if page := _PAGE.fullmatch(written):
        return Address(name=page[1])
    if _NAME.fullmatch(written):
        return Address(name=written)
    try:
        parts = urlsplit(written)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise Unavailable(
            "the address of the Space is neither owner/name nor a URL",
            remedy="set the service's address to owner/name, or to http:// or https:// and a host",
        )
    if parts.username is not None or parts.password is not None:
        raise Unavailable(
            "the address of the Space holds a user name or password, which would be shown and logged",
            remedy="take it out of the service's address",
        )
    return Address(url=f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}")


def is_hugging_face(url: str) -> bool:
    """May a Hugging Face token be sent there? To the Hub and the hosts of its Spaces, and only by https."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".").lower()
    return parts.scheme == "https" and (host == "huggingface.co" or host.endswith((".huggingface.co", ".hf.space")))
