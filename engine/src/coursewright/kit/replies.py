"""What a web service's refusal means, and its own words: the half of `coursewright.kit.http` without a network."""

from __future__ import annotations

import email.utils
import html
import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from coursewright.errors import AuthFailed, BadInput, Busy, ProviderError, QuotaExceeded, TimedOut, Unavailable

WORDS = 300
"""Characters of a service's own words that are worth showing; what follows is stack traces and markup."""

_TELLING = 8
"""Characters from which a key is surely none by accident."""


class Answer(msgspec.Struct, frozen=True):
    """A response, wholly read. Names of `headers` are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Answer({self.status}, {len(self.body)} bytes)"

    @property
    def media_type(self) -> str:
        """`audio/wav` of `audio/wav; rate=24000`; empty when the service does not say."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """The body as JSON. Raises ValueError when it is something else."""
        return json.loads(self.body)


def words_of(body: bytes | str, content_type: str = "", *, hide: Sequence[str] = ()) -> str:
    """The service's own words: one line of at most 300 characters, without HTML and without the values to `hide`.

    Tries `error.message`, `detail.message`, `detail` (a text, or the first `msg` of a list) and `message`, the
    places where the usual servers put it; else the text of the page.
    """
    text = body if isinstance(body, str) else body[:200_000].decode("utf-8", "replace")
    said = text
    if "html" not in content_type.lower():
        try:
            said = _told(json.loads(text))
        except (ValueError, RecursionError):
            said = text
    if "html" in content_type.lower() or re.search(r"<(!doctype|html|head|body|title|h1|p|div|br)\b", said, re.I):
        said = _without_markup(said)
    said = hidden(said, hide)
    said = " ".join("".join(mark if mark.isprintable() else " " for mark in said).split())
    return said if len(said) <= WORDS else said[: WORDS - 1].rstrip() + "…"


def hidden(text: str, values: Sequence[str]) -> str:
    """The text without any of the secret values, in whichever way a service may have written them back."""
    for value in values:
        for form in (value, json.dumps(value)[1:-1], quote(value, safe=""), html.escape(value)):
            if len(value) >= _TELLING:
                text = text.replace(form, "[key]")
            elif value:  # a dummy such as `x` or `none` for a server that wants just any
                text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", "[key]", text)
    text = re.sub(r"(?i)\bbearer\s+[\w.~+/=*-]{6,}", "Bearer [key]", text)
    text = re.sub(r"\b(?:sk|hf|gsk|xai|zsk)[-_][\w*-]{12,}", "[key]", text)
    return re.sub(r"//[^/\s:@]+:[^/\s@]+@", "//[key]@", text)


def _told(value: Any) -> str:
    """What a JSON error body says. Raises ValueError when it says nothing in a known place."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value:
        return _told(value[0])
    if isinstance(value, dict):
        # A text in `error` is often only the name of the error, whose message stands beside it.
        nested = [key for key in ("error", "detail") if not isinstance(value.get(key), str)]
        for key in (*nested, "detail", "message", "msg", "error_description", "error"):
            if value.get(key):
                try:
                    return _told(value[key])
                except ValueError:
                    continue
    raise ValueError


def _without_markup(page: str) -> str:
    title = re.search(r"(?is)<title[^>]*>(.*?)</title>", page)
    rest = re.sub(r"(?is)<(script|style|head|svg)\b.*?(</\1\s*>|$)|<!--.*?(-->|$)", " ", page)
    rest = html.unescape(re.sub(r"(?s)<[^>]*(>|$)", " ", rest)).strip()
    heading = html.unescape(re.sub(r"<[^>]*>", " ", title[1])).strip() if title else ""
    return f"{heading}: {rest}" if heading and rest and not rest.startswith(heading) else rest or heading


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds from now, whether given as seconds or as an HTTP date; None when absent or odd."""
    given = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", given):
        return float(given)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(given).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


_WRONG = "(invalid|incorrect|not valid|expired|missing)"
_KEY_AT_FAULT = re.compile(rf"(?i){_WRONG}.{{0,40}}\bapi[ _-]?key|\bapi[ _-]?key.{{0,40}}{_WRONG}")
_USED_UP = re.compile(r"(?i)insufficient[ _](quota|credit|balance|fund)|billing|out of credit|quota (is )?used up")


def failure(answer: Answer, *, what: str, field: str, key: str = "", hide: Sequence[str] = ()) -> ProviderError:
    """The error that a response which is no success stands for.

    `what` is who answered, as in "the chat server at localhost"; `field` the field of the request that was sent, and
    `key` the name of the secret that went with it.
    """
    status, words = answer.status, words_of(answer.body, answer.headers.get("content-type", ""), hide=hide)
    detail = f"{status}: {words}" if words else str(status)
    asks_again_s = retry_after_s(answer.headers)
    raw = answer.body[:20_000].decode("utf-8", "replace")
    if status == 402 or (status in (403, 429) and _USED_UP.search(raw)):
        return QuotaExceeded(
            f"the allowance at {what} is used up", remedy="top up the account, or use another provider", detail=detail
        )
    if status in (401, 403, 407) or (status == 400 and _KEY_AT_FAULT.search(words)):
        if status == 407:
            return AuthFailed(
                f"the network's proxy wants a login before {what}",
                remedy="set HTTPS_PROXY with the proxy's login",
                detail=detail,
            )
        if not key:
            return AuthFailed(f"{what} wants a key", remedy="set one for it", detail=detail)
        return AuthFailed(
            f"{what} refused the key {key}",
            remedy=f"set COURSEWRIGHT_SECRET_{key} to a key that is valid there",
            detail=detail,
        )
    if status in (408, 504, 524):
        return TimedOut(
            f"{what} took too long and gave up", remedy="try again later, or with a shorter text", detail=detail
        )
    if status in (400, 413, 422):
        said = "the request is too large for it" if status == 413 else words or "it does not say why"
        return BadInput(f"{what} refused the request: {said}", field=field, remedy=f"correct '{field}'", detail=detail)
    if status == 429:
        wait = f"in {asks_again_s:.0f} s" if asks_again_s is not None else "in a minute"
        return Busy(
            f"{what} has too many requests", retry_after_s=asks_again_s, remedy=f"try again {wait}", detail=detail
        )
    if status in (500, 502, 503, 520, 529) or asks_again_s is not None:
        said = "failed" if status == 500 else "is overloaded or starting"
        return Busy(
            f"{what} {said} (status {status})",
            retry_after_s=asks_again_s,
            remedy="try again later, or use another provider",
            detail=detail,
        )
    if 300 <= status < 400:
        return Unavailable(
            f"{what} sends its callers on to another address, which is not followed",
            remedy="set the address that it names, if you trust it",
            detail=hidden(f"{status} {answer.headers.get('location', '')[:WORDS]}".strip(), hide),
        )
    if status in (404, 405, 410):
        return Unavailable(
            f"{what} does not know this request (status {status})", remedy="check its address", detail=detail
        )
    return Unavailable(
        f"{what} cannot be used now (status {status})", remedy="start it, or use another provider", detail=detail
    )
