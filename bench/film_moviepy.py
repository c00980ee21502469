"""The film of `bench/film.py` with moviepy 2; runs in an environment of its own, reads its task from stdin."""

from __future__ import annotations

import json
import resource
import sys
import time

from moviepy import CompositeVideoClip, ImageClip, VideoFileClip, concatenate_videoclips

task = json.load(sys.stdin)
began = time.perf_counter()
scenes = []
for slide, clip in task["scenes"]:
    presenter = VideoFileClip(clip)
    ground = ImageClip(slide).with_duration(presenter.duration)
    scenes.append(CompositeVideoClip([ground, presenter.with_position(tuple(task["box"]))]).with_audio(presenter.audio))
film = concatenate_videoclips(scenes)
film.write_videofile(
    task["out"],
    fps=25,
    codec="libx264",
    preset="veryfast",
    audio_codec="aac",
    ffmpeg_params=["-crf", "23"],
    logger=None,
)
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(
    json.dumps(
        {
            "film_s": film.duration,
            "wall_s": time.perf_counter() - began,
            "cpu_s": sum(usage.ru_utime + usage.ru_stime for usage in used),
            "main_mb": used[0].ru_maxrss / 1000,
            "worker_mb": used[1].ru_maxrss / 1000,
        }
    )
)
