"""espeak-ng in a process of its own: a job as JSON on stdin, a WAV file and its events as JSON on stdout.

Run as a script, with nothing of ours imported: the engine has one global state, aborts when two threads
use it, and gives other lengths when it speaks the same words twice. So each job gets a fresh process.
Event types and parameter numbers are those of espeak-ng's `speak_lib.h`.
"""

from __future__ import annotations

import ctypes
import json
import sys
import wave
from typing import Any

_SYNCHRONOUS = 2
_PHONEME_EVENTS, _DONT_EXIT = 0x0001, 0x8000
_UTF8 = 1
_RATE, _VOLUME, _PITCH = 1, 2, 3
_END, _WORD, _PHONEME = 0, 1, 7
# Peaks reach 0.94 of full scale at the engine's own 100; 90 leaves 1.5 dB for what resamplers overshoot.
_SAFE_VOLUME = 90


class _EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Engine:
    """The loaded library. One per process."""

    def __init__(self, library: str, data: str) -> None:
        self._lib = ctypes.CDLL(library)
        self._lib.espeak_Synth.argtypes = [
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ]
        self.rate_hz: int = self._lib.espeak_Initialize(_SYNCHRONOUS, 0, data.encode(), _PHONEME_EVENTS | _DONT_EXIT)
        if self.rate_hz <= 0:
            raise RuntimeError(f"espeak-ng did not start with its data in {data}")
        self._callback = _Callback(self._collect)  # the library keeps the pointer, so we keep the object
        self._lib.espeak_SetSynthCallback(self._callback)
        self._pcm: list[bytes] = []
        self._words: list[tuple[int, int]] = []
        self._phonemes: list[tuple[str, int]] = []

    def choose(self, voice: str, *, rate_wpm: int, pitch: int) -> None:
        """Take a voice by its file name in espeak-ng's data, such as `gmw/en-US` or `gmw/en-US+f2`."""
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise RuntimeError(f"espeak-ng does not know the voice {voice}")
        for parameter, value in ((_RATE, rate_wpm), (_VOLUME, _SAFE_VOLUME), (_PITCH, pitch)):
            self._lib.espeak_SetParameter(parameter, value, 0)

    def speak(self, text: str) -> tuple[bytes, list[tuple[int, int]], list[tuple[str, int]]]:
        """16-bit PCM, words as (character from 0, sample), phonemes as (mnemonic, sample).

        Samples count from the start of this call.
        """
        self._pcm, self._words, self._phonemes = [], [], []
        data = text.encode() + b"\0"
        if self._lib.espeak_Synth(data, len(data), 0, 1, 0, _UTF8, None, None) != 0:
            raise RuntimeError("espeak-ng refused the text")
        self._lib.espeak_Synchronize()
        return b"".join(self._pcm), self._words, self._phonemes

    def _collect(self, pcm: Any, count: int, events: Any) -> int:
        if count > 0:
            self._pcm.append(ctypes.string_at(pcm, count * 2))
        index = 0
        while (event := events[index]).type != _END:
            if event.type == _WORD:
                self._words.append((event.text_position - 1, event.sample))
            elif event.type == _PHONEME:
                self._phonemes.append((event.id.string.decode("utf-8", "replace"), event.sample))
            index += 1
        return 0


EXIT_ERRNO = 100
"""The exit status of an OSError is its number and this, clear of the statuses that Python has for itself."""


def synthesise(job: dict[str, Any]) -> dict[str, Any]:
    """Speak `job["segments"]` one after the other into `job["wav"]`, each followed by its own silence."""
    engine = Engine(job["library"], job["data"])
    spoken = []
    with wave.open(job["wav"], "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(engine.rate_hz)
        start, voice = 0, None
        for segment in job["segments"]:
            if segment["voice"] != voice:
                voice = segment["voice"]
                engine.choose(voice, rate_wpm=job["rate_wpm"], pitch=job["pitch"])
            pcm, words, phonemes = engine.speak(segment["text"])
            silence = round(segment["pause_s"] * engine.rate_hz)
            wav.writeframesraw(pcm + bytes(2 * silence))
            end = start + len(pcm) // 2
            spoken.append({"start": start, "end": end, "words": words, "phonemes": phonemes})
            start = end + silence
    return {"rate_hz": engine.rate_hz, "samples": start, "segments": spoken}


if __name__ == "__main__":
    try:
        json.dump(synthesise(json.load(sys.stdin.buffer)), sys.stdout)
        sys.stdout.flush()
    except OSError as error:  # such as a full disk
        sys.exit(EXIT_ERRNO + (error.errno or 0))
