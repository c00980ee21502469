"""Sound files as numbers and back. For worker processes only: imports av and numpy."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
"""Mono, full scale at ±1."""

LONGEST_S = 3600.0
_FORMATS = "wav,w64,mp3,flac,ogg,matroska,webm,mov,mp4,m4a,aac,aiff,au,caf"
"""What may come from a stranger: no playlists, which name other files and addresses to open."""
_ENDLESS = 0x7FFF0000
"""Sizes from here on are placeholders of a writer that could not seek back; 0 is another."""


class NotSound(Exception):
    """The bytes are no sound, or not all of it; `detail` has the decoder's words."""

    def __init__(self, message: str, detail: str = "", *, cut: bool = False) -> None:
        super().__init__(message, detail, cut)
        self.message, self.detail, self.cut = message, detail, cut


def decode(path: Path, rate_hz: int | None = None) -> tuple[Samples, int]:
    """The samples, and their rate: `rate_hz`, or the file's own up to 48 kHz. Stereo is mixed.

    Raises NotSound when nothing can be decoded, or when the file says itself that something is missing.
    """
    data_s: float | None = None
    try:
        with av.open(str(path), options={"format_whitelist": _FORMATS}) as container:
            if not container.streams.audio:
                raise NotSound("the file holds no sound")
            stream = container.streams.audio[0]
            rate = rate_hz or min(48_000, stream.codec_context.sample_rate)
            if container.format.name.startswith(("flac", "matroska", "mov")) and container.duration:
                data_s = container.duration / av.time_base
            samples = _read(container, rate)
    except (av.FFmpegError, UnicodeDecodeError, ValueError) as error:
        raise NotSound("the file cannot be decoded", str(error)) from None
    if not len(samples):
        raise NotSound("the file holds no sound")
    missing_s = max(_missing_from_wav(path), 0.0 if data_s is None else data_s - len(samples) / rate)
    if missing_s > 0.1 and missing_s > 0.02 * len(samples) / rate:
        raise NotSound(f"{missing_s:.1f} s are missing at the end of the file", cut=True)
    return samples, rate


def _read(container: av.container.InputContainer, rate_hz: int) -> Samples:
    resampler = av.AudioResampler("fltp", "mono", rate_hz)
    chunks: list[Samples] = []
    total = 0
    try:
        for frame in container.decode(container.streams.audio[0]):
            frame.pts = None  # gaps in a recorder's clock are no gaps in the sound
            for part in resampler.resample(frame):
                chunks.append(part.to_ndarray()[0])
                total += part.samples
            if total > LONGEST_S * rate_hz:
                raise NotSound(f"the sound is longer than {LONGEST_S / 60:.0f} minutes")
    except av.FFmpegError:
        if not chunks:  # what comes before a damaged end is judged by its length
            raise
    if chunks:
        chunks += [part.to_ndarray()[0] for part in resampler.resample(None)]
    return np.concatenate(chunks) if chunks else np.zeros(0, np.float32)


def _missing_from_wav(path: Path) -> float:
    """Seconds that a WAV header promises and the file does not have."""
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
            return 0.0
        byte_rate = 0
        while len(chunk := file.read(8)) == 8:
            name, size = chunk[:4], struct.unpack("<I", chunk[4:])[0]
            if name == b"data":
                left = path.stat().st_size - file.tell()
                return (size - left) / byte_rate if byte_rate and size < _ENDLESS else 0.0
            body = file.read(min(size, 64)) if name == b"fmt " else b""
            if len(body) >= 12:
                byte_rate = struct.unpack("<I", body[8:12])[0]
            file.seek(size - len(body) + size % 2, 1)
    return 0.0


def write(path: Path, samples: Samples, rate_hz: int) -> None:
    """A mono 16-bit WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(pcm(samples))


def pcm(samples: Samples) -> bytes:
    """16-bit little-endian; what is beyond full scale is cut."""
    return np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def read(path: Path) -> tuple[Samples, int]:
    """The samples and rate of a file that `write` wrote."""
    with wave.open(str(path), "rb") as file:
        frames = file.readframes(file.getnframes())
        return (np.frombuffer(frames, "<i2") / 32767).astype(np.float32), file.getframerate()


def resampled(samples: Samples, rate_hz: int, wanted_hz: int) -> Samples:
    """The same sound at another rate."""
    if rate_hz == wanted_hz:
        return samples
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples).reshape(1, -1), format="fltp", layout="mono")
    frame.sample_rate = rate_hz
    resampler = av.AudioResampler("fltp", "mono", wanted_hz)
    parts = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([part.to_ndarray()[0] for part in parts])


def levels_db(samples: Samples, rate_hz: int, hop_s: float = 0.01) -> npt.NDArray[np.float64]:
    """The level of every hop, in dB of full scale (a full-scale sine has -3)."""
    hop = max(1, round(hop_s * rate_hz))
    count = len(samples) // hop
    power = np.square(samples[: count * hop].astype(np.float64)).reshape(count, hop).mean(axis=1)
    return np.asarray(10 * np.log10(power + 1e-12), np.float64)


def speech_hops(levels: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which hops are loud enough to be part of speech, by the recording's own loudness and noise."""
    if not len(levels):
        return np.zeros(0, bool)
    loud, floor = np.percentile(levels, 95), np.percentile(levels, 5)
    return levels > max(loud - 42, min(floor + 9, loud - 18), -70)
