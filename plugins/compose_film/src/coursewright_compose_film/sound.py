"""The film's sound: each scene's speech at the same loudness, as AAC. Runs in worker processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
import msgspec
import numpy as np
from av.error import BlockingIOError as NothingYet
from av.error import EOFError as Ended
from av.error import FFmpegError
from av.filter import Graph

from coursewright_compose_film.loudness import SILENT_LUFS, Samples, hop_energies, integrated_lufs
from coursewright_compose_film.media import bad_media, open_media
from coursewright_compose_film.timeline import PACKET, SOUND_RATE_HZ

_BIT_RATE = 96_000
_MAX_GAIN_DB = 30.0
"""A quieter recording than -46 LUFS is mostly noise: louder would not make it speech."""
_CODER = {"aac_coder": "fast"}
"""For speech FFmpeg's quick search errs by -39 dB at 96 kb/s, its default by -25 dB and takes half as long again;
the default's errors also reach 2 dB above the signal's peaks."""
# alimiter works on samples: 0.82 (-1.7 dBFS) keeps what lies between them, and AAC's ripple, below -1 dBTP.
_LIMITER = "limit=0.82:attack=2:release=40:level=false:latency=true"
_MAKE_UP = 1.4
"""Of what is added, the limiter takes about a third again."""
_ROUNDS, _CLOSE_DB = 3, 0.2


class Measure(msgspec.Struct, frozen=True):
    """What the film needs to know of one speech: its true length, and what makes it as loud as wanted."""

    duration_s: float
    gain_db: float


def measure(path: str, what: str, wanted_lufs: float) -> bytes:
    """JSON of the speech's `Measure`. Raises BadInput for a file that holds no sound."""
    samples = 0

    def counted() -> Iterator[Samples]:
        nonlocal samples
        for chunk in speech_samples(path, what):
            samples += len(chunk)
            yield chunk

    lufs = integrated_lufs(hop_energies(counted()))
    if not samples:
        raise bad_media(what, "speech", "it holds no sound")
    gain_db = 0.0 if lufs <= SILENT_LUFS else _gain(path, what, lufs, wanted_lufs)
    return msgspec.json.encode(Measure(samples / SOUND_RATE_HZ, round(gain_db, 2)))


def _gain(path: str, what: str, lufs: float, wanted_lufs: float) -> float:
    """The limiter takes some loudness from voices with high peaks: try, listen, and give a little more."""
    gain_db = min(_MAX_GAIN_DB, wanted_lufs - lufs)
    for _ in range(_ROUNDS):
        amplified = (chunk * _factor(gain_db) for chunk in speech_samples(path, what))
        missing = wanted_lufs - integrated_lufs(hop_energies(frame.to_ndarray()[0] for frame in limited(amplified)))
        if missing < _CLOSE_DB or gain_db + missing > _MAX_GAIN_DB:
            break
        gain_db += _MAKE_UP * missing
    return gain_db


def speech_samples(path: str, what: str) -> Iterator[Samples]:
    """The sound as mono floats at 48 kHz, in chunks. Raises BadInput for what cannot be decoded."""
    with open_media(path, what, "speech") as container:
        if not container.streams.audio:
            raise bad_media(what, "speech", "it holds no sound")
        resampler = av.AudioResampler("fltp", "mono", SOUND_RATE_HZ)
        try:
            for frame in container.decode(container.streams.audio[0]):
                frame.pts = None
                for part in resampler.resample(frame):
                    yield part.to_ndarray()[0]
            for part in resampler.resample(None):
                yield part.to_ndarray()[0]
        except (FFmpegError, ValueError) as error:
            raise bad_media(what, "speech", "it is damaged", str(error)) from None


def encode_speech(path: str, what: str, gain_db: float, out: str) -> None:
    """Write the speech, louder by `gain_db`, as AAC in MP4: whole packets, silent where the speech fills none.

    Memory does not grow with the length. Raises BadInput for a speech that cannot be decoded.
    """
    _encode(limited(chunk * _factor(gain_db) for chunk in speech_samples(path, what)), out)


def encode_silence(out: str) -> None:
    """Write AAC in MP4 whose last packet holds nothing but silence."""
    _encode([_frame(np.zeros(PACKET, np.float32), 0)], out)


def _encode(frames: Iterable[Any], out: str) -> None:
    with av.open(out, "w", format="mp4") as container:
        stream: Any = container.add_stream("aac", rate=SOUND_RATE_HZ, layout="mono")
        stream.bit_rate, stream.options = _BIT_RATE, _CODER
        fifo = av.AudioFifo()
        for frame in frames:
            fifo.write(frame)
            container.mux(_packets(stream, fifo))
        fifo.write(_frame(np.zeros(PACKET, np.float32), fifo.samples_written))
        container.mux(_packets(stream, fifo))
        container.mux(stream.encode(None))


def _packets(stream: Any, fifo: av.AudioFifo) -> list[Any]:
    return [packet for part in fifo.read_many(PACKET) for packet in stream.encode(part)]


def limited(chunks: Iterable[Samples]) -> Iterator[Any]:
    """The samples as PyAV frames after FFmpeg's limiter; as many as came in, none of them late."""
    graph = Graph()
    filters = [
        graph.add_abuffer(
            sample_rate=SOUND_RATE_HZ, format="fltp", layout="mono", time_base=Fraction(1, SOUND_RATE_HZ)
        ),
        graph.add("alimiter", _LIMITER),
        graph.add("aformat", "sample_fmts=fltp:channel_layouts=mono"),
        graph.add("abuffersink"),
    ]
    for left, right in pairwise(filters):
        left.link_to(right)
    graph.configure()
    position = 0
    for chunk in chunks:
        graph.push(_frame(chunk, position))
        position += len(chunk)
        yield from _drained(graph)
    graph.push(None)
    yield from _drained(graph)


def _drained(graph: Graph) -> Iterator[Any]:
    while True:
        try:
            yield graph.pull()
        except (NothingYet, Ended):
            return


def _frame(samples: Samples, position: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples).reshape(1, -1), format="fltp", layout="mono")
    frame.sample_rate = SOUND_RATE_HZ
    frame.time_base = Fraction(1, SOUND_RATE_HZ)
    frame.pts = position
    return frame


def _factor(gain_db: float) -> np.float32:
    return np.float32(10 ** (gain_db / 20))
