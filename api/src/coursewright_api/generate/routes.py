"""`POST /api/generate/…`: jobs of one service each, thin over the pipelines of the same name."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, post
from litestar.params import JSONBody
from msgspec import Meta

from coursewright_api.auth.routes import Asked
from coursewright_api.bodies import Description, In
from coursewright_api.database.states import Priority
from coursewright_api.fields import FieldError
from coursewright_api.jobs import views
from coursewright_api.jobs.routes import Key
from coursewright_api.jobs.structs import InputText, JobDetail, NewJob, Providers, Title
from coursewright_api.problems import ApiError, documented, invalid
from coursewright_api.service import Service, Services

_OF_SADTALKER = ("preprocess", "still", "pose_style", "enhancer")
Language = Annotated[str, Meta(max_length=35, examples=["en"])]


class _Job(In, frozen=True, kw_only=True):
    title: Title = ""
    description: Description = ""
    priority: Priority = Priority.normal
    providers: Providers = msgspec.field(default_factory=dict)


class Script(_Job, frozen=True, kw_only=True):
    """A script to be written. It needs a topic or prompt, or notes."""

    topic: InputText = ""
    prompt: Annotated[
        InputText, Meta(description="What to write, in your own words; beside a topic it is context.")
    ] = ""
    notes_asset_id: UUID | None = None
    language: Language = "en"
    duration: Annotated[int, Meta(description="Minutes.")] | None = None
    target_audience: InputText = ""
    style: str = ""
    additional_context: InputText = ""


class TextToSpeech(_Job, frozen=True, kw_only=True):
    """A text to be spoken; with a voice sample, in that voice."""

    text: Annotated[str, Meta(min_length=1, max_length=200_000)]
    voice_asset_id: UUID | None = None
    language: Language = "en"


class Video(_Job, frozen=True, kw_only=True):
    """A portrait that is to speak a recording."""

    portrait_asset_id: UUID
    audio_asset_id: UUID
    fps: Annotated[int, Meta(ge=10, le=60, description="Pictures a second; 25 if it is left out.")] | None = None
    preprocess: Annotated[
        Literal["crop", "resize", "full", "extcrop", "extfull"] | None,
        Meta(description="What is animated: the head alone, or the whole portrait. Like all below: by SadTalker."),
    ] = None
    still: Annotated[bool | None, Meta(description="Hold the head still.")] = None
    pose_style: Annotated[int, Meta(ge=0, le=46, description="Which way to move the head.")] | None = None
    enhancer: Annotated[Literal["none", "gfpgan"] | None, Meta(description="Restore the face's detail; slow.")] = None


class GenerateController(Controller):
    """Jobs of one service each. Their steps, events and results are those of any job."""

    path = "/api/generate"
    tags = ("Generate",)

    @post("/script", summary="Write a script", responses=documented(401, 403, 404, 409, 422))
    async def script(self, request: Asked, data: JSONBody[Script], service: Services, key: Key = None) -> JobDetail:
        context = "\n\n".join(part for part in (data.prompt if data.topic else "", data.additional_context) if part)
        given = {
            "topic": (data.topic or data.prompt, "topic"),
            "notes": (data.notes_asset_id, "notes_asset_id"),
            "language": (data.language, "language"),
            "minutes": (data.duration, "duration"),
            "audience": (data.target_audience, "target_audience"),
            "style": (data.style, "style"),
            "context": (context, "additional_context"),
        }
        return await _made(request, service, "script_generation", data, given, key)

    @post(["/text-to-speech", "/tts"], summary="Speak a text", responses=documented(401, 403, 404, 409, 422))
    async def speech(
        self, request: Asked, data: JSONBody[TextToSpeech], service: Services, key: Key = None
    ) -> JobDetail:
        """A voice sample needs the consent of the person whose voice it is."""
        given = {"text": (data.text, "text"), "language": (data.language, "language")}
        if data.voice_asset_id is None:
            return await _made(request, service, "text_to_speech", data, given, key)
        return await _made(
            request, service, "voice_clone", data, {**given, "voice": (data.voice_asset_id, "voice_asset_id")}, key
        )

    @post("/video", summary="Let a portrait speak", responses=documented(401, 403, 404, 409, 422))
    async def video(self, request: Asked, data: JSONBody[Video], service: Services, key: Key = None) -> JobDetail:
        """With a setting that SadTalker alone has, SadTalker makes it; else whichever provider is chosen."""
        given = {
            "portrait": (data.portrait_asset_id, "portrait_asset_id"),
            "audio": (data.audio_asset_id, "audio_asset_id"),
            "fps": (data.fps, "fps"),
        }
        own = {name: (getattr(data, name), name) for name in _OF_SADTALKER}
        has_own = any(value is not None for value, _ in own.values())
        chosen = data.providers.get("video", "sadtalker").removeprefix("video.")
        if has_own and chosen != "sadtalker":
            message = f"'{chosen}' does not have these settings; leave them out, or leave it to sadtalker"
            raise invalid([FieldError(pointer="/providers/video", message=message)])
        pipeline = "sadtalker_video" if has_own else "video_generation"
        return await _made(request, service, pipeline, data, given | own, key)


async def _made(
    request: Asked, service: Service, pipeline: str, data: _Job, given: dict[str, tuple[Any, str]], key: str | None
) -> JobDetail:
    """The job. What is wrong with an input is told by the field of the request that it came from."""
    wanted = NewJob(
        pipeline=pipeline,
        inputs={
            name: str(value) if isinstance(value, UUID) else value
            for name, (value, _) in given.items()
            if value is not None
        },
        providers=data.providers,
        priority=data.priority,
        title=data.title,
        description=data.description,
    )
    owner = request.user.user_id
    try:
        ready = await service.jobs.check(owner, wanted)
    except ApiError as error:
        if error.code != "invalid":
            raise
        fields = {f"/inputs/{name}": f"/{field}" for name, (_, field) in given.items()}
        raise invalid([_moved(each, fields) for each in error.errors]) from None
    (job,) = await service.jobs.make(owner, [ready], key=key or None)
    return await views.detail(service, owner, job)


def _moved(error: FieldError, fields: dict[str, str]) -> FieldError:
    return msgspec.structs.replace(error, pointer=fields.get(error.pointer, error.pointer))
