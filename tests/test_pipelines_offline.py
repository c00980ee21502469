"""Every pipeline that comes with the product runs as it is, offline, and makes what it says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from coursewright.settings import Settings
from coursewright.store import open_store
from coursewright.testing.consents import agreed

ROOT = Path(__file__).resolve().parents[1]
NOTES = """# Bread

Flour, water, salt and time are enough.

## Dough

Mix flour and water, and let the dough rest for an hour.

- Salt slows the yeast down
"""


class Author:
    """A person with notes, in a folder of their own."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder = folder
        self.data = data
        self.store = open_store(Settings(data_dir=folder))
        (folder / "notes.md").write_text(NOTES)
        shutil.copy(ROOT / "examples" / "presenter.svg", folder / "me.svg")

    def run(self, pipeline: str, *arguments: str) -> Path:
        """Run a pipeline; returns the folder of its results."""
        done = subprocess.run(
            [
                *(sys.executable, "-m", "coursewright", "run", str(ROOT / "pipelines" / f"{pipeline}.yaml")),
                *("-o", pipeline, *arguments),
            ],
            cwd=self.folder,
            env={
                **os.environ,
                "COURSEWRIGHT_DATA_DIR": str(self.data),
                "COURSEWRIGHT_STORE_DIR": str(self.folder / "store"),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )
        assert done.returncode == 0, done.stderr
        return self.folder / pipeline


@pytest.fixture(scope="module")
def author(tmp_path_factory: pytest.TempPathFactory, data_folder: Path) -> Author:
    return Author(tmp_path_factory.mktemp("author"), data_folder)


def spoken(captions: str) -> list[str]:
    """The words of a WebVTT file."""
    lines = captions.splitlines()[1:]
    return [word for line in lines if "-->" not in line for word in line.split()]


def streams(path: Path) -> dict[str, tuple[str, float]]:
    """Codec and duration in seconds of each kind of stream in a media file."""
    import av

    with av.open(str(path)) as container:
        return {
            stream.type: (stream.codec_context.name, float((stream.duration or 0) * (stream.time_base or 0)))
            for stream in container.streams
            if stream.type in ("audio", "video")
        }


def narration(script: dict[str, object]) -> list[str]:
    scenes = script["scenes"]
    assert isinstance(scenes, list)
    return [word for scene in scenes for word in scene["narration"].split()]


def test_talking_head_course(author: Author) -> None:
    results = author.run("talking_head_course", "-i", "notes=notes.md", "-i", "portrait=me.svg")
    script = json.loads((results / "script.json").read_text())
    assert script["title"] == "Bread"
    with zipfile.ZipFile(results / "bread-scorm12.zip") as package:
        assert {"imsmanifest.xml", "index.html", "adlcp_rootv1p2.xsd"} <= set(package.namelist())
    film = streams(results / "bread.mp4")
    assert {kind: codec for kind, (codec, _) in film.items()} == {"video": "h264", "audio": "aac"}
    assert film["video"][1] == pytest.approx(film["audio"][1], abs=0.05)
    assert spoken((results / "bread.en.vtt").read_text()) == narration(script)


def test_narrated_slides(author: Author) -> None:
    results = author.run("narrated_slides", "-i", "notes=notes.md")
    assert (results / "bread-scorm12.zip").exists()
    assert set(streams(results / "bread.mp4")) == {"video", "audio"}


def test_audio_lesson(author: Author) -> None:
    results = author.run("audio_lesson", "-i", "notes=notes.md")
    [audio] = results.glob("*.m4a")
    assert set(streams(audio)) == {"audio"}
    assert {path.suffix for path in results.iterdir()} == {".m4a", ".vtt", ".md", ".json"}


def test_script_generation(author: Author) -> None:
    results = author.run("script_generation", "-i", "notes=notes.md")
    script = json.loads((results / "script.json").read_text())
    assert (results / "narration.txt").read_text().split() == narration(script)


def test_text_to_speech_voice_clone_and_video_generation(author: Author) -> None:
    """What one of them makes is what the next is given."""
    spoken_text = author.run("text_to_speech", "-i", "text=Good morning, everybody.")
    [sample] = spoken_text.glob("*.wav")
    agreed(sample, author.store)
    cloned = author.run("voice_clone", "-i", f"voice={sample}", "-i", "text=Good evening.")
    report = json.loads((cloned / "report.json").read_text())
    assert any("clone" in notice for notice in report["items"][0]["notices"])
    [speech] = cloned.glob("*.wav")
    clip = author.run("video_generation", "-i", f"audio={speech}", "-i", "portrait=me.svg")
    [video] = clip.glob("*.mp4")
    assert set(streams(video)) == {"video", "audio"}
