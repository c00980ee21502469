"""What the browser tests find: a person with jobs in every state."""

from __future__ import annotations

import io
import json
import math
import struct
import wave
from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
from coursewright.settings import Settings
from coursewright_api.auth.passwords import Passwords
from coursewright_api.database.columns import now
from coursewright_api.database.states import AssetState, AssetType, JobState, Priority, Role, StepState
from coursewright_api.database.tables import Asset, Job, JobStep, PipelineVersion, User
from coursewright_api.service import Service
from coursewright_api.settings import server_settings

from web.tests.spite import SPITEFUL, Spited, spite

EMAIL = "ada@example.org"
PASSWORD = "correct horse battery"
TOLD = """
name: told
steps:
  script: {uses: llm.outline, with: {data: {notes: The sea rises and falls.}, returns: script}}
  voice: {uses: tts.espeak, for_each: "${script.scenes}", with: {text: "${item.narration}"}}
outputs: {sounds: "${voice.audio}"}
"""
"""A pipeline that is still there for those of its jobs, whose scripts can be edited."""
NOTICES = (
    "llm.outline is no model: the script is your notes, in your own sentences, divided into scenes",
    "llm.openai: The terms of the model and of the server's operator bind what it writes.",
)
SCENES = ("the-beach", "the-pull-of-the-moon", "the-sun-joins-in")


class Seeded(msgspec.Struct, kw_only=True):
    """Ids, as text."""

    user: str = ""
    running: str = ""
    failed: str = ""
    completed: str = ""
    waiting: str = ""
    spited: Spited | None = None


async def saved(table: Any, **values: Any) -> Any:
    moments = {name: now() for name in ("created_at", "updated_at") if hasattr(table, name)}
    key = {} if table is JobStep else {"id": uuid4()}
    row = table(**{**key, **moments, **values})
    await row.save()
    return row


def tone() -> bytes:
    """A second of sound."""
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(n / 6))) for n in range(8000)))
    return data.getvalue()


async def seed(settings: Settings) -> Seeded:
    """Fill a new data folder."""
    service = Service(settings, server_settings(settings))
    await service.database.open()
    try:
        hashed = await Passwords().hash(PASSWORD)
        user = await saved(User, email=EMAIL, username="ada", username_key="ada", role=Role.admin, password_hash=hashed)
        version = await saved(PipelineVersion, name="gone", current=False)
        common = {"owner": user.id, "pipeline_version": version.id}
        found = Seeded(user=str(user.id))
        found.completed = await _completed(service, common)
        told = await saved(
            PipelineVersion, name="told", current=False, text=TOLD.strip(), files="{}", bundle_digest="told"
        )
        found.failed = await _failed({**common, "pipeline_version": told.id})
        found.running = await _running(common)
        waiting = await saved(
            Job, **common, pipeline="text_to_speech", title=SPITEFUL, priority=Priority.urgent, state=JobState.pending
        )
        found.waiting = str(waiting.id)
        found.spited = await spite(service, hashed)
        return found
    finally:
        await service.database.close()


async def _completed(service: Service, common: dict[str, Any]) -> str:
    began = now() - timedelta(hours=2)
    job = await saved(
        Job,
        **common,
        pipeline="text_to_speech",
        title="Good morning",
        state=JobState.completed,
        progress=1.0,
        started_at=began,
        ended_at=began + timedelta(seconds=4),
    )
    await saved(
        JobStep,
        job=job.id,
        step="speech",
        state=StepState.done,
        provider="tts.espeak",
        progress=1.0,
        started_at=began,
        ended_at=began + timedelta(seconds=3),
    )
    for name, media_type, data in (
        ("good-morning.wav", "audio/wav", tone()),
        ("good-morning.vtt", "text/vtt", b"WEBVTT\n\n00:00.000 --> 00:01.000\nGood morning.\n"),
    ):
        artifact = service.store.put_bytes(data, name=name, media_type=media_type)
        await saved(
            Asset,
            owner=common["owner"],
            job=job.id,
            type=AssetType.result,
            state=AssetState.ready,
            name=name,
            file_name=name,
            digest=artifact.digest,
            media_type=media_type,
            size_bytes=artifact.size_bytes,
            output=name.rpartition(".")[2],
        )
    return str(job.id)


async def _failed(common: dict[str, Any]) -> str:
    refusal = {
        "provider": "tts.espeak",
        "error": "BadInput",
        "message": "the narration has no words that can be spoken",
        "remedy": "write a sentence for this scene, then retry it",
        "detail": "espeak-ng: 0 phonemes in 1 clause",
        "place": "scene “the-sun-joins-in”",
    }
    failure = {"step": "voice", "item": SCENES[2], "refusals": [refusal], "optional": False}
    began = now() - timedelta(minutes=8)
    job = await saved(
        Job,
        **common,
        pipeline="narrated_slides",
        title="The history of lighthouses, from open fires on hills to lamps that nobody has to light any more",
        state=JobState.failed,
        progress=0.4,
        message=f"voice[{SCENES[2]}]: {refusal['message']}",
        parameters="{}",
        script=json.dumps({"step": "script", "script": _script()}),
        error=json.dumps([failure]),
        started_at=began,
        ended_at=began + timedelta(seconds=75),
    )
    await _steps(job.id, began, {"text": StepState.done, "script": StepState.reused}, voice=StepState.failed)
    return str(job.id)


def _script() -> dict[str, Any]:
    said = "Stand on a beach for half a day, and the sea will come to meet you and then quietly walk away again."
    title = {scene: scene.replace("-", " ").capitalize() for scene in SCENES}
    points = ["The sea comes and goes", "Twice a day, almost everywhere on Earth"]
    scenes = [{"id": scene, "title": title[scene], "narration": said, "bullets": points} for scene in SCENES]
    return {"title": "Why the sea has tides", "scenes": scenes}


async def _running(common: dict[str, Any]) -> str:
    began = now() - timedelta(seconds=40)
    job = await saved(
        Job,
        **common,
        pipeline="narrated_slides",
        title="How tides work",
        description="The lesson for the fifth form.",
        state=JobState.running,
        progress=0.4,
        message="speaking the second of three scenes",
        expected_s=90.0,
        started_at=began,
    )
    await _steps(job.id, began, {"text": StepState.done, "script": StepState.done}, voice=StepState.running)
    return str(job.id)


async def _steps(job: Any, began: Any, whole: dict[str, StepState], *, voice: StepState) -> None:
    providers = {"text": "document.markitdown", "script": "llm.outline", "voice": "tts.espeak"}
    for position, (step, state) in enumerate(whole.items()):
        times = {"started_at": began, "ended_at": began + timedelta(seconds=2 + position)}
        notices = json.dumps(NOTICES) if step == "script" else ""
        await saved(
            JobStep,
            job=job,
            step=step,
            position=position,
            state=state,
            provider=providers[step],
            progress=1.0,
            notices=notices,
            **times,
        )
    for number, scene in enumerate(SCENES):
        state = voice if number == 2 else StepState.done
        await saved(
            JobStep,
            job=job,
            step="voice",
            item=scene,
            position=2,
            state=state,
            provider=providers["voice"],
            progress=0.5 if state is StepState.running else 1.0,
            started_at=began,
            ended_at=None if state is StepState.running else began + timedelta(seconds=9),
        )
    after = StepState.blocked if voice is StepState.failed else StepState.waiting
    for position, step in enumerate(("slides", "film", "package", "movie"), start=3):
        await saved(JobStep, job=job, step=step, position=position, state=after)
