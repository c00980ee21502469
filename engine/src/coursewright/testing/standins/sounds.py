"""Audible sound in place of speech: a hum with a pulse for every syllable, as long as the text would take to say."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy

PACE = 15.0
"""Characters a second, spaces included: what a calm narrator says."""
_SYLLABLE_S = 0.16
_PAUSE_S = 0.3
_PITCH_HZ = 120.0
_STREAMED = 0xFFFFFFFF

_CODECS = {
    "mp3": ("mp3", "libmp3lame"),
    "opus": ("ogg", "libopus"),
    "webm": ("webm", "libopus"),
    "aac": ("adts", "aac"),
    "flac": ("flac", "flac"),
}


def hum(text: str, *, rate_hz: int = 24_000, pace: float = PACE) -> numpy.ndarray[Any, Any]:
    """Mono float32 samples in -1…1; words sound, the spaces between them and 0.3 s after each sentence do not."""
    import numpy as np

    parts = [np.zeros(int(0.05 * rate_hz), np.float32)]
    for number, word in enumerate(text.split()):
        loudness = 0.6 + 0.4 * (number * 7 % 17) / 16  # no two neighbours alike, as in speech
        parts.append(_word(len(word) / pace, rate_hz) * np.float32(loudness))
        pause_s = 1 / pace + (_PAUSE_S if word.rstrip("\"')»”")[-1:] in tuple(".!?…。") else 0.0)
        parts.append(np.zeros(int(pause_s * rate_hz), np.float32))
    return np.concatenate(parts)


def _word(duration_s: float, rate_hz: int) -> numpy.ndarray[Any, Any]:
    import numpy as np

    at_s = np.arange(max(1, int(duration_s * rate_hz))) / rate_hz
    syllables = max(1, round(duration_s / _SYLLABLE_S))
    pulse = np.sin(np.pi * syllables * at_s / max(duration_s, 1 / rate_hz)) ** 2
    tone = sum(np.sin(2 * np.pi * _PITCH_HZ * number * at_s) / number for number in (1, 2, 3, 5, 8))
    return (0.25 * (0.15 + 0.85 * pulse) * tone).astype(np.float32)


def pcm16(samples: numpy.ndarray[Any, Any]) -> bytes:
    """Headerless 16-bit little-endian."""
    import numpy as np

    data: bytes = (np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes()
    return data


def wav(samples: numpy.ndarray[Any, Any], rate_hz: int, *, true_lengths: bool = True) -> bytes:
    """Mono 16-bit WAV. Without `true_lengths` as a program writes it to a pipe: sizes of 0xFFFFFFFF, and a comment."""
    data = pcm16(samples)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate_hz, 2 * rate_hz, 2, 16)
    if true_lengths:
        return (
            struct.pack("<4sI4s", b"RIFF", 36 + len(data), b"WAVE")
            + form
            + struct.pack("<4sI", b"data", len(data))
            + data
        )
    comment = struct.pack("<4sI4s4sI14s", b"LIST", 26, b"INFO", b"ISFT", 14, b"Lavf61.7.100\0\0")
    head = struct.pack("<4sI4s", b"RIFF", _STREAMED, b"WAVE") + form + comment
    return head + struct.pack("<4sI", b"data", _STREAMED) + data


def encoded(samples: numpy.ndarray[Any, Any], rate_hz: int, form: str) -> bytes:
    """A file as a server streams it, without knowing its end: `mp3`, `opus` (Ogg), `webm` (Opus), `aac` or `flac`."""
    import av
    import numpy as np
    from av.audio.stream import AudioStream

    container_name, codec = _CODECS[form]
    pipe = _Pipe()
    with av.open(pipe, "w", format=container_name) as container:
        stream = container.add_stream(codec, rate=48_000 if codec == "libopus" else rate_hz)
        assert isinstance(stream, AudioStream)  # noqa: S101  # for the type checker: its codec says so
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm16(samples), "<i2").reshape(1, -1), "s16", "mono")
        frame.sample_rate = rate_hz
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return pipe.getvalue()


class _Pipe(io.BytesIO):
    """What cannot be wound back, as an HTTP answer cannot."""

    def seekable(self) -> bool:
        return False
