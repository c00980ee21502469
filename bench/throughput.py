"""Does waiting for a remote service overlap? Twenty scenes through a service that takes 2 s a call, 4 calls at once.

The service is a stand-in on loopback; the ideal is 20 / 4 × 2 s = 10 s. What comes on top is ours: with a bare
provider, which stores what it is sent, the engine alone; with `tts.openai` also decoding, judging and aligning each
answer, half a CPU second for twenty seconds of speech.

    python bench/throughput.py            # a table; the limit is 1.15
"""

from __future__ import annotations

import asyncio
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
from coursewright.capabilities.llm import LlmRequest, Scene, Script
from coursewright.capabilities.tts import Speech, SpeechRequest
from coursewright.catalog import catalog_of
from coursewright.compile import compile_pipeline
from coursewright.kit.http import Http
from coursewright.providers import Context, Provider
from coursewright.run.execute import Execution
from coursewright.run.report import RunReport
from coursewright.run.server import environment, prefect_api, stop
from coursewright.settings import Limit, Settings, settings_from
from coursewright.store.local import LocalStore
from coursewright.testing.standins.speech import StandIn, speech_server
from coursewright_tts_openai.provider import SpeechServer

SCENES, AT_ONCE, CALL_S = 20, 4, 2.0
IDEAL_S = SCENES / AT_ONCE * CALL_S
LIMIT = 1.15

PIPELINE = """
name: throughput
inputs: {salt: {type: text}}
steps:
  script: {uses: llm.scenes, with: {data: {salt: "${inputs.salt}"}, returns: script}}
  voice:
    uses: tts.PROVIDER
    for_each: ${script.scenes}
    with: {text: "${item.narration}"}
outputs: {all: "${voice.audio}"}
"""


class Scenes(Provider[LlmRequest, Script]):
    """A script of twenty scenes, new for each salt."""

    capability, name, summary, version = "llm", "scenes", "scenes", "1"

    def run(self, request: LlmRequest, context: Context) -> Script:
        salt = request.data["salt"]
        return Script(
            title="T", scenes=[Scene(id=f"s{i}", title=f"{i}", narration=said(salt, i)) for i in range(SCENES)]
        )


class Bare(Provider[SpeechRequest, Speech]):
    """Asks the service as `tts.openai` does, and looks at nothing that comes back."""

    capability, name, summary, version, concurrency = "tts", "bare", "asks", "1", AT_ONCE
    Service = SpeechServer.Service

    def run(self, request: SpeechRequest, context: Context) -> Speech:
        body = {"model": "kokoro", "voice": "af_heart", "input": request.text, "response_format": "wav", "speed": 1.0}
        with Http(self.service.url, what="the stand-in", context=context) as http:
            answer = http.post("audio/speech", body, field="text")
        audio = context.store.put_bytes(answer.body, name="speech.wav", media_type="audio/wav")
        return Speech(audio=audio, duration_s=1.0, text=request.text)


def said(salt: str, number: int) -> str:
    """About twenty seconds of narration, as a scene has."""
    return (
        f"This is scene {number} of the run {salt}. A plant takes water from the soil, air from the wind and light "
        "from the sun. From these three it makes the sugar that it lives on. What it does not need itself feeds "
        "everything that eats a plant, and everything that eats such an eater."
    )


async def timed(settings: Settings, provider: str, *, flow: bool) -> tuple[float, float]:
    """Wall time and CPU time of one run, in seconds, worker processes included; with `flow` as a Prefect flow run."""
    catalog = catalog_of({"bench": [Scenes, Bare, SpeechServer]})
    plan = compile_pipeline(
        PIPELINE.replace("PROVIDER", provider), name="throughput", catalog=catalog, read=lambda _: None
    )
    inputs: dict[str, Any] = {"salt": "new"}
    store = LocalStore(Path(tempfile.mkdtemp(dir=settings.data_dir)))
    execution = Execution(plan, inputs, catalog=catalog, store=store, settings=settings)
    started, worked_s = time.perf_counter(), cpu_s()
    report: RunReport
    if flow:
        from coursewright.run.flow import run_in_flow

        report = await run_in_flow(execution, inputs)
    else:
        report = await execution.run()
    taken_s = time.perf_counter() - started
    assert report.state == "completed", report.failures
    return taken_s, cpu_s() - worked_s


def cpu_s() -> float:
    """Of this process and of its children that have ended; the stand-in's own work is within it."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def tell(what: str, times: tuple[float, float], server: StandIn) -> None:
    taken_s, worked_s = times
    print(f"{what:<44} {taken_s:>6.2f} {taken_s / IDEAL_S:>6.2f} {worked_s:>6.1f} {server.most_in_flight:>13}")
    server.most_in_flight = 0


def main() -> None:
    """Measure without Prefect, in a flow, and under the operator's limit; Prefect's start apart."""
    print(f"ideal {IDEAL_S:g} s, limit {LIMIT:.2f}")
    print(f"{'':<44} {'wall s':>6} {'ratio':>6} {'CPU s':>6} {'calls at once':>13}")
    with tempfile.TemporaryDirectory() as name, speech_server(delay_s=CALL_S) as server:
        addresses = {f"COURSEWRIGHT_SERVICE_TTS_{kind}__URL": server.url for kind in ("OPENAI", "BARE")}
        settings = settings_from({"COURSEWRIGHT_DATA_DIR": name, **addresses, **workers()})
        for provider in ("bare", "openai"):
            tell(f"tts.{provider}, engine alone", asyncio.run(timed(settings, provider, flow=False)), server)
        began = time.perf_counter()
        with prefect_api(settings) as api:
            os.environ.update(environment(settings, api.url))
            api.wait()
            started_s = time.perf_counter() - began
            import prefect  # noqa: F401  # its two seconds are not part of a run

            for provider in ("bare", "openai"):
                tell(f"tts.{provider}, as a flow", asyncio.run(timed(settings, provider, flow=True)), server)
                limits = {f"tts.{provider}": Limit(at_once=AT_ONCE)}
                limited = msgspec.structs.replace(settings, limits=limits)
                told = f"tts.{provider}, as a flow, 4 over all runs"
                tell(told, asyncio.run(timed(limited, provider, flow=True)), server)
        stop(settings)
    print(f"Prefect's server, started once for many runs: {started_s:.1f} s")


def workers() -> dict[str, str]:
    """Worker processes as on the machine of the limit: one for each core, two at least."""
    return {"COURSEWRIGHT_WORKERS": str(max(2, os.cpu_count() or 2))}


if __name__ == "__main__":
    main()
