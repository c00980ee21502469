"""Pipelines run against providers so simple that the expected value is obvious."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from coursewright.capabilities.llm import LlmRequest, LlmText, Scene, Script
from coursewright.capabilities.slides import Slide, SlideRequest
from coursewright.capabilities.tts import Speech, SpeechRequest
from coursewright.catalog import AnyProvider, Catalog, catalog_of
from coursewright.compile import compile_pipeline
from coursewright.plan import Plan
from coursewright.providers import Context, Provider
from coursewright.run.execute import Execution, replay
from coursewright.run.outcomes import Selection
from coursewright.run.report import Event, RunReport
from coursewright.settings import Settings
from coursewright.store.local import LocalStore

Serve = Callable[[Any, Context], Any]


def provider(capability: str, name: str, serve: Serve, **attributes: Any) -> type[AnyProvider]:
    """A provider class that serves by a function."""

    def run(self: AnyProvider, request: Any, context: Context) -> Any:
        return serve(request, context)

    return type(
        name.title(),
        (Provider,),
        {"capability": capability, "name": name, "summary": "a fake", "version": "1", "run": run, **attributes},
    )


class Calls:
    """What providers were asked, in order; safe with threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.seen: list[str] = []

    def __call__(self, what: str) -> None:
        with self._lock:
            self.seen.append(what)

    def take(self) -> list[str]:
        with self._lock:
            seen, self.seen = self.seen, []
        return sorted(seen)


class Project:
    """A store, a catalog of fakes, and runs of pipelines written in YAML."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = Calls()
        self.events: list[Event] = []
        self.store = LocalStore(folder / "store")
        self.settings = Settings(data_dir=folder / "data", workers=4)
        self._providers: dict[str, type[AnyProvider]] = {}
        self.offer("llm", "scenes", self._scenes)
        self.offer("llm", "echo", self._echo)
        self.offer("tts", "voice", self.speak("voice"))
        self.offer("slides", "plain", self._slide)

    def offer(self, capability: str, name: str, serve: Serve, **attributes: Any) -> None:
        """Install a provider, or replace one."""
        self._providers[f"{capability}.{name}"] = provider(capability, name, serve, **attributes)

    @property
    def catalog(self) -> Catalog:
        return catalog_of({"fakes": self._providers.values()})

    def plan(self, text: str, **options: Any) -> Plan:
        return compile_pipeline(text, name="test.yaml", catalog=self.catalog, read=lambda _: None, **options)

    def execution(
        self,
        text: str,
        inputs: Mapping[str, Any] | None = None,
        *,
        select: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Execution:
        return Execution(
            self.plan(text),
            inputs or {},
            catalog=self.catalog,
            store=self.store,
            settings=self.settings,
            observer=self.events.append,
            selection=Selection(**(select or {})),
            **options,
        )

    def run(self, text: str, inputs: Mapping[str, Any] | None = None, **options: Any) -> RunReport:
        return asyncio.run(self.execution(text, inputs, **options).run())

    def replay(self, text: str, inputs: Mapping[str, Any] | None = None) -> RunReport | None:
        return asyncio.run(
            replay(self.plan(text), inputs or {}, catalog=self.catalog, store=self.store, settings=self.settings)
        )

    def states(self, report: RunReport) -> dict[str, str]:
        return {item.label: item.state for item in report.items}

    # -- the fakes' work -----------------------------------------------------------------------

    def _scenes(self, request: LlmRequest, context: Context) -> Script:
        """`data.scenes` is `id:narration` words; they become a script."""
        self.calls("scenes")
        pairs = [word.split(":") for word in request.data["scenes"].split()]
        scenes = [Scene(id=scene_id, title=scene_id.title(), narration=narration) for scene_id, narration in pairs]
        return Script(title=request.data.get("title", "Title"), scenes=scenes)

    def _echo(self, request: LlmRequest, context: Context) -> LlmText:
        self.calls(f"echo {request.data['text']}")
        return LlmText(text=str(request.data["text"]))

    def speak(self, voice: str) -> Serve:
        def serve(request: SpeechRequest, context: Context) -> Speech:
            self.calls(f"{voice} {request.text}")
            audio = context.store.put_bytes(f"{voice}:{request.text}".encode(), name="a.wav", media_type="audio/wav")
            return Speech(audio=audio, duration_s=1.0, text=request.text)

        return serve

    def _slide(self, request: SlideRequest, context: Context) -> Slide:
        self.calls(f"slide {request.scene.title}")
        image = context.store.put_bytes(request.scene.title.encode(), name="s.png", media_type="image/png")
        return Slide(image=image, width_px=request.width_px, height_px=request.height_px)


COURSE = """
name: course
inputs:
  scenes: {type: text}
steps:
  script:
    uses: llm.scenes
    with: {data: {scenes: "${inputs.scenes}"}, returns: script}
  voice:
    uses: tts
    provider: voice
    for_each: ${script.scenes}
    with: {text: "${item.narration}"}
  slides:
    uses: slides
    for_each: ${script.scenes}
    with: {scene: "${item}"}
  again:
    uses: tts
    provider: voice
    for_each: ${voice}
    with: {text: "again ${item.text}"}
outputs:
  sound: ${again.audio}
  slides: ${slides.image}
"""


@pytest.fixture
def course() -> str:
    return COURSE


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)
