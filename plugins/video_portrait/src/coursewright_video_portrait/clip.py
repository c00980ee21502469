"""One clip from beginning to end, in a worker process."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from math import ceil
from pathlib import Path

import cv2
import msgspec
import numpy as np
from coursewright.capabilities.tts import Phoneme, Timings
from coursewright.errors import BadInput

from coursewright_video_portrait import loudness, visemes
from coursewright_video_portrait.encoder import AUDIO_RATE_HZ, ClipWriter
from coursewright_video_portrait.figures import figure_for
from coursewright_video_portrait.motion import Motion, nods
from coursewright_video_portrait.provider import Landmarks
from coursewright_video_portrait.sound import Samples, blocks
from coursewright_video_portrait.stage import Figure, Stage


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides the clip, and where it goes. Paths are local files."""

    portrait: Path | None
    portrait_digest: str
    landmarks: Landmarks | None
    sound: Path
    sound_digest: str
    sound_field: str
    timings: Path | None
    width_px: int
    height_px: int
    fps: int
    lead_s: float
    tail_s: float
    clip: Path
    progress: Path


class Made(msgspec.Struct, frozen=True):
    """What came out: frames, and what the author should know."""

    frames: int
    notices: list[str]


def make_clip(job: Job) -> Made:
    """Write `job.clip`. Raises BadInput naming the field of the request that is at fault."""
    cv2.setNumThreads(1)  # one worker per core already; more threads only get in each other's way
    figure, notices = _figure(job)
    length_s, heard = loudness.listen(blocks(job.sound, loudness.RATE_HZ, job.sound_field))
    if length_s <= 0:
        raise BadInput("the recording is empty", field=job.sound_field, remedy="give a recording with speech in it")
    frames = ceil(round((job.lead_s + length_s + job.tail_s) * job.fps, 6))
    _draw(job, figure, _track(job, length_s, heard, frames), frames)
    return Made(frames, list(notices))


_prepared: OrderedDict[tuple[str, Landmarks | None, int, int], tuple[Figure, tuple[str, ...]]] = OrderedDict()
"""A figure serves every scene of a course, so the latest ones are kept while the worker lives."""
_KEPT = 2


def _figure(job: Job) -> tuple[Figure, tuple[str, ...]]:
    key = (job.portrait_digest, job.landmarks, job.width_px, job.height_px)
    if key not in _prepared:
        _prepared[key] = figure_for(job.portrait, job.landmarks, job.width_px, job.height_px)
    _prepared.move_to_end(key)
    while len(_prepared) > _KEPT:
        _prepared.popitem(last=False)
    return _prepared[key]


def _track(job: Job, length_s: float, heard: loudness.Heard, frames: int) -> visemes.Track:
    if job.timings is not None:
        try:
            phonemes = msgspec.json.decode(job.timings.read_bytes(), type=Timings).phonemes
        except msgspec.DecodeError as error:
            raise BadInput(
                f"the timings of the speech are not as agreed: {error}",
                field="speech",
                remedy="take the speech from a tts step",
            ) from None
        if phonemes:
            shifted = [Phoneme(phoneme.symbol, phoneme.start_s + job.lead_s) for phoneme in phonemes]
            shifted.append(Phoneme("_", job.lead_s + length_s))
            return visemes.track(shifted, frames, job.fps)
    return loudness.track(heard, job.lead_s, frames, job.fps)


def _draw(job: Job, figure: Figure, track: visemes.Track, frames: int) -> None:
    seed = int(hashlib.sha256(f"{job.portrait_digest} {job.sound_digest}".encode()).hexdigest()[:16], 16)
    motion = Motion(frames / job.fps, seed)
    dips = nods(track[:, 0], job.fps)
    with ClipWriter(job.clip, job.width_px, job.height_px, job.fps, _sound(job)) as writer:
        stage = Stage(figure, writer.planes)
        for index in range(frames):
            at_s = index / job.fps
            opening, spread = track[index]
            stage.show(float(opening), float(spread), motion.lid(at_s), motion.sway(at_s), float(dips[index]))
            writer.write_frame()
            if index % job.fps == 0:
                job.progress.write_text(f"{index} {frames}", "ascii")


def _sound(job: Job) -> Iterator[Samples]:
    yield np.zeros(round(job.lead_s * AUDIO_RATE_HZ), np.int16)
    yield from blocks(job.sound, AUDIO_RATE_HZ, job.sound_field)
