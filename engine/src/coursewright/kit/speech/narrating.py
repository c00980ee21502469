"""A long text through a service that takes short ones: split, asked for part by part, examined, timed, joined."""

from __future__ import annotations

import queue
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.tts import Speech, SpeechRequest, Timings
from coursewright.errors import BadInput
from coursewright.kit.speech.parts import Part, split
from coursewright.kit.speech.sounds import sounds_in
from coursewright.kit.speech.timing import shifted, whole
from coursewright.providers import Context

_POLL_S = 0.1
_LONGEST = 1500
"""Characters of a part, whatever a service takes: one and a half minutes are as much as is asked for again after a
fault, and aligning them takes 100 MB."""
_FORM = 1
"""Of a memoised part: raise it when other bytes are written for the same answer of a service."""


class Said(msgspec.Struct, frozen=True):
    """A sound file with the times of the words that it says: the whitespace tokens of the text, all of them."""

    path: Path
    timings: Timings


Say = Callable[[str, Path], Path | Said]


class _Told(msgspec.Struct, frozen=True):
    """One part: its sound, and when its words are said."""

    sound: Artifact
    timings: Timings


def narrate(
    request: SpeechRequest, context: Context, say: Say, *, limit: int, key: Any, parts_at_once: int = 1
) -> Speech:
    """Speak a text of any length with `say`, which turns at most `limit` characters into a sound file.

    `say(text, folder)` is called in threads, up to `parts_at_once` at a time; it writes any sound file that FFmpeg
    reads (WAV with unknown length, MP3, WebM/Opus, FLAC, AAC, Ogg) into `folder` and returns its path, or `Said`
    when the voice knows its words' times. Each part is kept under `key` (all that decides how it sounds: voice,
    model, options), so that a request that is tried again asks only for what is missing.

    The result is mono 16-bit WAV at the service's own rate up to 48 kHz, with the time of every word. Raises
    BadInput(field="text") when there is nothing to say, Busy when what came back is no sound, silent, cut off or
    too long for its text, and what `say` raises.
    """
    from coursewright.kit.speech import joining

    context.raise_if_cancelled()
    parts = split(request.text, min(limit, _LONGEST))
    if not parts:
        raise BadInput(
            "the text has nothing in it that can be spoken", field="text", remedy="write at least one word or number"
        )
    asked = _Asked(len(parts), context)

    def tell(part: Part) -> _Told:
        return _part(part, request.language, context, asked.once(say), key)

    told = _all_parts(parts, context, tell, parts_at_once)
    wav = context.scratch / "narration.wav"
    paths = [str(context.store.fetch(part.sound)) for part in told]
    joined = context.in_process(joining.join, paths, [part.pause_s for part in parts], str(wav))
    timings = whole(request.text, parts, [part.timings for part in told], joined.starts_s, joined.duration_s)
    return Speech(
        audio=context.store.put_file(wav, name="speech.wav", media_type="audio/wav"),
        duration_s=joined.duration_s,
        text=request.text,
        language=request.language,
        timings=context.store.put_bytes(
            msgspec.json.encode(timings), name="timings.json", media_type="application/json"
        ),
    )


class _Asked:
    """Counts the parts that the service has still to be asked for."""

    def __init__(self, parts: int, context: Context) -> None:
        self._left = parts
        self._context = context
        self._lock = threading.Lock()

    def once(self, say: Say) -> Say:
        """`say`, that lets others ask as soon as the last part has come back: the rest is work of this machine."""

        def counted(text: str, folder: Path) -> Path | Said:
            answer = say(text, folder)
            with self._lock:
                self._left -= 1
                last = self._left == 0
            if last:
                self._context.answered()
            return answer

        return counted


def _all_parts(parts: list[Part], context: Context, tell: Callable[[Part], _Told], at_once: int) -> list[_Told]:
    """Every part, some at the same time. After a failure those under way are waited for, and kept."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, _Told | BaseException]] = queue.SimpleQueue()
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                index = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((index, tell(parts[index])))
            except BaseException as error:  # raised again in the thread of the request
                stop.set()
                done.put((index, error))

    for index in range(len(parts)):
        waiting.put(index)
    found: dict[int, _Told] = {}
    failed: dict[int, BaseException] = {}
    # Daemons: a service that does not let go must not keep the process.
    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(max(1, at_once), len(parts)))]
    for thread in threads:
        thread.start()
    try:
        while len(found) < len(parts):
            context.raise_if_cancelled()
            over = failed and not any(thread.is_alive() for thread in threads)
            try:
                index, outcome = done.get(timeout=0 if over else _POLL_S)
            except queue.Empty:
                if over:
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


def _part(part: Part, language: str, context: Context, say: Say, key: Any) -> _Told:
    from coursewright.kit.speech import aligning, joining
    from coursewright.kit.speech.reading import read_aloud

    told: list[Timings] = []

    def sound() -> Artifact:
        context.raise_if_cancelled()
        answer = say(part.text, folder)
        said = answer if isinstance(answer, Said) else Said(answer, Timings())
        out = folder / "trimmed.wav"
        trimmed = context.in_process(joining.take, str(said.path), str(out), sounds_in(part.text))
        timings = aligned(out)  # also tells whether all of the text is there
        if [word.text for word in said.timings.words] == part.text.split():
            own = shifted(said.timings, -trimmed.start_s, trimmed.duration_s)
            timings = Timings(words=own.words, phonemes=own.phonemes or timings.phonemes)
        told.append(timings)
        return context.store.put_file(out, name="part.wav", media_type="audio/wav")

    def aligned(wav: Path) -> Timings:
        (folder / "reading").mkdir()
        reading = read_aloud(part.text, language, context, folder / "reading")
        return context.in_process(aligning.align, str(wav), part.text, reading)

    def times() -> Artifact:
        timings = told[0] if told else aligned(context.store.fetch(taken))
        return context.store.put_bytes(msgspec.json.encode(timings), name="part.json", media_type="application/json")

    identity = [_FORM, key, part.text]
    with tempfile.TemporaryDirectory(dir=context.scratch, prefix="part-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        taken = context.memo(["speech part", *identity], sound)
        timed = context.memo(["speech part times", *identity, taken.digest], times)
    return _Told(taken, msgspec.json.decode(context.store.fetch(timed).read_bytes(), type=Timings))
