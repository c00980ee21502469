"""The Gradio apps that stand in for Spaces. Each module here is one: `build(desk)` returns its `gradio.Blocks`.

Handlers have the function and argument names of the real Space, record what they were given with
`desk.record(...)` and call `desk.misbehave()` before they work, which obeys the switches:

| switch | effect |
| --- | --- |
| `fail` | `quota`, `aborted`, `no_gpu`: ZeroGPU's refusals; `unexplained`: an exception; or any text |
| `fail_times` | only so many calls fail, then they work again |
| `delay_s` | each call takes so much longer |
| `hang` | a call does not end while this is set |
| `die` | the server is killed in the middle of the call |
| `steps` | so many steps are reported as progress, `delay_s` apart |

The server in front of every app (`__main__`) obeys:

| switch | effect |
| --- | --- |
| `config_delay_s` | `/config` takes so long |
| `config_status`, `config_body`, `config_type`, `config_headers` | how `/config` and `/` answer instead |
| `config_times` | only so often, then they answer again |
| `file_delay_s` | a download takes so long |
| `queue_full` | joining the queue is refused |
| `upload_status`, `file_status`, `info_status`, `join_status` | so answer uploads, downloads, `/info`, joining |

An app may read any other switch with `desk.switch(name)`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

QUOTA = (
    "You have exceeded your GPU quota (60s requested vs. 56s left). "
    '<a style="white-space: nowrap" href="https://huggingface.co/join">Create a free account</a> '
    "to get more usage quota."
)
REFUSALS = {
    "quota": QUOTA,
    "aborted": "GPU task aborted",
    "no_gpu": "No GPU is currently available for you after 60s",
}


class Desk:
    """What passes between a test and the server it started: switches one way, a record the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._used: dict[str, int] = {}

    def switch(self, name: str, default: Any = None) -> Any:
        """The switch as it is set now."""
        return self._switches().get(name, default)

    def record(self, **fields: Any) -> None:
        """Tell the test what a handler was given. Files that were sent are kept: the record has their copies' paths."""
        self.append("requests.jsonl", {name: self._kept(value) for name, value in fields.items()})

    def misbehave(self) -> None:
        """Do what the switches ask for. Call it first in every handler."""
        import gradio as gr

        if steps := self.switch("steps"):
            progress = gr.Progress()
            for done in range(steps):
                progress((done, steps), desc="working", unit="steps")
                time.sleep(self.switch("delay_s", 0.05))
        elif delay_s := self.switch("delay_s"):
            time.sleep(delay_s)
        while self.switch("hang"):
            time.sleep(0.02)
        if self.switch("die"):
            os.kill(os.getpid(), signal.SIGKILL)
        if (fail := self.switch("fail")) and self.still("fail"):
            self._fail(fail)

    def reply(self, message: str) -> str:
        """What a chat says to `message`: the next of the switch `replies`, the last one again and again.

        `{message}` in it stands for the message. Record the call first: the records are counted.
        """
        replies = self.switch("replies", ["You said: {message}"])
        records = (self.folder / "requests.jsonl").read_text("utf-8").count("\n")
        reply: str = replies[min(records, len(replies)) - 1]
        return reply.replace("{message}", message)

    def still(self, name: str) -> bool:
        """Does the switch `name` apply to this call too, by the switch `<name>_times`?"""
        times = self.switch(f"{name}_times")
        if times is None:
            return True
        counted = f"{self.switch('round')} {name}"
        with self._lock:
            self._used[counted] = self._used.get(counted, 0) + 1
            return self._used[counted] <= int(times)

    def append(self, name: str, fields: dict[str, Any]) -> None:
        """Write a line of JSON to a record."""
        line = json.dumps(fields, default=str) + "\n"
        with self._lock, (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(line)

    def _fail(self, fail: str) -> NoReturn:
        import gradio as gr

        if fail == "unexplained":
            raise RuntimeError("secret detail of the app")
        raise gr.Error(REFUSALS.get(fail, fail))

    def _switches(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "switches.json").read_text("utf-8"))
        return found

    def _kept(self, value: Any) -> Any:
        if not isinstance(value, str) or not value.startswith(str(self.folder)) or not Path(value).is_file():
            return value
        kept = self.folder / "received"
        kept.mkdir(exist_ok=True)
        with self._lock:
            copy = kept / f"{len(list(kept.iterdir()))}-{Path(value).name}"
            return shutil.copyfile(value, copy)
