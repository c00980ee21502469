"""The part of Hugging Face's API that finding a Space needs. Point `huggingface_hub` at it:

with hub() as server:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)  # or HF_ENDPOINT, before it is imported
    server.spaces["owner/name"] = HubSpace(url=app.url, stages=["SLEEPING", "RUNNING"])
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from coursewright.testing.standins.loopback import serve


@dataclass
class HubSpace:
    """A Space as it stands now; a test changes it."""

    url: str = ""
    stages: list[str] = field(default_factory=lambda: ["RUNNING"])
    """What it says when it is asked, one after the other; the last one stays."""
    hardware: str = "cpu-basic"
    words: str = ""
    token: str = ""
    """A private Space is shown to this token only."""

    @property
    def stage(self) -> str:
        return self.stages.pop(0) if len(self.stages) > 1 else self.stages[0]


class HubServer:
    """What it was asked is in `requests`: path and headers."""

    def __init__(self) -> None:
        self.url = ""
        self.spaces: dict[str, HubSpace] = {}
        self.tokens: set[str] = set()
        """The tokens that it knows; any other is refused."""
        self.quota: dict[str, Any] | None = None
        self.fault: tuple[int, bytes] | None = None
        """Answer everything with this status and body."""
        self.requests: list[tuple[str, dict[str, str]]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.requests.append((scope["path"], headers))
        status, more, body = self._answer(scope["path"], headers.get("authorization", "").removeprefix("Bearer "))
        sent = {"content-type": "application/json", "content-length": str(len(body)), **more}
        started = [(name.lower().encode(), value.encode()) for name, value in sent.items()]
        await send({"type": "http.response.start", "status": status, "headers": started})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, path: str, token: str) -> tuple[int, dict[str, str], bytes]:
        if self.fault is not None:
            return self.fault[0], {}, self.fault[1]
        if token and token not in self.tokens:
            return _error(401, "Invalid credentials in Authorization header")
        if path == "/api/spaces/zero-gpu/quota":
            return (200, {}, json.dumps(self.quota).encode()) if self.quota else _error(404, "Not found")
        name = path.removeprefix("/api/spaces/")
        found = self.spaces.get(name)
        if found is None or (found.token and found.token != token):
            # Without a token the Hub does not tell a missing Space from a private one.
            status, words = (404, "Repository not found") if token else (401, "Invalid username or password.")
            return _error(status, words, "RepoNotFound")
        runtime: dict[str, Any] = {
            "stage": found.stage,
            "hardware": {"current": found.hardware, "requested": found.hardware},
            "storage": None,
            "gcTimeout": 172800,
        }
        if found.words:
            runtime["errorMessage"] = found.words
        told = {
            "_id": "6617ff",
            "id": name,
            "author": name.partition("/")[0],
            "sha": "0" * 40,
            "private": bool(found.token),
            "sdk": "gradio",
            "tags": ["gradio"],
            "siblings": [],
            "host": found.url,
            "subdomain": name.replace("/", "-").lower(),
            "runtime": runtime,
        }
        return 200, {}, json.dumps(told).encode()


@contextlib.contextmanager
def hub() -> Iterator[HubServer]:
    """A Hub on loopback, without a Space until some are put into `spaces`."""
    server = HubServer()
    with serve(server) as url:
        server.url = url
        yield server


def _error(status: int, words: str, code: str = "") -> tuple[int, dict[str, str], bytes]:
    headers = {"X-Error-Message": words, **({"X-Error-Code": code} if code else {})}
    return status, headers, json.dumps({"error": words}).encode()
