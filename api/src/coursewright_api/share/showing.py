"""Addresses and texts of a share link: the player page, its files, what embeds it."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import quote

from coursewright_api.database.columns import now
from coursewright_api.files.names import safe_name
from coursewright_api.share.opening import Result
from coursewright_api.share.structs import LinkState, Role, Shared, SharedFile, ShareInfo
from coursewright_api.share.tokens import Tokens

PATH = "/s"
_SAME = ("id", "title", "may_download", "opened", "created_at", "expires_at", "revoked_at")


class Showing:
    """Writes addresses. `base` is how browsers reach the service."""

    def __init__(self, tokens: Tokens, base: str) -> None:
        self._tokens = tokens
        self._base = base

    def info(self, row: dict[str, Any]) -> ShareInfo:
        """A link, for its owner."""
        token = self._tokens.token(row["id"])
        url = f"{self._base}{PATH}/{token}"
        return ShareInfo(
            job_id=row["job"],
            url=url,
            token=token,
            embed=embed(url, row["title"]),
            state=_state(row["revoked_at"], row["expires_at"]),
            has_password=bool(row["password_hash"]),
            **{name: row[name] for name in _SAME},
        )

    def shared(self, link: dict[str, Any], ticket: str, results: list[Result]) -> Shared:
        """What a link leads to, for programs."""
        token = self._tokens.token(link["id"])
        has_course = any(each.role is Role.course for each in results)
        shown = [each for each in results if each.role is not Role.course or link["may_download"]]
        return Shared(
            title=link["title"],
            may_download=link["may_download"],
            player_url=f"{self._base}{PATH}/{token}",
            course_url=f"{self._base}{course_path(token, ticket)}" if has_course else None,
            files=[
                SharedFile(
                    role=each.role,
                    name=safe_name(each.artifact.name),
                    media_type=each.artifact.media_type,
                    size_bytes=each.artifact.size_bytes,
                    url=self._base + media_path(token, ticket, each),
                )
                for each in shown
            ],
            expires_at=self._tokens.expires_at(ticket),
        )


def _state(revoked_at: datetime | None, expires_at: datetime) -> LinkState:
    if revoked_at is not None:
        return LinkState.revoked
    return LinkState.expired if expires_at <= now() else LinkState.open


def embed(url: str, title: str) -> str:
    """HTML for another page."""
    return (
        f'<iframe src="{escape(url)}" title="{escape(title)}" width="960" height="620" '
        'style="border: 0; max-width: 100%" allow="autoplay; fullscreen" allowfullscreen loading="lazy"></iframe>'
    )


def page_path(token: str, ticket: str, view: str) -> str:
    """The player page for somebody who was let in: in another site's frame a browser may keep no cookie."""
    return f"{PATH}/{token}?view={view}&ticket={ticket}"


def media_path(token: str, ticket: str, result: Result, *, download: bool = False) -> str:
    """Where a file's bytes are."""
    name = quote(safe_name(result.artifact.name), safe="")
    return f"{PATH}/{token}/media/{ticket}/{result.id}/{name}" + ("?download=1" if download else "")


def course_path(token: str, ticket: str, name: str = "") -> str:
    """A file of the package; without a name the page to begin with."""
    return f"{PATH}/{token}/package/{ticket}/{quote(name)}"
