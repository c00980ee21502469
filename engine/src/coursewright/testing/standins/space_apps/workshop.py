"""An app with every shape of value that Spaces take and give, for the tests of what talks to them.

`file_size`: how many bytes the files have that it makes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from coursewright.testing.standins.space_apps import Desk


def build(desk: Desk) -> Any:
    """The app."""

    def make(name: str) -> str:
        path = desk.folder / "outputs" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\x00film" * (desk.switch("file_size", 100) // 5))
        return str(path)

    def animate(image: str, sound: str, caption: str, size: str, share: float) -> tuple[Any, str]:
        desk.record(image=image, sound=sound, caption=caption, size=size, share=share)
        desk.misbehave()
        meta = {"_type": "gradio.FileData"}
        film = {"path": make("a film.mp4"), "orig_name": "a film.mp4", "meta": meta}
        return {"video": film, "subtitles": None}, f"**{caption}**"

    def animate_again(image: str) -> str:
        desk.record(image=image)
        desk.misbehave()
        return make("film.mp4")

    def several(files: list[str]) -> list[str]:
        desk.record(files=[Path(file).name for file in files])
        return [make("one.txt"), make("two.txt")]

    def count(limit: float) -> Any:
        desk.record(limit=limit)
        gr.Info("Counting <b>begins</b>")
        desk.misbehave()
        for number in range(int(limit)):
            yield str(number + 1)

    with gr.Blocks() as demo:
        image = gr.File(label="Image", type="filepath")
        sound = gr.Audio(type="filepath", label="Sound")
        caption = gr.Textbox("untitled", label="Caption")
        size = gr.Radio(["small", "large"], value="small", label="Size")
        share = gr.Slider(0, 1, value=0.5, label="Share")
        film, told = gr.JSON(label="Film"), gr.Markdown()
        gr.Button().click(animate, [image, sound, caption, size, share], [film, told])
        gr.Button().click(animate_again, [image], gr.Video(label="Film"))
        files = gr.File(file_count="multiple", label="Files")
        gr.Button().click(several, [files], gr.File(file_count="multiple", label="More files"))
        gr.Button().click(count, [gr.Number(3, label="Limit")], gr.Textbox(label="Number"))
    demo.queue(max_size=2, default_concurrency_limit=1)
    return demo
