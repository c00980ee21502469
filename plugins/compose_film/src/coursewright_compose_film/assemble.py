"""Join what was encoded: segments and sound become one MP4, packet by packet. Runs in worker processes."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from typing import Any

import av
import msgspec
from coursewright.errors import ProviderBug

_OPTIONS = {"movflags": "+faststart", "fflags": "+bitexact"}
"""The index in front, so that a browser plays at once; nothing about the machine that wrote the file."""


class Segment(msgspec.Struct, frozen=True):
    """An encoded piece of the film, of which the first `frames` are shown."""

    path: str
    frames: int


class Labels(msgspec.Struct, frozen=True):
    """What a player shows: title, language (ISO 639-2, or empty) and (start, end, title) of each chapter."""

    title: str
    language: str
    chapters: list[tuple[float, float, str]]


def assemble(sound: str, segments: Sequence[Segment], fps: int, labels: Labels, out: str) -> None:
    """Write sound and segments as MP4 with chapters; without segments, the sound alone.

    Raises ProviderBug for segments of different encoders, which no player would show rightly.
    """
    with av.open(out, "w", format="mp4" if segments else "ipod", options=_OPTIONS) as container:
        container.metadata["title"] = labels.title
        container.set_chapters([_chapter(index, *chapter) for index, chapter in enumerate(labels.chapters)])
        with av.open(sound) as source:
            tracks = []
            if segments:
                tracks.append(_pictures(container, segments, fps))
            stream = _like(container, source.streams.audio[0])
            if labels.language:
                stream.metadata["language"] = labels.language
            tracks.append(_packets(source, source.streams.audio[0], stream, 0))
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
