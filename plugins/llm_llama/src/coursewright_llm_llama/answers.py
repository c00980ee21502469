"""The answer in what a chat returns, and the complaints that chats return in the place of one."""

from __future__ import annotations

import re
from typing import Any

from coursewright.errors import Busy, ProviderError, QuotaExceeded, Unavailable
from coursewright.kit.replies import words_of

_LONGEST_COMPLAINT = 600
"""Characters. A longer text is an answer, whatever it begins with."""
_ERROR = re.compile(
    # Ornaments, then "Error:", "API error (401):", "Request failed with status code 500", also in Korean.
    r"[\W_]*(?:sorry,?\W*)?(?:an? )?(?:(?:api|http|request|server|unknown|unexpected|internal|connection|오류)\W*)*"
    r"(?:(?:error|exception|오류)(?:\W*(?:code|message|메시지))?\s*(?:\(?\d{3}\)?\s*)?[:：!-]"
    r"|(?:error|exception)\s+(?:has\s+)?occurred|(?:request|call)\s+(?:failed|timed out)|failed with status"
    r"|오류가?\s+발생)",
    re.IGNORECASE,
)
_KEY_NAME = re.compile(
    r"\b[A-Z]+_API_KEY\b.{0,60}(?:not set|missing|invalid|not found|설정)"
    r"|(?:not set|missing|invalid|설정).{0,60}\b[A-Z]+_API_KEY\b",
    re.DOTALL,
)
"""By the name of the variable: a lesson may well say that "the API key is missing"."""
_KEY = re.compile(
    r"_API_KEY\b|\bAPI[ _-]?key\b.{0,40}(?:not set|missing|invalid|incorrect)|API 키.{0,40}설정"
    r"|\b401\b|unauthori[sz]ed",
    re.IGNORECASE | re.DOTALL,
)
_CREDIT = re.compile(
    r"\b402\b|insufficient (?:credit|funds|balance)|out of credit|payment required|spending limit", re.I
)
_BUSY = re.compile(r"\b(?:429|502|503|504|524)\b|rate limit|too many requests|overloaded|timed? ?out", re.I)
_TOO_LONG = re.compile(r"(?:context|prompt|token)\S* (?:length|limit|window)|prompt is too long|maximum context", re.I)


def answer_of(result: Any, what: str) -> str:
    """The model's text in an endpoint's result: that of a chatbot in either shape, or plain.

    Raises Unavailable when there is none, and for a complaint in its place what the complaint means.
    """
    outputs = list(result) if isinstance(result, tuple) else [result]
    answer = _said(outputs[0]) if outputs else None
    beside = " ".join(text for text in outputs[1:] if isinstance(text, str))
    if answer is None:
        if not beside:
            raise Unavailable(
                f"{what} answers in a shape that is not known: {_shape(outputs[0]) if outputs else 'nothing at all'}",
                remedy="set the address of another Space, or use another llm provider",
            )
        # The research Spaces tell some faults beside the chat, which then stays as it was.
        raise _complaint(beside, what)
    if _complains(answer):
        raise _complaint(answer, what)
    return answer


def _said(value: Any) -> str | None:
    """The last thing the assistant said; None when nothing like it is there."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        content = value.get("content", value.get("text"))
        return _said(content) if content is not None else None
    if not isinstance(value, list) or not value:
        return None
    last = value[-1]
    if isinstance(last, list | tuple):  # pairs of user and assistant
        return last[1] if len(last) == 2 and isinstance(last[1], str) else None
    if not isinstance(last, dict):
        return None
    if "role" not in last:  # the parts of one message
        return "".join(text for part in value if isinstance(part, dict) and isinstance(text := part.get("text"), str))
    spoken = [message for message in value if isinstance(message, dict) and message.get("role") == "assistant"]
    # What has a title is a thought or a tool's work, shown folded.
    answers = [message for message in spoken if not (message.get("metadata") or {}).get("title")]
    return _said((answers or spoken)[-1]) if last in spoken else None


def _complains(answer: str) -> bool:
    text = answer.strip()
    if len(text) > _LONGEST_COMPLAINT or text.startswith(("{", "[", "```", "<think")):
        return False
    return bool(_ERROR.match(text) or _KEY_NAME.search(text))


def _complaint(text: str, what: str) -> ProviderError:
    words = words_of(text, "text/html")
    other = "use another llm provider, or the address of another Space"
    if _KEY.search(words):
        return Unavailable(f"{what} has lost its access to the model: its owner's key", remedy=other, detail=words)
    if _CREDIT.search(words):
        return QuotaExceeded(f"the owner of {what} has no credit left for the model", remedy=other, detail=words)
    if _TOO_LONG.search(words):
        return Unavailable(
            f"the prompt is too long for {what}", remedy=f"give it fewer notes, or {other}", detail=words
        )
    if _BUSY.search(words):
        return Busy(f"the model behind {what} is overloaded", remedy=f"try again later, or {other}", detail=words)
    return Unavailable(f"{what} answered with an error in the place of a text", remedy=other, detail=words)


def _shape(value: Any) -> str:
    if isinstance(value, list):
        return f"a list of {_shape(value[0])}" if value else "an empty list"
    return type(value).__name__
