"""`python -m coursewright.testing.standins.space_apps <app> <folder> <port>`: serve one app until stdin ends.

With `--nursery <handle>`: give birth to such servers, as `nursery` orders.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from coursewright.testing.standins.space_apps import Desk
from coursewright.testing.standins.space_apps.nursery import serve_births

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_FULL = b'{"detail":"Queue is full. Max size is 1 and size is 1."}'
_SWITCHED = {"upload_status": "/upload", "file_status": "/file=", "info_status": "/info", "join_status": "/queue/join"}
_LOOK_S = 0.02
"""Gradio looks for new work every millisecond, which keeps a twentieth of a core busy for every idle server."""


class Front:
    """ASGI middleware: records each request, and answers in the app's place when a switch says so."""

    def __init__(self, app: App, desk: Desk) -> None:
        self.app = app
        self.desk = desk

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        self.desk.append(
            "http.jsonl",
            {
                "method": scope["method"],
                "path": path,
                "query": scope["query_string"].decode("latin-1"),
                "headers": headers,
            },
        )
        if path in ("/config", "/"):
            delay_s, status = self.desk.switch("config_delay_s", 0.0), self.desk.switch("config_status")
            applies = bool(delay_s or status) and self.desk.still("config")
            if applies:
                await asyncio.sleep(delay_s)
            if applies and status:
                extra = {str(name): str(value) for name, value in self.desk.switch("config_headers", {}).items()}
                body = self.desk.switch("config_body", "<html><body><h1>Service unavailable</h1></body></html>")
                await _answer(send, status, body.encode(), self.desk.switch("config_type", "text/html"), extra)
                return
        if path.endswith("/queue/join") and self.desk.switch("queue_full"):
            await _answer(send, 503, _FULL, "application/json", {})
            return
        if "/file=" in path:
            await asyncio.sleep(self.desk.switch("file_delay_s", 0.0))
        for name, part in _SWITCHED.items():
            if part in path and (status := self.desk.switch(name)):
                await _answer(send, status, b"<html><body>Bad gateway</body></html>", "text/html", {})
                return
        await self.app(scope, receive, send)


async def _answer(send: Send, status: int, body: bytes, media_type: str, extra: dict[str, str]) -> None:
    named = {"content-type": media_type, "content-length": str(len(body)), **extra}
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in named.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main(app: str, folder: Path, port: int) -> None:
    """Serve; say `ready` on stdout; end with stdin."""
    from starlette.middleware import Middleware

    desk = Desk(folder)
    demo = _module(app).build(desk)
    demo.launch(
        server_name="127.0.0.1",
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        ssr_mode=False,
        show_error=False,
        share=False,
        allowed_paths=[str(folder)],
        app_kwargs={"middleware": [Middleware(Front, desk=desk)]},
    )
    demo._queue.sleep_when_free = _LOOK_S
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    os.dup2(2, 1)  # nobody reads stdout from here on
    sys.stdin.buffer.read()
    os._exit(0)


def _module(app: str) -> Any:
    if app.endswith(".py"):
        spec = importlib.util.spec_from_file_location(Path(app).stem, app)
        if spec is None or spec.loader is None:
            raise ImportError(app)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    return importlib.import_module(app if "." in app else f"coursewright.testing.standins.space_apps.{app}")


if __name__ == "__main__":
    if sys.argv[1] == "--nursery":
        serve_births(int(sys.argv[2]), lambda given: main(given[0], Path(given[1]), int(given[2])))
    else:
        main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
