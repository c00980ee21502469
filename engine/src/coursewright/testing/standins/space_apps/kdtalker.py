"""KDTalker: a portrait and a sound become 25 pictures a second of the face alone, 512 × 512.

Switches of its own, at the start only: `line`, the endpoint: `gradio_infer` (two parameters) or `generate` (eight);
`shape` of the video: `dict` as Gradio 4 and 5 send it, or `str` as Gradio 6 does; `at_once`, how many jobs run.

At any time: `size` of the pictures; `progress: False` tells nothing at all; `dies_in_call`, the number of the call
that ends the server; `result` in place of a good video: `empty`, `text`, `cut`, `short`, `long`, `changed`, `nothing`,
or `returned_error`, the error that is returned instead of raised.

Like the model's own code it fails with a TypeError where it finds no face (here: a picture of one colour) and with an
AttributeError for a very large picture.
"""

from __future__ import annotations

import os
import signal
import time
import uuid
from pathlib import Path
from typing import Any

import gradio as gr

from coursewright.testing.standins.space_apps import Desk
from coursewright.testing.standins.talking_heads import FPS, heard, write_video

_TQDM = gr.Progress(track_tqdm=True)

LARGEST_PX = 4000
"""The real rule looks at the aligned face: 2048 pixels."""
_FACE = 0.76
"""The part of the picture that is cut out, about what FFHQ's rule takes of a portrait with some margin."""


def build(desk: Desk) -> Any:
    """The app."""

    def gradio_infer(source_image: str, driven_audio: str, progress: Any = _TQDM) -> Any:
        desk.record(endpoint="gradio_infer", source_image=source_image, driven_audio=driven_audio)
        return _served(desk, source_image, driven_audio)

    def generate(
        upload_driven_audio: str,
        tts_driven_audio: str | None,
        driven_audio_type: str,
        source_image: str,
        smoothed_pitch: float,
        smoothed_yaw: float,
        smoothed_roll: float,
        smoothed_t: float,
        progress: Any = _TQDM,
    ) -> Any:
        desk.record(
            endpoint="generate",
            source_image=source_image,
            driven_audio=upload_driven_audio,
            tts_driven_audio=tts_driven_audio,
            driven_audio_type=driven_audio_type,
            smoothing=[smoothed_pitch, smoothed_yaw, smoothed_roll, smoothed_t],
        )
        return _served(desk, source_image, upload_driven_audio)

    line = desk.switch("line", "gradio_infer")
    with gr.Blocks() as demo:
        image = gr.Image(type="filepath", label="Source image")
        audio = gr.Audio(type="filepath", label="Driven audio")
        shown = (
            gr.JSON(label="Output video") if desk.switch("shape", "dict") == "dict" else gr.Video(label="Output video")
        )
        button = gr.Button()
        if line == "generate":
            spoken = gr.Audio(type="filepath", label="Synthesised audio")
            kind = gr.Radio(["upload", "tts"], value="upload", label="Driven audio type")
            names = ("pitch", "yaw", "roll", "t")
            sliders = [gr.Slider(0, 1, value=0.8, step=0.01, label=f"smoothed_{name}") for name in names]
            button.click(generate, [audio, spoken, kind, image, *sliders], shown)
        elif line == "gradio_infer":
            button.click(gradio_infer, [image, audio], shown)
        else:
            button.click(lambda text: text, [gr.Textbox(label="text")], shown, api_name=line)
    demo.queue(max_size=8, default_concurrency_limit=desk.switch("at_once", 1))
    return demo


def _served(desk: Desk, source_image: str, driven_audio: str) -> Any:
    call = (desk.folder / "requests.jsonl").read_text("utf-8").count("\n")
    result = (
        desk.switch("result", "") if desk.still("result") else ""
    )  # before a job that hangs is let go by the next test
    desk.misbehave()
    if desk.switch("dies_in_call") == call:
        os.kill(os.getpid(), signal.SIGKILL)
    picture, samples = _cropped(source_image, desk.switch("size", 512)), heard(driven_audio)
    if desk.switch("progress", True):
        _report()
    video = desk.folder / "outputs" / uuid.uuid4().hex / "output.mp4"
    video.parent.mkdir(parents=True)
    if result == "returned_error":
        return gr.Error("KDTalker failed")
    if result in ("changed", "nothing"):
        return ["no", "video"] if result == "changed" else None
    frames = len(samples) * FPS // 16_000 + {"short": -10, "long": 20}.get(result, 0)
    write_video(video, picture, samples, frames=frames)
    spoil(video, result)
    if desk.switch("shape", "dict") == "str":
        return str(video)
    meta = {"_type": "gradio.FileData"}
    return {"video": {"path": str(video), "orig_name": video.name, "meta": meta}, "subtitles": None}


def spoil(video: Path, result: str) -> None:
    """Make an empty, cut or other file of a good video."""
    if result == "empty":
        video.write_bytes(b"")
    elif result == "text":
        video.write_text("<html><body>An error occurred in CUDA kernel</body></html>", "ascii")
    elif result == "cut":
        video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])


def _cropped(source_image: str, size: int) -> Any:
    """The middle of the picture as a square. Raises what the model's own cropper raises."""
    import cv2
    import numpy as np

    picture: Any = cv2.imread(source_image, cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError("cannot identify image file")
    if picture.std() < 3:
        raise TypeError("exceptions must derive from BaseException")
    if max(picture.shape[:2]) >= LARGEST_PX:
        raise AttributeError("module 'PIL.Image' has no attribute 'ANTIALIAS'")
    height, width = picture.shape[:2]
    side = int(_FACE * min(height, width))
    top, left = (height - side) // 2, (width - side) // 2
    return np.asarray(cv2.resize(picture[top : top + side, left : left + side], (size, size)), np.uint8)


def _report() -> None:
    """The one loop of the real code that Gradio sees; after it, silence."""
    from tqdm import tqdm  # type: ignore[import-untyped]  # it has no types of its own

    for _ in tqdm(range(10), desc="mel:"):
        time.sleep(0.02)
