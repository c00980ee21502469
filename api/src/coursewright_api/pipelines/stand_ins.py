"""Results as large as the real ones will be, for estimates: no file stands behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from coursewright.capabilities import compose, document, export, llm, slides, tts, video
from coursewright.capabilities.artifacts import Artifact
from coursewright.catalog import AnyProvider
from coursewright.kit.writing.pace import pace_of
from coursewright.run.progress import EXPECTED_ITEMS

_WORD, _CHARACTER = "words ", "\N{CJK UNIFIED IDEOGRAPH-5B57}"
_MOST_CHARACTERS = 200_000
_MOST_NARRATION = 20_000


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What is supposed where nothing is known."""

    document_characters: int
    text_characters: int
    script_s: float
    recording_s: float


_SMALL = World(document_characters=2_000, text_characters=300, script_s=120.0, recording_s=10.0)
_LARGE = World(document_characters=40_000, text_characters=6_000, script_s=1_800.0, recording_s=600.0)


def worlds() -> tuple[World, World]:
    """A small one and a large one."""
    return _SMALL, _LARGE


def result_of(request: Any, provider: AnyProvider, world: World) -> msgspec.Struct:
    """What may come of a request."""
    makers: dict[type, Callable[[Any, AnyProvider, World], msgspec.Struct]] = {
        document.DocumentRequest: _document,
        llm.LlmRequest: _written,
        tts.SpeechRequest: _speech,
        video.ClipRequest: _clip,
        slides.SlideRequest: _slide,
        compose.FilmRequest: _film,
        export.ExportRequest: _package,
    }
    return makers[type(request)](request, provider, world)


def _file(media_type: str) -> Artifact:
    return Artifact(digest="0" * 64, media_type=media_type, size_bytes=0, name="file")


def _document(request: document.DocumentRequest, _: AnyProvider, world: World) -> msgspec.Struct:
    plain = request.file.media_type.startswith("text/")
    length = min(request.file.size_bytes, _MOST_CHARACTERS) if plain else world.document_characters
    text = (_WORD * (length // len(_WORD) + 1))[:length]
    return document.DocumentText(markdown=text, title="Title", words=length // len(_WORD))


def _written(request: llm.LlmRequest, provider: AnyProvider, world: World) -> msgspec.Struct:
    match request.returns:
        case "script" | "translation":
            return _script(request, provider, world)
        case "scene":
            return llm.Scene(id="scene", title="Scene", narration=_WORD * (world.text_characters // len(_WORD)))
        case "quiz":
            answers = [llm.Answer(text="Yes", correct=True), llm.Answer(text="No")]
            return llm.Quiz(questions=[llm.Question(scene="s1", question="Is it?", answers=answers)])
        case "title":
            return llm.LlmText(text="Title")
    return llm.LlmText(text=_WORD * (world.text_characters // len(_WORD)))


def _script(request: llm.LlmRequest, provider: AnyProvider, world: World) -> msgspec.Struct:
    minutes, language = request.data.get("minutes"), request.data.get("language")
    told = isinstance(minutes, int | float) and 0 < minutes <= 600
    length_s = 60.0 * float(minutes or 0) if told else world.script_s
    language = language if isinstance(language, str) and language else "en"
    pace = pace_of(language, provider.host.speech_pace(language))
    source, notes = request.data.get("script"), request.data.get("notes")
    if request.returns == "translation" and isinstance(source, dict) and source.get("duration_s"):
        length_s = float(source["duration_s"])
    elif not told and isinstance(notes, str) and notes.strip():
        length_s = max(1.0, pace.seconds(notes))  # all of them are used
    each_s = length_s / EXPECTED_ITEMS
    text = ((_CHARACTER if pace.unspaced else _WORD) * max(1, pace.amount(each_s)))[:_MOST_NARRATION]
    scenes = [
        llm.Scene(id=f"s{number}", title=f"Scene {number}", bullets=["A point"] * 3, narration=text, duration_s=each_s)
        for number in range(1, EXPECTED_ITEMS + 1)
    ]
    return llm.Script(title="Title", language=language, scenes=scenes, duration_s=length_s)


def _speech(request: tts.SpeechRequest, provider: AnyProvider, _: World) -> msgspec.Struct:
    pace = pace_of(request.language, provider.host.speech_pace(request.language))
    length_s = max(0.1, pace.seconds(request.text))
    return tts.Speech(audio=_file("audio/wav"), duration_s=length_s, text=request.text, language=request.language)


def _clip(request: video.ClipRequest, _: AnyProvider, world: World) -> msgspec.Struct:
    spoken_s = request.speech.duration_s if request.speech else world.recording_s
    return video.Clip(
        video=_file("video/mp4"),
        duration_s=request.lead_s + spoken_s + request.tail_s,
        width_px=request.width_px,
        height_px=request.height_px,
        fps=request.fps,
        lead_s=request.lead_s,
    )


def _slide(request: slides.SlideRequest, _: AnyProvider, __: World) -> msgspec.Struct:
    return slides.Slide(image=_file("image/png"), width_px=request.width_px, height_px=request.height_px)


def _film(request: compose.FilmRequest, _: AnyProvider, __: World) -> msgspec.Struct:
    start_s, scenes = 0.0, []
    for scene, speech in zip(request.script.scenes, request.speech, strict=False):
        end_s = start_s + speech.duration_s
        scenes.append(compose.FilmScene(id=scene.id, title=scene.title, start_s=start_s, end_s=end_s))
        start_s = end_s
    return compose.Film(
        title=request.script.title,
        language=request.script.language,
        duration_s=max(0.1, start_s),
        video=_file("video/mp4") if request.slides else None,
        audio=_file("audio/mp4"),
        captions=_file("text/vtt"),
        chapters=_file("text/vtt"),
        transcript=_file("text/markdown"),
        thumbnail=_file("image/jpeg"),
        scenes=scenes,
    )


def _package(_: export.ExportRequest, __: AnyProvider, ___: World) -> msgspec.Struct:
    return export.Package(file=_file("application/zip"), sidecars=[_file("text/vtt")])
