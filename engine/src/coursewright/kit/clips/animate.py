"""From a request to its clip: the order of the work, in the provider's own threads. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.video import Clip, ClipRequest
from coursewright.errors import BadInput, Cancelled, TimedOut, Unsuited
from coursewright.kit.clips.jobs import Framing, JoinJob, Piece, Portrait, Shape
from coursewright.kit.clips.piece_context import PieceContext, Tally
from coursewright.providers import Context

Ask = Callable[[Path, Path, Context], Path]
"""Has a picture (PNG) and a piece of sound (16 kHz mono WAV) animated, by the service and with the context of this
one piece; returns the file that came. Raises the family of errors."""


class Animation(msgspec.Struct, frozen=True, kw_only=True):
    """How a service is to be used. `what` names it in sentences, such as "the KDTalker Space".

    `key` is what decides an answer beside picture and sound: the service, its endpoint and the parameters sent.
    `piece_s` bounds one piece, 3 s at least. `whole_picture`: the service is sent the portrait as it is, not the head.
    """

    what: str
    key: Any
    piece_s: float = 15.0
    pieces_at_once: int = 1
    whole_picture: bool = False
    framing: Framing = "face"
    sharpen: float = 0.0


def animate(request: ClipRequest, context: Context, animation: Animation, ask: Ask) -> Clip:
    """Make the whole clip, as long as the sound and with `lead_s` 0.

    Every answer is kept, so that a request which failed at one piece asks for that piece alone when it is repeated.
    Raises BadInput naming `portrait`, `speech` or `audio`, Unsuited where there is no photo, Busy for answers that
    are no such video, and what `ask` raises.
    """
    from coursewright.kit.clips.joining import join
    from coursewright.kit.clips.portrait import prepare_portrait
    from coursewright.kit.clips.sound import cut_sound

    context.raise_if_cancelled()
    recording, field = sound_of(request)
    if request.portrait is None:
        # No fault of the request: other providers have a presenter of their own.
        raise Unsuited(f"{animation.what} animates photos, and no portrait is given", remedy="give a photo of a person")
    folder = context.scratch / "clip"
    folder.mkdir()
    source = context.store.fetch(recording)
    portrait = context.in_process(
        prepare_portrait, context.store.fetch(request.portrait), folder, animation.whole_picture
    )
    sound = context.in_process(cut_sound, source, folder, field, animation.piece_s)
    answers = _all_animated(sound.pieces, portrait, context, animation, ask)
    context.answered()
    total_s = sum(piece.duration_s for piece in sound.pieces)
    context.progress(total_s, total_s, "putting the clip together")
    job = JoinJob(
        pieces=sound.pieces,
        answers=answers,
        portrait=portrait,
        sound=source,
        sound_field=field,
        duration_s=sound.duration_s,
        shape=Shape(request.width_px, request.height_px, request.fps, animation.framing, animation.sharpen),
        clip=folder / "presenter.mp4",
    )
    joined = context.in_process(join, job)
    for notice in joined.notices:
        context.notice(notice)
    return Clip(
        video=context.store.put_file(job.clip, name="presenter.mp4", media_type="video/mp4"),
        duration_s=joined.frames / request.fps,
        width_px=request.width_px,
        height_px=request.height_px,
        fps=float(request.fps),
    )


def sound_of(request: ClipRequest) -> tuple[Artifact, str]:
    """What is to be heard, and the field of the request that it came in. Raises BadInput for none or two."""
    if request.speech is not None and request.audio is not None:
        raise BadInput(
            "both speech and audio are given, and only one can be heard", field="audio", remedy="leave one of them out"
        )
    if request.speech is not None:
        return request.speech.audio, "speech"
    if request.audio is not None:
        return request.audio, "audio"
    raise BadInput(
        "there is nothing to say: neither speech nor audio is given",
        field="speech",
        remedy="give the speech of a tts step, or a recording as audio",
    )


def speech_seconds(request: ClipRequest) -> float | None:
    """What a request's time and price grow with; None for a recording, whose length nobody has told."""
    return request.speech.duration_s if request.speech is not None else None


def _all_animated(
    pieces: list[Piece], portrait: Portrait, context: Context, animation: Animation, ask: Ask
) -> list[Path]:
    """The answers in order. When one fails no other is begun; those under way end first and are kept."""
    tally = Tally(context, pieces)
    failed: list[BaseException] = []

    def animated(piece: Piece) -> Path | None:
        if failed:
            return None
        try:
            return _animated(piece, portrait, tally, animation, ask)
        except BaseException as error:
            failed.append(error)
            return None

    with ThreadPoolExecutor(animation.pieces_at_once, thread_name_prefix="piece") as threads:
        answers = list(threads.map(animated, pieces))
    if failed:
        raise _worst(failed)
    return [answer for answer in answers if answer is not None]


def _animated(piece: Piece, portrait: Portrait, tally: Tally, animation: Animation, ask: Ask) -> Path:
    from coursewright.kit.clips.answers import check_answer

    context = PieceContext(tally, piece)
    context.raise_if_cancelled()

    def make() -> Artifact:
        answer = ask(portrait.sent, piece.sound, context)
        context.in_process(check_answer, answer, piece.duration_s, animation.what)
        kept = context.store.put_file(answer, name="piece.mp4", media_type="video/mp4")
        answer.unlink(missing_ok=True)
        return kept

    kept = context.memo(("piece", animation.key, portrait.digest, piece.digest), make)
    tally.done(piece)
    return context.store.fetch(kept)


def _worst(failed: Iterable[BaseException]) -> BaseException:
    """The first failure, but a cancel or time-out that another thread met a moment later says more."""
    found = list(failed)
    return next((error for error in found if isinstance(error, Cancelled | TimedOut)), found[0])
