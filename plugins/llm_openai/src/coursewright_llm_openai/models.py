"""Which models a server has, and which of them writes."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from coursewright.errors import Unavailable, Unsuited
from coursewright.kit.http import Http

_NO_WRITER = re.compile(r"(?i)embed|rerank|whisper|\btts\b|speech|moderation|dall-e|image|transcribe|\bbge\b|\bclip\b")
_TOLD = 8


class Models(msgspec.Struct, frozen=True):
    """The ids, in the server's order. `one_for_all`: whatever is asked for, the only one answers."""

    names: tuple[str, ...]
    one_for_all: bool = False
    open_to_all: bool = False
    """Anybody may read the list even where the rest wants a key: llama.cpp's way."""
    listed: bool = True
    """False: the server does not tell."""

    def chosen(self, what: str) -> str:
        """The first that writes. Raises Unavailable when there is none."""
        if not self.listed:
            raise Unavailable(
                f"{what} does not list its models: it may be another kind of service",
                remedy="check its address, or name a model in `model`",
            )
        for name in self.names:
            if not _NO_WRITER.search(name):
                return name
        raise Unavailable(f"{what} has no model that writes", remedy="load one there, such as `ollama pull qwen3:8b`")

    def has(self, name: str) -> bool:
        """Is it there? Ollama takes a name without a tag for the latest."""
        return not self.listed or self.one_for_all or name in self.names or f"{name}:latest" in self.names


def models_of(http: Http) -> Models:
    """Ask `GET /models`. Raises the errors of `Http`, and Unavailable when the answer is no list of models."""
    answer = http.get("models", allow=(404, 405))
    if answer.status in (404, 405):
        return Models((), listed=False)
    told = http.json_of(answer)
    listed = told.get("data") if isinstance(told, dict) else None
    if listed is None and isinstance(told, dict) and "data" in told:  # Ollama without a model
        listed = []
    if not isinstance(listed, list):
        raise Unavailable(f"{http.what} lists no models: it is another kind of service", remedy="check its address")
    entries: list[dict[str, Any]] = [entry for entry in listed if isinstance(entry, dict) and entry.get("id")]
    llama = any(entry.get("owned_by") == "llamacpp" for entry in entries)
    return Models(
        tuple(str(entry["id"]) for entry in entries), one_for_all=llama and len(entries) == 1, open_to_all=llama
    )


def unknown_model(name: str, what: str, models: Models) -> Unsuited:
    """The error that names the models that there are, as far as the server tells."""
    told, more = ", ".join(models.names[:_TOLD]), len(models.names) - _TOLD
    there = f"; it has {told or 'none'}" + (f" and {more} more" if more > 0 else "")
    return Unsuited(
        f"{what} has no model '{name}'" + (there if models.listed else ""),
        remedy="set `model` to one that it has, or load it there",
    )
