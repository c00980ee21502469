"""A long text through a service that takes short ones: split, asked for part by part, examined, joined."""

from __future__ import annotations

import queue
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.tts import Speech, SpeechRequest
from coursewright.errors import BadInput
from coursewright.kit.speech.parts import Part, split
from coursewright.kit.speech.sounds import sounds_in
from coursewright.providers import Context

Say = Callable[[str, Path], Path]

_POLL_S = 0.1
_FORM = 1
"""Of a memoised part: raise it when `joining.take` writes other bytes for the same answer."""


def narrate(
    request: SpeechRequest, context: Context, say: Say, *, limit: int, key: Any, parts_at_once: int = 1
) -> Speech:
    """Speak a text of any length with `say`, which turns at most `limit` characters into a sound file.

    `say(text, folder)` is called in threads, up to `parts_at_once` at a time; it writes any sound file that FFmpeg
    reads (WAV with unknown length, MP3, WebM/Opus, FLAC, AAC, Ogg) into `folder` and returns its path. Each part is
    kept under `key` (all that decides how it sounds: voice, model, options), so that a request that is tried again
    asks only for what is missing.

    The result is mono 16-bit WAV at the service's own rate up to 48 kHz, with the time of every word. Raises
    BadInput(field="text") when there is nothing to say, Busy when what came back is no sound, silent, cut off or
    too long for its text, and what `say` raises.
    """
    context.raise_if_cancelled()
    parts = split(request.text, limit)
    if not parts:
        raise BadInput(
            "the text has nothing in it that can be spoken", field="text", remedy="write at least one word or number"
        )
    sounds = _all_parts(parts, context, say, key, parts_at_once)
    return _joined(request, context, parts, sounds)


def _all_parts(parts: list[Part], context: Context, say: Say, key: Any, at_once: int) -> list[Artifact]:
    """Every part's sound, some at the same time. After a failure those under way are waited for, and kept."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, Artifact | BaseException]] = queue.SimpleQueue()
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                index = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((index, _part(parts[index], context, say, key)))
            except BaseException as error:  # raised again in the thread of the request
                stop.set()
                done.put((index, error))

    for index in range(len(parts)):
        waiting.put(index)
    found: dict[int, Artifact] = {}
    failed: dict[int, BaseException] = {}
    # Daemons: a service that does not let go must not keep the process.
    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(max(1, at_once), len(parts)))]
    for thread in threads:
        thread.start()
    try:
        while len(found) < len(parts):
            context.raise_if_cancelled()
            try:
                index, outcome = done.get(timeout=_POLL_S)
            except queue.Empty:
                if failed and not any(thread.is_alive() for thread in threads) and done.empty():
                    raise failed[min(failed)] from None
                continue
            if isinstance(outcome, BaseException):
                failed[index] = outcome
            else:
                found[index] = outcome
                context.progress(len(found), len(parts), f"part {len(found)} of {len(parts)}" if parts[1:] else "")
    finally:
        stop.set()
    return [found[index] for index in range(len(parts))]


def _part(part: Part, context: Context, say: Say, key: Any) -> Artifact:
    def make() -> Artifact:
        context.raise_if_cancelled()
        with tempfile.TemporaryDirectory(dir=context.scratch, prefix="part-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            answer = say(part.text, folder)
            from coursewright.kit.speech import joining

            context.in_process(joining.take, str(answer), str(folder / "taken.wav"), sounds_in(part.text))
            return context.store.put_file(folder / "taken.wav", name="part.wav", media_type="audio/wav")

    return context.memo(["speech part", _FORM, key, part.text], make)


def _joined(request: SpeechRequest, context: Context, parts: list[Part], sounds: list[Artifact]) -> Speech:
    from coursewright.kit.speech import joining

    wav = context.scratch / "narration.wav"
    paths = [str(context.store.fetch(sound)) for sound in sounds]
    joined = context.in_process(joining.join, paths, [part.pause_s for part in parts], str(wav))
    return Speech(
        audio=context.store.put_file(wav, name="speech.wav", media_type="audio/wav"),
        duration_s=joined.duration_s,
        text=request.text,
        language=request.language,
    )
