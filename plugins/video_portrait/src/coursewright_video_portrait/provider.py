"""`video.portrait`: the provider."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
from coursewright.capabilities.video import Clip, ClipRequest
from coursewright.providers import Context, Estimate, Health, Provider
from msgspec import Meta


class Landmarks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Points of the face in pixels of the upright picture, from its top left corner, as the viewer sees them."""

    left_eye: tuple[float, float]
    right_eye: tuple[float, float]
    mouth: tuple[float, float]


class PortraitOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the portrait is read."""

    landmarks: Annotated[
        Landmarks | None,
        Meta(description="Eyes and middle of the mouth, when the face in a photo is not found or not well."),
    ] = None


class PortraitVideo(Provider[ClipRequest, Clip]):
    """A photo or drawing that speaks: lips from phonemes or sound, blinks, a slight sway."""

    capability: ClassVar[str] = "video"
    name: ClassVar[str] = "portrait"
    summary: ClassVar[str] = "offline: a photo or drawing speaks, with lips from phonemes, blinks and a slight sway"
    version: ClassVar[str] = "1"
    Options: ClassVar[type[msgspec.Struct]] = PortraitOptions

    def check(self) -> Health:
        """Are the media libraries there, with what this provider needs of them?"""
        from importlib.util import find_spec

        missing = [name for name in ("av", "cv2", "numpy", "PIL", "typst") if find_spec(name) is None]
        if missing:
            return Health(
                state="unavailable",
                reason=f"{', '.join(missing)} cannot be imported",
                remedy="reinstall coursewright-video-portrait",
            )
        return Health()

    def estimate(self, request: ClipRequest) -> Estimate:
        """Time grows with the pixels; unknown for a recording whose length nobody has told."""
        if request.speech is None:
            return Estimate(money=0.0)
        seconds = request.lead_s + request.speech.duration_s + request.tail_s
        pixels = request.width_px * request.height_px * request.fps * seconds
        return Estimate(seconds=1 + pixels / _PIXELS_PER_S, money=0.0)

    def run(self, request: ClipRequest, context: Context) -> Clip:
        """Make the clip in a worker process. Raises BadInput naming the field at fault."""
        from coursewright.kit.clips import sound_of

        from coursewright_video_portrait.clip import Job, make_clip

        sound, field = sound_of(request)
        timings = request.speech.timings if request.speech else None
        job = Job(
            portrait=context.store.fetch(request.portrait) if request.portrait else None,
            portrait_digest=request.portrait.digest if request.portrait else "",
            landmarks=self.options.landmarks,
            sound=context.store.fetch(sound),
            sound_digest=sound.digest,
            sound_field=field,
            timings=context.store.fetch(timings) if timings else None,
            width_px=request.width_px,
            height_px=request.height_px,
            fps=request.fps,
            lead_s=request.lead_s,
            tail_s=request.tail_s,
            clip=context.scratch / "presenter.mp4",
            progress=context.scratch / "progress",
        )
        with _followed(job.progress, context):
            made = context.in_process(make_clip, job)
        context.progress(made.frames, made.frames, "frames")
        for notice in made.notices:
            context.notice(notice)
        return Clip(
            video=context.store.put_file(job.clip, name="presenter.mp4", media_type="video/mp4"),
            duration_s=made.frames / request.fps,
            width_px=request.width_px,
            height_px=request.height_px,
            fps=float(request.fps),
            lead_s=request.lead_s,
        )


_PIXELS_PER_S = 40e6
"""Measured on one core: 260 to 400 frames a second at 352 x 440."""


@contextlib.contextmanager
def _followed(progress: Path, context: Context) -> Iterator[None]:
    """Hand on the progress that the worker writes to a file, while the body waits for it."""
    ended = threading.Event()

    def follow() -> None:
        while not ended.wait(0.25):
            with contextlib.suppress(OSError, ValueError):  # not written yet, or just being written
                done, total = map(int, progress.read_text("ascii").split())
                context.progress(done, total, "frames")

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    try:
        yield
    finally:
        ended.set()
        follower.join()
