"""What a film costs: `python bench/film.py [--moviepy PYTHON]`.

Prints ratios, which hold from machine to machine, and CPU seconds, which do not:

- composing and encoding a segment against the bare encoder on the same pictures with the same settings;
- CPU seconds per minute of a whole film, with and without a presenter;
- the same film with moviepy, when PYTHON is an interpreter of an environment of its own that has it
  (`uv venv moviepy && uv pip install -p moviepy moviepy`);
- peak memory of films of one and of ten minutes.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from coursewright.capabilities.compose import Film, FilmRequest
from coursewright.capabilities.llm import Scene, Script
from coursewright.capabilities.slides import SlideRequest
from coursewright.capabilities.tts import SpeechRequest
from coursewright.capabilities.video import ClipRequest
from coursewright.testing import Bench, bench
from coursewright_compose_film import picture
from coursewright_compose_film.picture import ClipJob, Coding, Counter, SlideJob, encode_segment
from coursewright_compose_film.provider import FilmComposer
from coursewright_slides_typst.provider import TypstSlides
from coursewright_tts_espeak.provider import EspeakVoice
from coursewright_video_portrait.provider import PortraitVideo

SCENES_PER_MINUTE = 4
NARRATION = (
    "Water comes up from the roots, and carbon dioxide comes in through small pores, the stomata. With the energy of "
    "light the plant builds sugar from both, and what is left over is oxygen: the air that you are breathing now."
)
POINTS = ["Water comes up from the roots", "Carbon dioxide comes in through stomata", "Sugar stays, oxygen leaves"]
CODING = Coding(preset="veryfast", crf=23, fps=25, b_frames=3)


def request(work: Bench, minutes: int, *, presenter: bool) -> FilmRequest:
    """About so many minutes; every scene has a slide of its own, the speech and the clip are the same."""
    scenes = [
        Scene(id=f"s{n}", title=f"What goes in, what comes out ({n})", bullets=POINTS, narration=NARRATION)
        for n in range(minutes * SCENES_PER_MINUTE)
    ]
    speech = work.serve(EspeakVoice(), SpeechRequest(text=NARRATION))
    clip = work.serve(PortraitVideo(), ClipRequest(speech=speech)) if presenter else None
    return FilmRequest(
        script=Script(title="Photosynthesis", scenes=scenes),
        speech=[speech] * len(scenes),
        slides=[work.serve(TypstSlides(), SlideRequest(scene=scene, presenter=presenter)) for scene in scenes],
        presenter=[clip] * len(scenes) if clip else [],
    )


def cpu_s(work: Callable[[], Any]) -> float:
    """CPU seconds of this process in the best of three runs."""
    taken = []
    for _ in range(3):
        before = time.process_time()
        work()
        taken.append(time.process_time() - before)
    return min(taken)


def segment_against_encoder(work: Bench, folder: Path) -> float:
    """How much of the bare encoder's speed is left when the pictures have to be composed as well."""
    film = request(work, 1, presenter=True)
    slide, clip = film.slides[0], film.presenter[0]
    assert slide.presenter_box is not None
    frames = int(clip.duration_s * 25)
    ground = SlideJob(str(work.store.fetch(slide.image)), "slide", slide.width_px, slide.height_px, frames)
    presenter = ClipJob(str(work.store.fetch(clip.video)), "clip", slide.presenter_box, delay=0, first=0)
    counter = Counter(str(folder / "frames"), 0)
    Path(counter.path).write_bytes(bytes(8))
    out = str(folder / "segment.mp4")
    ours = cpu_s(lambda: encode_segment(ground, presenter, CODING, out, counter))
    pictures = composed(ground, presenter)
    bare = cpu_s(lambda: encode_bare(pictures, ground, out))
    print(f"{frames} frames: composed and encoded {frames / ours:.0f}, encoded {frames / bare:.0f} per CPU second")
    return bare / ours


def composed(ground: SlideJob, presenter: ClipJob) -> list[av.VideoFrame]:
    """The very pictures that `encode_segment` gives to the encoder, each in a frame of its own."""
    canvas = av.VideoFrame(ground.width_px, ground.height_px, "yuv420p")
    for plane, still in zip(picture.planes(canvas), picture.slide_planes(ground), strict=True):
        plane[:] = still
    steps = picture.composed(picture.planes(canvas), presenter, CODING.fps)
    frames = []
    for index in range(ground.frames):
        next(steps, None)
        frame = av.VideoFrame(ground.width_px, ground.height_px, "yuv420p")
        for target, source in zip(picture.planes(frame), picture.planes(canvas), strict=True):
            target[:] = source
        frame.pts, frame.time_base = index, Fraction(1, CODING.fps)
        frames.append(frame)
    return frames


def encode_bare(frames: list[av.VideoFrame], ground: SlideJob, out: str) -> None:
    with av.open(out, "w", format="mp4") as container:
        stream = picture.h264_stream(container, ground, CODING)
        for frame in frames:
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def whole_film(minutes: int, *, presenter: bool) -> dict[str, float]:
    """One film in this process and its workers: CPU seconds, wall seconds, length, peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        with bench(Path(folder), workers=2) as work:
            wanted = request(work, minutes, presenter=presenter)
        before, began = _cpu(), time.perf_counter()
        with bench(Path(folder), workers=2) as work:
            film: Film = work.serve(FilmComposer(), wanted, timeout_s=3600)
        return {
            "film_s": film.duration_s,
            "wall_s": time.perf_counter() - began,
            "cpu_s": _cpu() - before,
            "main_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
            "worker_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000,
        }


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def in_fresh_process(minutes: int, *, presenter: bool) -> dict[str, float]:
    """`whole_film` in a process that has done nothing else, so that its peak memory is the film's."""
    arguments = [sys.executable, __file__, "--film", str(minutes), *(["--presenter"] if presenter else [])]
    done = subprocess.run(arguments, capture_output=True, check=True, text=True)
    made: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return made


def with_moviepy(work: Bench, python: str, folder: Path) -> dict[str, float]:
    """The one-minute film with a presenter, without round corners, captions or even loudness."""
    wanted = request(work, 1, presenter=True)
    box = wanted.slides[0].presenter_box
    assert box is not None
    material = {
        "scenes": [
            [str(_named(work, slide.image, folder / f"{n}.png")), str(_named(work, clip.video, folder / f"{n}.mp4"))]
            for n, (slide, clip) in enumerate(zip(wanted.slides, wanted.presenter, strict=True))
        ],
        "box": [box.x_px, box.y_px],
        "out": str(folder / "moviepy.mp4"),
    }
    script = Path(__file__).with_name("film_moviepy.py")
    done = subprocess.run([python, str(script)], input=json.dumps(material), capture_output=True, check=True, text=True)
    made: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return made


def _named(work: Bench, artifact: Any, path: Path) -> Path:
    path.write_bytes(work.store.fetch(artifact).read_bytes())
    return path


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--moviepy", metavar="PYTHON", help="a Python that has moviepy")
    arguments.add_argument("--film", type=int, metavar="MINUTES", help=argparse.SUPPRESS)
    arguments.add_argument("--presenter", action="store_true", help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    if asked.film:
        print(json.dumps(whole_film(asked.film, presenter=asked.presenter)))
        return
    with tempfile.TemporaryDirectory() as folder, bench(Path(folder), workers=2) as work:
        ours = in_fresh_process(1, presenter=True)
        rows = {"1 min, presenter": ours, "1 min, slides": in_fresh_process(1, presenter=False)}
        rows["10 min, presenter"] = in_fresh_process(10, presenter=True)
        if asked.moviepy:
            rows["1 min, moviepy"] = with_moviepy(work, asked.moviepy, Path(folder))
        # Last, because a process started later would inherit the peak of the memory that this takes.
        print(f"composing and encoding / bare encoder: {segment_against_encoder(work, Path(folder)):.2f}")
    print(f"{'film':20} {'CPU s/min':>10} {'wall s/min':>10} {'main MB':>8} {'worker MB':>9}")
    for name, row in rows.items():
        per_minute = 60 / row["film_s"]
        speeds = f"{row['cpu_s'] * per_minute:10.1f} {row['wall_s'] * per_minute:10.1f}"
        print(f"{name:20} {speeds} {row['main_mb']:8.0f} {row['worker_mb']:9.0f}")
    if asked.moviepy:
        theirs = rows["1 min, moviepy"]
        cpu, wall = (theirs[unit] / theirs["film_s"] / (ours[unit] / ours["film_s"]) for unit in ("cpu_s", "wall_s"))
        print(f"moviepy / ours: {cpu:.1f} by CPU, {wall:.1f} by wall clock")


if __name__ == "__main__":
    main()
