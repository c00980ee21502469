"""Join what was encoded: segments and sound become one MP4, packet by packet. Runs in worker processes."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import count, islice, repeat
from typing import Any

import av
import msgspec
from coursewright.errors import ProviderBug

from coursewright_compose_film.timeline import PACKET, SOUND_RATE_HZ

_OPTIONS = {"movflags": "+faststart", "fflags": "+bitexact"}
"""The index in front, so that a browser plays at once; nothing about the machine that wrote the file."""


class Segment(msgspec.Struct, frozen=True):
    """An encoded piece of the film, of which the first `frames` are shown."""

    path: str
    frames: int


class Passage(msgspec.Struct, frozen=True):
    """One encoded speech: its file, and the packet of the film's sound with which it begins."""

    path: str
    first_packet: int


class Sound(msgspec.Struct, frozen=True):
    """The film's sound: speeches in their order, silence between them, `samples` at 48 kHz in all."""

    silence: str
    passages: list[Passage]
    samples: int


class Labels(msgspec.Struct, frozen=True):
    """What a player shows: title, language (ISO 639-2, or empty) and (start, end, title) of each chapter."""

    title: str
    language: str
    chapters: list[tuple[float, float, str]]


def assemble(sound: Sound, segments: Sequence[Segment], fps: int, labels: Labels, out: str) -> None:
    """Write sound and segments as MP4 with chapters; without segments, the sound alone.

    Raises ProviderBug for segments of different encoders, which no player would show rightly.
    """
    with av.open(out, "w", format="mp4" if segments else "ipod", options=_OPTIONS) as container:
        container.metadata["title"] = labels.title
        container.set_chapters([_chapter(index, *chapter) for index, chapter in enumerate(labels.chapters)])
        tracks = [_pictures(container, segments, fps)] if segments else []
        tracks.append(_sounds(container, sound, labels.language))
        for _, packet in heapq.merge(*tracks, key=lambda timed: timed[0]):
            container.mux_one(packet)


def _chapter(index: int, start_s: float, end_s: float, title: str) -> Any:
    return {
        "id": index,
        "start": round(start_s * 1000),
        "end": round(end_s * 1000),
        "time_base": Fraction(1, 1000),
        "metadata": {"title": title},
    }


def _pictures(container: Any, segments: Sequence[Segment], fps: int) -> Iterator[tuple[Fraction, Any]]:
    with av.open(segments[0].path) as source:
        stream = _like(container, source.streams.video[0])
        settings = source.streams.video[0].codec_context.extradata
    return _joined(segments, stream, settings, fps)


def _joined(
    segments: Sequence[Segment], stream: Any, settings: bytes | None, fps: int
) -> Iterator[tuple[Fraction, Any]]:
    first = 0
    for segment in segments:
        with av.open(segment.path) as source:
            video = source.streams.video[0]
            if video.codec_context.extradata != settings:
                raise ProviderBug(
                    "two pieces of the film were encoded with different settings", remedy="run again without the cache"
                )
            ticks_per_frame = 1 / (fps * (video.time_base or Fraction(1)))
            yield from islice(_packets(source, video, stream, round(first * ticks_per_frame)), segment.frames)
        first += segment.frames


def _sounds(container: Any, sound: Sound, language: str) -> Iterator[tuple[Fraction, Any]]:
    with av.open(sound.silence) as source:
        stream = _like(container, source.streams.audio[0])
        silent = bytes(deque(source.demux(source.streams.audio[0]), 2)[0])
    if language:
        stream.metadata["language"] = language
    return _timed(_sound_packets(sound, silent), sound.samples, stream)


def _sound_packets(sound: Sound, silent: bytes) -> Iterator[bytes]:
    """The film's packets of sound, one more than are heard: the first only prepares the decoder."""
    position = 0
    for passage in sound.passages:
        yield from repeat(silent, passage.first_packet - position)
        position = passage.first_packet
        with av.open(passage.path) as source:
            for packet in source.demux(source.streams.audio[0]):
                if packet.dts is not None:
                    yield bytes(packet)
                    position += 1
    yield from repeat(silent, math.ceil(sound.samples / PACKET) + 1 - position)


def _timed(packets: Iterator[bytes], samples: int, stream: Any) -> Iterator[tuple[Fraction, Any]]:
    """An encoder's first packet lies before the beginning; the last lasts as long as there is sound."""
    for pts, data in zip(count(-PACKET, PACKET), packets, strict=False):
        packet = av.Packet(data)
        packet.stream, packet.time_base = stream, Fraction(1, SOUND_RATE_HZ)
        packet.pts = packet.dts = pts
        packet.duration = min(PACKET, samples - pts)
        packet.is_keyframe = True
        yield Fraction(pts, SOUND_RATE_HZ), packet


def _packets(source: Any, track: Any, stream: Any, offset: int) -> Iterator[tuple[Fraction, Any]]:
    for packet in source.demux(track):
        if packet.dts is not None:
            packet.pts += offset
            packet.dts += offset
            packet.stream = stream
            yield packet.dts * track.time_base, packet


def _like(container: Any, track: Any) -> Any:
    stream = container.add_stream_from_template(track)
    stream.time_base = track.time_base
    return stream
