"""The making of one film: who does what, and in which order."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.compose import Film, FilmRequest
from coursewright.capabilities.tts import Speech, Timings, Word
from coursewright.errors import BadInput
from coursewright.providers import Context

from coursewright_compose_film import sidecars
from coursewright_compose_film.assemble import Labels, Passage, Segment, Sound, assemble
from coursewright_compose_film.captions import Cue, cues, words_in_time
from coursewright_compose_film.languages import iso639_2
from coursewright_compose_film.picture import ClipJob, Coding, Counter, SlideJob, encode_segment, thumbnail
from coursewright_compose_film.shots import Shot, frame_rate, shots
from coursewright_compose_film.sound import Measure, encode_silence, encode_speech, measure
from coursewright_compose_film.timeline import SOUND_RATE_HZ, TAIL_S, Take, timeline

_CODINGS = {"draft": ("superfast", 28), "standard": ("veryfast", 23), "high": ("faster", 19)}
_B_FRAMES = 3
"""x264's own default."""
_POLL_S = 0.25
_NOTABLE_S = 1.0
"""A clip that ends so much before its speech is worth telling the author."""


class Production:
    """One film. Media are opened in worker processes only; here we wait, count and write text."""

    def __init__(self, request: FilmRequest, options: Any, context: Context) -> None:
        self._request = request
        self._context = context
        self._lufs: float = options.loudness_lufs
        preset, crf = _CODINGS[options.quality]
        self._coding = Coding(preset, crf, frame_rate(request.presenter), _B_FRAMES if request.presenter else 0)
        # Another encoder may write other stream headers: its segments could not be joined with these.
        self._encoder = importlib.metadata.version("av")

    def film(self) -> Film:
        """Everything that belongs to the film, in the store."""
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            try:
                return self._make(pool)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _make(self, pool: ThreadPoolExecutor) -> Film:
        request = self._request
        measures = list(pool.map(self._measure, request.script.scenes, request.speech))
        takes = timeline(
            request.script.scenes,
            [measured.duration_s for measured in measures],
            [clip.lead_s for clip in request.presenter],
            self._coding.fps,
        )
        self._note_short_clips(takes, measures)
        order = shots(request, takes, self._coding.keyframe_every) if request.slides else []
        distinct = list(dict.fromkeys(shot for shot, _ in order))
        counted = self._counters(len(distinct))
        spoken = [
            pool.submit(self._spoken, take.scene, speech, measured)
            for take, speech, measured in zip(takes, request.speech, measures, strict=True)
        ]
        made = [pool.submit(self._segment, shot, Counter(str(counted), slot)) for slot, shot in enumerate(distinct)]
        self._follow([*spoken, *made], counted, sum(shot.frames for shot in distinct))
        encoded = {shot: self._path(future.result()) for shot, future in zip(distinct, made, strict=True)}
        segments = [Segment(encoded[shot], frames) for shot, frames in order]
        return self._result(takes, self._sound(takes, [future.result() for future in spoken]), segments)

    def _result(self, takes: Sequence[Take], sound: Sound, segments: Sequence[Segment]) -> Film:
        script, slides = self._request.script, self._request.slides
        scenes = [take.film_scene() for take in takes]
        spoken = [
            cue for take, speech in zip(takes, self._request.speech, strict=True) for cue in self._cues(take, speech)
        ]
        return Film(
            title=script.title,
            language=script.language,
            duration_s=takes[-1].end_s,
            video=self._joined(takes, sound, segments, "film.mp4", "video/mp4") if segments else None,
            audio=self._joined(takes, sound, [], "film.m4a", "audio/mp4"),
            captions=self._text(sidecars.captions_vtt(spoken), "captions.vtt", "text/vtt"),
            chapters=self._text(sidecars.chapters_vtt(scenes), "chapters.vtt", "text/vtt"),
            transcript=self._text(sidecars.transcript_markdown(script), "transcript.md", "text/markdown"),
            thumbnail=self._thumbnail(takes[0], segments[0]) if segments else None,
            width_px=slides[0].width_px if slides else 0,
            height_px=slides[0].height_px if slides else 0,
            scenes=scenes,
        )

    def _measure(self, scene: Any, speech: Speech) -> Measure:
        def make() -> Artifact:
            data = self._context.in_process(
                measure, self._path(speech.audio), f"the speech of scene {scene.id!r}", self._lufs
            )
            return self._context.store.put_bytes(data, name="measure.json", media_type="application/json")

        kept = self._context.memo(["measure", self._encoder, speech.audio.digest, self._lufs], make)
        with self._context.store.open(kept) as file:
            return msgspec.json.decode(file.read(), type=Measure)

    def _spoken(self, scene: Any, speech: Speech, measured: Measure) -> Artifact:
        def make(out: Path) -> None:
            what = f"the speech of scene {scene.id!r}"
            self._context.in_process(encode_speech, self._path(speech.audio), what, measured.gain_db, str(out))

        parts = ["speech", self._encoder, speech.audio.digest, measured.gain_db]
        return self._memo_file(parts, f"speech-{scene.id}.m4a", "audio/mp4", make)

    def _sound(self, takes: Sequence[Take], spoken: Sequence[Artifact]) -> Sound:
        def make(out: Path) -> None:
            self._context.in_process(encode_silence, str(out))

        silence = self._memo_file(["silence", self._encoder], "silence.m4a", "audio/mp4", make)
        passages = [
            Passage(self._path(artifact), take.first_packet) for take, artifact in zip(takes, spoken, strict=True)
        ]
        return Sound(self._path(silence), passages, round(takes[-1].end_s * SOUND_RATE_HZ))

    def _segment(self, shot: Shot, counter: Counter) -> Artifact:
        slide, clip = shot.slide, shot.clip

        def make(out: Path) -> None:
            ground = SlideJob(
                self._path(slide.image),
                f"the slide of scene {shot.scene_id!r}",
                slide.width_px,
                slide.height_px,
                shot.frames,
            )
            presenter = None
            if clip and shot.box:
                what = f"the presenter's clip of scene {shot.scene_id!r}"
                presenter = ClipJob(self._path(clip.video), what, shot.box, shot.delay, shot.first)
            self._context.in_process(encode_segment, ground, presenter, self._coding, str(out), counter)

        parts = [
            "segment",
            self._encoder,
            slide.image.digest,
            slide.width_px,
            slide.height_px,
            shot.frames,
            self._coding,
        ]
        if clip:
            parts += [clip.video.digest, shot.box, shot.delay, shot.first]
        segment = self._memo_file(parts, f"segment-{counter.slot}.mp4", "video/mp4", make)
        np.memmap(counter.path, np.int64, "r+")[counter.slot] = shot.frames
        return segment

    def _memo_file(self, parts: list[Any], name: str, media_type: str, make: Callable[[Path], None]) -> Artifact:
        def stored() -> Artifact:
            out = self._context.scratch / name
            make(out)
            artifact = self._context.store.put_file(out, name=name, media_type=media_type)
            out.unlink()
            return artifact

        return self._context.memo(parts, stored)

    def _counters(self, slots: int) -> Path:
        path = self._context.scratch / "frames"
        np.zeros(max(1, slots), np.int64).tofile(path)
        return path

    def _follow(self, futures: Sequence[Future[Artifact]], counters: Path, total: int) -> None:
        """Wait for all, telling how many frames are encoded; raises what the first to fail raised."""
        frames = np.memmap(counters, np.int64, "r")
        pending = set(futures)
        while pending:
            done, pending = wait(pending, _POLL_S, FIRST_EXCEPTION)
            for future in done:
                future.result()
            if total:
                self._context.progress(float(frames.sum()), total, "frames")
            self._context.raise_if_cancelled()

    def _joined(
        self, takes: Sequence[Take], sound: Sound, segments: Sequence[Segment], name: str, media_type: str
    ) -> Artifact:
        script = self._request.script
        chapters = [(take.start_s, take.end_s, take.scene.title) for take in takes]
        labels = Labels(script.title, iso639_2(script.language), chapters)
        out = self._context.scratch / name
        self._context.in_process(assemble, sound, segments, self._coding.fps, labels, str(out))
        artifact = self._context.store.put_file(out, name=name, media_type=media_type)
        out.unlink()
        return artifact

    def _thumbnail(self, take: Take, segment: Segment) -> Artifact:
        """A second into the first scene: the presenter has begun to speak."""
        out = self._context.scratch / "thumbnail.jpg"
        at = min(segment.frames - 1, take.clip_delay + self._coding.fps)
        self._context.in_process(thumbnail, segment.path, at, str(out))
        return self._context.store.put_file(out, name="thumbnail.jpg", media_type="image/jpeg")

    def _cues(self, take: Take, speech: Speech) -> list[Cue]:
        known = self._timed_words(take, speech)
        words = words_in_time(take.scene.narration, known, take.end_s - take.speech_s - TAIL_S)
        return cues(
            [Word(word.text, take.speech_s + word.start_s, take.speech_s + word.end_s) for word in words], take.end_s
        )

    def _timed_words(self, take: Take, speech: Speech) -> list[Word]:
        if speech.timings is None:
            return []
        try:
            with self._context.store.open(speech.timings) as file:
                return msgspec.json.decode(file.read(), type=Timings).words
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadInput(
                f"the word timings of scene {take.scene.id!r} cannot be read",
                field="speech",
                remedy="make the speech again",
                detail=str(error),
            ) from None

    def _note_short_clips(self, takes: Sequence[Take], measures: Sequence[Measure]) -> None:
        for take, measured, clip in zip(takes, measures, self._request.presenter, strict=False):
            missing_s = clip.lead_s + measured.duration_s - clip.duration_s
            if missing_s > _NOTABLE_S:
                self._context.notice(
                    f"the presenter's clip of scene {take.scene.id!r} ends {missing_s:.1f} s before the speech; "
                    "its last picture is held"
                )

    def _text(self, text: str, name: str, media_type: str) -> Artifact:
        return self._context.store.put_bytes(text.encode(), name=name, media_type=media_type)

    def _path(self, artifact: Artifact) -> str:
        return str(self._context.store.fetch(artifact))
