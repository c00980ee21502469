"""A chat's answer, put together from what a server streams. Every server's stream is a little different."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any


class Written:
    """What has come so far: the answer's `text`, how many characters of `thinking`, and how it `ended`."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.characters = 0
        self.thinking = 0
        self.ended = ""
        """`stop`, `length` …, as the server says; empty until then."""
        self.error: Any = None
        """What a server tells inside a stream that began well."""
        self.refusal = ""
        """Why the model would not write."""
        self.chunks = 0

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def add(self, chunk: Any) -> None:
        """Take a chunk of a stream, or a whole answer. What is not understood is passed over."""
        if not isinstance(chunk, dict):
            return
        if chunk.get("error") or chunk.get("object") == "error":
            self.error = chunk
            return
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            return
        self.chunks += 1
        if not choices or not isinstance(choices[0], dict):  # usage, timings
            return
        said = choices[0].get("delta") or choices[0].get("message") or {}
        piece = _text(said.get("content"))
        if piece:
            self.pieces.append(piece)
            self.characters += len(piece)
        self.thinking += len(_text(said.get("reasoning_content")) or _text(said.get("reasoning")))
        self.refusal += _text(said.get("refusal"))
        self.ended = choices[0].get("finish_reason") or self.ended


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):  # parts, as some hosted servers send
        return "".join(_text(part.get("text")) for part in value if isinstance(part, dict))
    return ""


def events(chunks: Iterable[bytes]) -> Iterator[Any]:
    """The JSON values of a stream of server-sent events, up to `[DONE]` or the end; `"[DONE]"` itself comes last.

    Lines are put together before they are decoded, as a piece may end inside a character. Comments, other fields
    and lines that are no JSON are passed over. No server of this kind spreads a value over several lines.
    """
    for line in _lines(chunks):
        if not line.startswith(b"data:"):
            continue
        data = line[5:].strip()
        if data == b"[DONE]":
            yield "[DONE]"
            return
        try:
            yield json.loads(data.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            continue


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    for chunk in chunks:
        first, *others = re.split(rb"[\r\n]", chunk)
        held.append(first)
        for part in others:
            yield b"".join(held)
            held = [part]
    yield b"".join(held)
