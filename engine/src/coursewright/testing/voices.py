"""Sounds like speech, made without any voice: for tests of what handles speech. Needs `coursewright[media]`."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

SYLLABLE_S = 0.18
_FORMATS = {
    "wav": ("wav", "pcm_s16le"),
    "mp3": ("mp3", "libmp3lame"),
    "flac": ("flac", "flac"),
    "aac": ("adts", "aac"),
    "ogg": ("ogg", "libopus"),
    "webm": ("webm", "libopus"),
    "m4a": ("mp4", "aac"),
}


def babble(seconds: float, rate_hz: int = 24_000, *, level: float = 0.3, silence_s: float = 0.2) -> Samples:
    """Syllables of a hummed voice with changing vowels, rising and falling as speech does; silence at both ends."""
    count = round(seconds * rate_hz)
    time_s = np.arange(count) / rate_hz
    syllable = (time_s / SYLLABLE_S).astype(int)
    envelope = np.sin(np.pi * (time_s / SYLLABLE_S % 1)) ** 0.7
    pitch = 110 + 15 * np.sin(2 * np.pi * 0.4 * time_s)
    phase = 2 * np.pi * np.cumsum(pitch) / rate_hz
    sound = np.zeros(count)
    for harmonic in range(1, min(25, int(rate_hz / 2 / 130))):
        formant = 500 + 350 * np.sin(syllable * 2.3)
        weight = 1 / (1 + ((harmonic * pitch - formant) / 300) ** 2) + 0.3 / harmonic
        sound += weight * np.sin(harmonic * phase)
    sound = sound * envelope
    sound *= level / max(1e-9, float(np.abs(sound).max(initial=0.0)))
    quiet = np.zeros(round(silence_s * rate_hz))
    return np.concatenate([quiet, sound, quiet]).astype(np.float32)


def encoded(samples: Samples, path: Path, rate_hz: int = 24_000, *, channels: int = 1) -> Path:
    """Write the samples as what the suffix of `path` says: wav, mp3, flac, aac, ogg, webm (both Opus) or m4a."""
    container_format, codec = _FORMATS[path.suffix.removeprefix(".")]
    layout = "mono" if channels == 1 else "stereo"
    planes = np.ascontiguousarray(np.tile(samples, (channels, 1)).astype(np.float32))
    frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
    frame.sample_rate = rate_hz
    with av.open(str(path), "w", format=container_format) as container:
        stream: Any = container.add_stream(codec, rate=48_000 if codec == "libopus" else rate_hz, layout=layout)
        resampler = av.AudioResampler(stream.codec_context.format, layout, stream.codec_context.sample_rate)
        fifo = av.AudioFifo()
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            part.pts = None
            fifo.write(part)
        size = stream.codec_context.frame_size or 1024
        while (block := fifo.read(size, partial=True)) is not None:
            container.mux(stream.encode(block))
        container.mux(stream.encode(None))
    return path


def endless(wav: Path) -> Path:
    """The WAV file as a server streams it: both sizes are the placeholder 0xFFFFFFFF."""
    data = bytearray(wav.read_bytes())
    at = data.index(b"data")
    data[4:8] = data[at + 4 : at + 8] = struct.pack("<I", 0xFFFFFFFF)
    wav.write_bytes(data)
    return wav
