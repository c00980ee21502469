"""SadTalker's own web page: a portrait, a sound and settings become 25 pictures a second.

The page names no endpoint, so Gradio calls it `/test` after its method. Switches of its own, at the start only: `line`:
`page`, the project's own with eight parameters, or `space`, the one of its Space with sixteen; `shape` of the video:
`dict` as Gradio 4 and 5 send it, or `str` as Gradio 6 does. At any time: `result` in place of a good video, as for
`kdtalker`, and `dies_in_call`.

As in the real one `crop` and `resize` give the face at the size of the model, the others the whole picture, and GFPGAN
doubles both. A picture of one colour has no face: that is an AttributeError.
"""

from __future__ import annotations

import os
import signal
import uuid
from typing import Any

import gradio as gr

from coursewright.testing.standins.space_apps import Desk
from coursewright.testing.standins.space_apps.kdtalker import spoil
from coursewright.testing.standins.talking_heads import FPS, RATE_HZ, heard, write_video

_CROP = 0.8


class SadTalker:
    """The object whose method the page calls."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def test(
        self,
        source_image: str,
        driven_audio: str,
        preprocess: str = "crop",
        still_mode: bool = False,
        use_enhancer: bool = False,
        batch_size: int = 1,
        size: int = 256,
        pose_style: int = 0,
        facerender: str = "facevid2vid",
        exp_scale: float = 1.0,
        use_ref_video: bool = False,
        ref_video: Any = None,
        ref_info: str | None = None,
        use_idle_mode: bool = False,
        length_of_audio: int = 0,
        blink_every: bool = True,
        result_dir: str = "./results/",
    ) -> Any:
        """Animate; the names of the parameters are the real ones."""
        desk = self._desk
        desk.record(**{name: value for name, value in locals().items() if name not in ("self", "desk", "result_dir")})
        call = (desk.folder / "requests.jsonl").read_text("utf-8").count("\n")
        result = (
            desk.switch("result", "") if desk.still("result") else ""
        )  # before a job that hangs is let go by the next test
        desk.misbehave()
        if desk.switch("dies_in_call") == call:
            os.kill(os.getpid(), signal.SIGKILL)
        picture = _animated(source_image, preprocess, int(size), use_enhancer)
        samples = heard(driven_audio)
        video = desk.folder / "results" / uuid.uuid4().hex / "portrait##sound.mp4"
        video.parent.mkdir(parents=True)
        if result in ("changed", "nothing"):
            return ["no", "video"] if result == "changed" else None
        frames = len(samples) * FPS // RATE_HZ + {"short": -10, "long": 20}.get(result, 0)
        write_video(video, picture, samples, frames=frames)
        spoil(video, result)
        if desk.switch("shape", "dict") == "str":
            return str(video)
        meta = {"_type": "gradio.FileData"}
        return {"video": {"path": str(video), "orig_name": video.name, "meta": meta}, "subtitles": None}


def build(desk: Desk) -> Any:
    """The app."""
    with gr.Blocks() as demo:
        image = gr.Image(label="Source image", type="filepath")
        audio = gr.Audio(label="Input audio", type="filepath")
        pose = gr.Slider(minimum=0, maximum=46, step=1, label="Pose style", value=0)
        size = gr.Radio([256, 512], value=256, label="face model resolution", info="use 256/512 model?")
        kinds = ["crop", "resize", "full", "extcrop", "extfull"]
        preprocess = gr.Radio(kinds, value="crop", label="preprocess", info="How to handle input image?")
        still = gr.Checkbox(label="Still Mode (fewer head motion, works with preprocess `full`)")
        batch = gr.Slider(label="batch size in generation", step=1, maximum=10, value=2)
        enhancer = gr.Checkbox(label="GFPGAN as Face enhancer")
        inputs: list[Any] = [image, audio, preprocess, still, enhancer, batch, size, pose]
        if desk.switch("line") == "space":
            inputs += [
                gr.Radio(["facevid2vid", "pirender"], value="facevid2vid", label="facerender"),
                gr.Slider(minimum=0, maximum=3, step=0.1, label="expression scale", value=1),
                gr.Checkbox(label="Use Reference Video"),
                gr.Video(label="Reference Video"),
                gr.Radio(["pose", "blink", "pose+blink", "all"], value="pose", label="Reference Video"),
                gr.Checkbox(label="Use Idle Animation"),
                gr.Number(value=5, label="The length(seconds) of the generated video."),
                gr.Checkbox(label="use eye blink", value=True),
            ]
        video = gr.JSON if desk.switch("shape", "dict") == "dict" else gr.Video
        shown = video(label="Generated video")
        gr.Button("Generate").click(fn=SadTalker(desk).test, inputs=inputs, outputs=[shown])
    demo.queue(max_size=8)
    return demo


def _animated(source_image: str, preprocess: str, size: int, enhanced: bool) -> Any:
    import cv2
    import numpy as np

    picture: Any = cv2.imread(source_image, cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError("cannot identify image file")
    if picture.std() < 3:
        raise AttributeError("No face is detected")
    height, width = picture.shape[:2]
    if preprocess in ("crop", "resize"):
        side = int((_CROP if preprocess == "crop" else 1.0) * min(height, width))
        top, left = (height - side) // 2, (width - side) // 2
        picture = cv2.resize(picture[top : top + side, left : left + side], (size, size))
    if enhanced:
        picture = cv2.resize(picture, None, fx=2, fy=2)
    height, width = picture.shape[:2]
    return np.ascontiguousarray(picture[: height // 2 * 2, : width // 2 * 2])
