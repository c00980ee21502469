"""A person every text of whose would do harm where it is taken for anything but text."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import msgspec
from coursewright_api.database.columns import now
from coursewright_api.database.states import AssetState, AssetType, JobState, Role, StepState
from coursewright_api.database.tables import (
    ApiKey,
    Asset,
    AuditEvent,
    Consent,
    Job,
    JobStep,
    PipelineVersion,
    ShareLink,
    User,
)
from coursewright_api.service import Service

SPITEFUL = "<img src=x onerror=alert(1)> \"'`{{7*7}}${alert(2)}"
"""A title that does harm wherever it is taken for anything but text."""
EMAIL = "mallory@example.org"
_TOLD = """
name: spite
steps:
  script: {uses: llm.outline, with: {data: {notes: The sea rises.}, returns: script}}
  voice: {uses: tts.espeak, for_each: "${script.scenes}", with: {text: "${item.narration}"}}
outputs: {sounds: "${voice.audio}"}
"""


class Spited(msgspec.Struct, frozen=True, kw_only=True):
    """Ids, as text."""

    failed: str
    running: str
    completed: str


async def spite(service: Service, password_hash: str) -> Spited:
    """Whatever a person, a model, a provider or a file can name is `SPITEFUL`."""
    user = await _saved(
        User,
        email=EMAIL,
        username="mallory",
        username_key="mallory",
        full_name=SPITEFUL,
        role=Role.admin,
        password_hash=password_hash,
    )
    version = await _saved(
        PipelineVersion, name="spite", current=False, title=SPITEFUL, text=_TOLD.strip(), files="{}", note=SPITEFUL
    )
    refusal = dict.fromkeys(("provider", "error", "message", "remedy", "detail", "place"), SPITEFUL)
    failure = {"step": "voice", "item": SPITEFUL, "refusals": [refusal], "optional": False}
    scene = {"id": "spite", "title": SPITEFUL, "narration": SPITEFUL, "bullets": [SPITEFUL]}
    told = {
        "owner": user.id,
        "pipeline_version": version.id,
        "pipeline": "narrated_slides",
        "title": SPITEFUL,
        "description": SPITEFUL,
        "message": SPITEFUL,
        "inputs": json.dumps({"notes": SPITEFUL}),
        "parameters": "{}",
        "script": json.dumps({"step": "script", "script": {"title": SPITEFUL, "scenes": [scene]}}),
        "error": json.dumps([failure]),
        "outputs": json.dumps({SPITEFUL: SPITEFUL}),
        "started_at": now(),
    }
    jobs = {}
    for state in (JobState.failed, JobState.running, JobState.completed):
        job = await _saved(Job, **told, state=state, ended_at=None if state is JobState.running else now())
        jobs[state.value] = str(job.id)
        for item, at in (("", StepState.done), (SPITEFUL, StepState.failed)):
            words: Any = {"provider": SPITEFUL, "message": SPITEFUL, "notices": json.dumps([SPITEFUL])}
            await JobStep(job=job.id, step="voice" if item else "script", item=item, state=at, **words).save()
    for kind in AssetType:
        asset = await _file(service, user.id, kind, jobs["completed"])
    await _saved(Consent, owner=user.id, asset=asset, person=SPITEFUL, purpose=SPITEFUL, statement=SPITEFUL)
    await _saved(ApiKey, user=user.id, name=SPITEFUL, hint="cwk_spite", digest="spite", scopes="read")
    await _saved(ShareLink, owner=user.id, job=jobs["completed"], title=SPITEFUL, expires_at=now())
    event: Any = {
        "actor_name": SPITEFUL,
        "subject": SPITEFUL,
        "address": "::1",
        "detail": json.dumps({SPITEFUL: SPITEFUL}),
    }
    await AuditEvent(at=now(), action="logged_in", actor=user.id, **event).save()
    return Spited(**jobs)


async def _file(service: Service, owner: Any, kind: AssetType, job: str) -> Any:
    sound = kind is AssetType.result
    name, media_type = f"{SPITEFUL}.vtt", "audio/wav" if sound else "text/vtt"
    kept = service.store.put_bytes(
        f"WEBVTT\n\n00:00.000 --> 00:09.000\n{SPITEFUL}\n".encode(), name="x.vtt", media_type=media_type
    )
    values = {"digest": kept.digest, "media_type": media_type, "size_bytes": kept.size_bytes}
    values |= {"job": job, "output": "captions"} if sound else {}
    words = {"name": SPITEFUL, "description": SPITEFUL, "file_name": name, "notes": json.dumps([SPITEFUL])}
    state = AssetState.failed if kind is AssetType.script else AssetState.ready
    made = await _saved(Asset, owner=owner, type=kind, state=state, reason=SPITEFUL, **words, **values)
    return made.id


async def _saved(table: Any, **values: Any) -> Any:
    moments = {name: now() for name in ("created_at", "updated_at", "given_at") if hasattr(table, name)}
    row = table(**{"id": uuid4(), **moments, **values})
    await row.save()
    return row
