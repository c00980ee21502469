"""Servers with OpenAI's `/v1/chat/completions`, each as it really answers: models, schemas, streams, refusals.

    with chat_server("ollama", models=["llama3.2:latest"]) as server:
        server.switch(schema="refused", thinking="think")
        server.replies.append('{"title": …}')
        ...
        assert server.chats[-1]["model"] == "llama3.2:latest"

An answer is the next of `replies`; when there is none, an instance of the schema that was asked for, or a sentence.
The ways of each server are those of llama.cpp's `tools/server`, Ollama's `openai/openai.go` and vLLM's
`entrypoints/openai`, all of 2025 and 2026.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from coursewright.testing.standins.instances import instance
from coursewright.testing.standins.loopback import head, reply, serve

Personality = Literal["llama.cpp", "ollama", "vllm"]

_MODELS = {
    "llama.cpp": ["/models/qwen3-8b-q4_k_m.gguf"],
    "ollama": ["llama3.2:latest", "qwen3:8b"],
    "vllm": ["Qwen/Qwen3-8B"],
}
_OWNERS = {"llama.cpp": "llamacpp", "ollama": "library", "vllm": "vllm"}
_THOUGHT = "The user wants a course. First I weigh {what to say}, then I say it."
_TOKEN = 4
"""Characters that count as one token."""


class Switches(msgspec.Struct, kw_only=True):
    """What a stand-in does otherwise than its healthy self. All may be changed while it serves."""

    key: str = ""
    """Ask for this key; Ollama never does."""
    models: list[str] = []
    """What it serves."""
    n_ctx: int = 32_768
    """Tokens that prompt and answer may have together."""
    starting_s: float = 0.0
    """Answer everything with 503 for so many seconds after the switch."""
    schema: Literal["nested", "refused", "no_format", "ignored"] = "nested"
    """Constrain answers by `json_schema`; refuse that format; refuse every format; take it and write prose."""
    refuses: tuple[str, ...] = ()
    """Fields that a strict server answers with 400."""
    thinking: Literal["", "reasoning", "reasoning_content", "think", "unopened"] = ""
    """Where a model's thinking goes, unless the request turns it off: into a field of its own, or into the content."""
    stubborn: bool = False
    """Think even when the request turns it off."""
    length: bool = False
    """End half-way through the answer with `finish_reason: "length"`."""
    stream: bool = True
    """False: answer whole even when a stream was asked for."""
    pings: bool = True
    """Send comments and chunks without a choice, as servers do between tokens."""
    split_bytes: int = 0
    """Cut the stream into pieces of so many bytes, wherever that falls; 0: an event is a piece."""
    escaped: bool = False
    """Write everything beyond ASCII as JSON escapes."""
    ends: Literal["done", "without_done", "early", "cut", "error"] = "done"
    """Close without `[DONE]`; close half-way as if all were said; break the connection half-way; tell an error."""
    hang: Literal["", "before", "within"] = ""
    """Say nothing, or nothing more, until the client leaves."""
    refuse: int = 0
    """Answer so many chats with `status`, `headers` and `content` first."""
    status: int = 500
    headers: dict[str, str] = {}
    content: bytes | None = None
    """The body of a refusal. None: this server's own words."""
    content_type: str = "text/html"


class Asked(msgspec.Struct, frozen=True):
    """One request that reached the server."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class _Refusal(Exception):
    def __init__(self, status: int, message: str, kind: str = "invalid_request_error", **more: Any) -> None:
        super().__init__(message)
        self.status, self.message, self.kind, self.more = status, message, kind, more
        self.headers: dict[str, str] = {}


class ChatServer:
    """A running server. `url` ends in `/v1`; `requests` are all of them, in order."""

    def __init__(self, personality: Personality) -> None:
        self.url = ""
        self._personality = personality
        self.reset()

    def reset(self, **switches: Any) -> None:
        """Forget all that was, as if newly started with these switches."""
        self.replies: list[str] = []
        self.requests: list[Asked] = []
        self.switches = Switches(models=list(_MODELS[self._personality]))
        self.asked = threading.Event()
        """A chat has come."""
        self.speaking = threading.Event()
        """The first half of a streamed answer is out."""
        self.left = threading.Event()
        """A client went away before its answer was whole."""
        self.switch(**switches)

    def switch(self, **changes: Any) -> None:
        """Change `Switches` by name."""
        for name, value in changes.items():
            if name not in Switches.__struct_fields__:
                raise TypeError(f"there is no switch {name}")
            setattr(self.switches, name, value)
        self._since = time.monotonic()

    @property
    def chats(self) -> list[Any]:
        """The bodies of the chats that were asked for."""
        return [asked.body for asked in self.requests if asked.path == "/v1/chat/completions"]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI application."""
        content = b""
        while (message := await receive())["type"] == "http.request":
            content += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        asked = Asked(scope["method"], scope["path"], headers, msgspec.json.decode(content) if content else None)
        self.requests.append(asked)
        try:
            await self._answer(asked, receive, send)
        except _Refusal as refusal:
            await reply(send, refusal.status, self._words(refusal), refusal.headers)

    async def _answer(self, asked: Asked, receive: Any, send: Any) -> None:
        switches, llama = self.switches, self._personality == "llama.cpp"
        starting = time.monotonic() - self._since < switches.starting_s
        if starting and not (asked.path == "/health" and not llama):
            raise _Refusal(503, "Loading model", "unavailable_error")
        if asked.path == "/health" and self._personality != "ollama":
            await reply(send, 200, {"status": "ok"} if llama else b"")
            return
        # llama.cpp tells its models to everybody and asks for the key from then on.
        open_to_all = self._personality == "ollama" or (llama and asked.path == "/v1/models")
        if switches.key and not open_to_all and asked.headers.get("authorization") != f"Bearer {switches.key}":
            raise _Refusal(401, "Invalid API Key" if llama else "Unauthorized", "authentication_error")
        match asked.method, asked.path:
            case "GET", "/v1/models":
                listed = [
                    {"id": name, "object": "model", "created": 1, "owned_by": _OWNERS[self._personality]}
                    for name in switches.models
                ]
                await reply(send, 200, {"object": "list", "data": listed or (None if not llama else [])})
            case "GET", "/props" if llama:
                await reply(send, 200, {"default_generation_settings": {"n_ctx": switches.n_ctx}, "total_slots": 1})
            case "POST", "/v1/chat/completions":
                self.asked.set()
                await self._chat(asked.body, receive, send)
            case _:
                raise _Refusal(404, "File Not Found", "not_found_error")

    def _words(self, refusal: _Refusal) -> Any:
        """The error body of this server."""
        if self._personality == "ollama":
            return {"error": {"message": refusal.message, "type": refusal.kind, "param": None, "code": None}}
        if self._personality == "vllm":
            if refusal.status == 401:
                return {"error": "Unauthorized"}
            return {"error": {"message": refusal.message, "type": refusal.kind, "param": None, "code": refusal.status}}
        return {"error": {"code": refusal.status, "message": refusal.message, "type": refusal.kind, **refusal.more}}

    # -- one chat --------------------------------------------------------------------------------

    async def _chat(self, body: dict[str, Any], receive: Any, send: Any) -> None:
        switches = self.switches
        if switches.hang == "before":
            await receive()  # which now tells of nothing but the client's going
            self.left.set()
            return
        if switches.refuse > 0:
            switches.refuse -= 1
            if switches.content is not None:
                await reply(send, switches.status, switches.content, switches.headers, switches.content_type)
                return
            refusal = _Refusal(switches.status, "Something went wrong", "server_error")
            refusal.headers = switches.headers
            raise refusal
        self._check(body)
        text = self._text(body)
        most: int = body.get("max_tokens") or body.get("max_completion_tokens") or 0
        reason = "stop"
        if switches.length or (most and len(text) > most * _TOKEN):
            text = text[: len(text) // 2 if switches.length else most * _TOKEN]
            reason = "length"
        fields = self._thinking(body)
        before = fields.pop("content", "")
        if body.get("stream") and switches.stream:
            await self._stream(body, fields, before + text, reason, receive, send)
        else:
            message = {"role": "assistant", "content": before + text, **fields}
            await reply(send, 200, self._chunk(body, "chat.completion", message=message, finish_reason=reason))

    def _check(self, body: dict[str, Any]) -> None:
        """Refuse what this server would refuse."""
        switches, name = self.switches, body.get("model")
        messages = body.get("messages")
        if not messages or not all(isinstance(one.get("content"), str) for one in messages):
            raise _Refusal(400, "[] is too short - 'messages'")
        if self._personality != "llama.cpp" and name not in switches.models:
            missing = f'model "{name}" not found, try pulling it first'
            if self._personality == "vllm":
                missing = f"The model `{name}` does not exist."
            raise _Refusal(404, missing, "not_found_error" if self._personality == "ollama" else "NotFoundError")
        for field in switches.refuses:
            if field in body:
                raise _Refusal(400, f"Unrecognized request argument supplied: {field}")
        self._check_length(messages, body.get("max_tokens") or 0)
        form = body.get("response_format") or {}
        kind = form.get("type", "text")
        if kind != "text" and switches.schema == "no_format":
            raise _Refusal(400, "response_format is not supported by this model")
        if kind == "json_schema" and switches.schema == "refused":
            raise _Refusal(400, "'response_format.type' must be 'json_object' or 'text'")
        if kind not in ("text", "json_object", "json_schema") and self._personality != "ollama":
            raise _Refusal(400, f'response_format type must be one of "text" and "json_object", but got: {kind}')
        try:
            instance(self._schema(body) or {"type": "string"})
        except ValueError as error:
            raise _Refusal(400, f"response_format: failed to parse grammar: {error}") from None

    def _check_length(self, messages: list[dict[str, Any]], most: int) -> None:
        prompt, room = sum(len(one["content"]) for one in messages) // _TOKEN, self.switches.n_ctx
        if self._personality == "llama.cpp" and prompt >= room:
            raise _Refusal(
                400,
                f"request ({prompt} tokens) exceeds the available context size ({room} tokens), try increasing it",
                "exceed_context_size_error",
                n_prompt_tokens=prompt,
                n_ctx=room,
            )
        if self._personality == "vllm" and prompt + most > room:
            raise _Refusal(
                400,
                f"This model's maximum context length is {room} tokens. However, you requested {prompt + most} tokens "
                f"({prompt} in the messages, {most} in the completion). Please reduce the length of the messages.",
                "BadRequestError",
            )

    def _schema(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """What the answer is constrained by; {} is any JSON. Only the nested form carries a schema."""
        form = body.get("response_format") or {}
        if self.switches.schema == "ignored" or form.get("type") not in ("json_schema", "json_object"):
            return None
        if form["type"] == "json_object":
            return dict(form.get("schema") or {}) if self._personality == "llama.cpp" else {}
        return dict((form.get("json_schema") or {}).get("schema") or {})

    def _text(self, body: dict[str, Any]) -> str:
        if self.replies:
            return self.replies.pop(0)
        schema = self._schema(body)
        if schema is None:
            return "Grüße vom Modell: “the sea rises twice a day” 🌊."
        return json.dumps(instance(schema) if schema else {"answer": 1}, ensure_ascii=False)

    def _thinking(self, body: dict[str, Any]) -> dict[str, str]:
        off = body.get("reasoning_effort") == "none"
        off = off or (body.get("chat_template_kwargs") or {}).get("enable_thinking") is False
        match self.switches.thinking:
            case "":
                return {}
            case _ if off and not self.switches.stubborn:
                return {}
            case "think":
                return {"content": f"<think>\n{_THOUGHT}\n</think>\n\n"}
            case "unopened":
                return {"content": f"{_THOUGHT}\n</think>\n\n"}
            case field:
                return {field: _THOUGHT}

    # -- the stream ------------------------------------------------------------------------------

    def _chunk(self, body: dict[str, Any], kind: str = "chat.completion.chunk", **choice: Any) -> dict[str, Any]:
        usage = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
        choices = [{"index": 0, **choice}] if choice else []
        chunk = {"id": "chatcmpl-1", "object": kind, "created": 1, "model": body.get("model"), "choices": choices}
        return chunk if choices and kind.endswith("chunk") else {**chunk, "usage": usage}

    async def _stream(
        self, body: dict[str, Any], fields: dict[str, str], text: str, reason: str, receive: Any, send: Any
    ) -> None:
        switches = self.switches

        def data(value: Any) -> bytes:
            return b"data: " + json.dumps(value, ensure_ascii=switches.escaped).encode() + b"\n\n"

        def delta(**said: Any) -> bytes:
            return data(self._chunk(body, delta=said, finish_reason=None))

        before = [delta(role="assistant", content=None)]
        if switches.pings:
            before += [b": ping\n\n", data(self._chunk(body))]
        before += [delta(**{name: part}) for name, value in fields.items() for part in _parts(value)]
        said = [delta(content=part) for part in _parts(text)]
        if switches.pings:
            said[len(said) // 2 : len(said) // 2] = [b":\n\n", delta(content=""), delta()]
        half = len(said) // 2
        await send(head(200, {"content-type": "text/event-stream"}))
        await self._send(b"".join(before), send)
        for event in said[:half]:
            await self._send(event, send)
        self.speaking.set()
        if switches.hang == "within":
            await receive()
            self.left.set()
            return
        if switches.ends == "cut":
            raise ConnectionAbortedError  # the server closes the connection in mid-answer
        if switches.ends == "error":
            error = {"message": "EngineCore encountered an issue", "type": "InternalServerError", "code": 500}
            await self._send(data({"error": error}) + b"data: [DONE]\n\n", send)
        elif switches.ends != "early":
            for event in said[half:]:
                await self._send(event, send)
            end = data(self._chunk(body, delta={}, finish_reason=reason))
            if switches.pings:
                end += data(self._chunk(body))
            await self._send(end + (b"data: [DONE]\n\n" if switches.ends == "done" else b""), send)
        await send({"type": "http.response.body"})

    async def _send(self, events: bytes, send: Any) -> None:
        size = self.switches.split_bytes or len(events)
        for start in range(0, len(events), size):
            await send({"type": "http.response.body", "body": events[start : start + size], "more_body": True})
            await asyncio.sleep(0)


def _parts(text: str) -> list[str]:
    """Pieces of the size of some tokens."""
    size = max(12, len(text) // 200)
    return [text[start : start + size] for start in range(0, len(text), size)]


@contextlib.contextmanager
def chat_server(personality: Personality = "llama.cpp", **switches: Any) -> Iterator[ChatServer]:
    """A server that behaves as `llama.cpp`, `ollama` or `vllm` does."""
    server = ChatServer(personality)
    server.reset(**switches)
    with serve(server) as address:
        server.url = f"{address}/v1"
        yield server
