"""The parent's side of the worker: start it, wait, kill it when the request is cancelled or out of time."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import msgspec
from coursewright.errors import ProviderBug

from coursewright_tts_espeak import worker
from coursewright_tts_espeak.timings import SpokenSegment

_POLL_S = 0.05


class Line(msgspec.Struct, frozen=True):
    """What a voice (the file name of one) says, and the silence after it."""

    voice: str
    text: str
    pause_s: float


class Spoken(msgspec.Struct, frozen=True):
    """What the worker answers: the WAV's rate and length, and the events of each line."""

    rate_hz: int
    samples: int
    segments: list[SpokenSegment]


def data_folder() -> Path:
    """The engine's data. Raises ImportError or RuntimeError when the library is not installed whole."""
    import espeakng_loader

    return Path(espeakng_loader.get_data_path())


def speak(
    lines: Sequence[Line], wav: Path, *, rate_wpm: int, pitch: int, scratch: Path, check: Callable[[], None]
) -> Spoken:
    """Speak into `wav`. `check` is called twenty times a second, and stops the worker by raising.

    Raises OSError when the worker could not write, and ProviderBug with the engine's own words when it failed.
    """
    import espeakng_loader

    data = data_folder()
    job = {
        "library": espeakng_loader.get_library_path(),
        "data": data.name,
        "wav": str(wav.absolute()),
        "rate_wpm": rate_wpm,
        "pitch": pitch,
        "segments": lines,
    }
    with (scratch / "spoken.json").open("w+b") as answer, (scratch / "espeak.log").open("w+b") as log:
        # From beside its data, named relatively: the engine refuses paths past 160 bytes.
        _run(msgspec.json.encode(job), answer, log, data.parent, check)
        answer.seek(0)
        return msgspec.json.decode(answer.read(), type=Spoken)


def _run(job: bytes, answer: IO[bytes], log: IO[bytes], folder: Path, check: Callable[[], None]) -> None:
    # -I and -S: the worker needs the standard library only, and starts in 20 ms without our imports.
    command = [sys.executable, "-I", "-S", str(Path(worker.__file__).absolute())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=answer, stderr=log, cwd=folder) as process:
        try:
            if process.stdin is not None:
                with contextlib.suppress(BrokenPipeError):  # it died at once: its exit status says so below
                    process.stdin.write(job)
                    process.stdin.close()
            while True:
                check()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_POLL_S)
                    break
        finally:
            process.kill()
    if process.returncode > worker.EXIT_ERRNO:
        number = process.returncode - worker.EXIT_ERRNO
        raise OSError(number, os.strerror(number))
    if process.returncode != 0:
        log.seek(0)
        words = log.read().decode("utf-8", "replace").strip().splitlines()
        raise ProviderBug(
            "espeak-ng ended without speaking",
            remedy="shorten or simplify the text, or use another tts provider",
            detail=f"exit status {process.returncode}" + (f": {words[-1]}" if words else ""),
        )
