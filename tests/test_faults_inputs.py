"""What authors hand in by mistake: each gets a sentence that names the file and says what to do."""

from __future__ import annotations

import os
import shutil
import wave
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from coursewright.run.inputs import read_file
from coursewright.store.local import LocalStore
from coursewright_video_portrait.drawn import render
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = str(ROOT / "pipelines" / "script_generation.yaml")
TALKING_HEAD = str(ROOT / "pipelines" / "talking_head_course.yaml")
PORTRAIT = str(ROOT / "pipelines" / "video_generation.yaml")
CLONE = str(ROOT / "pipelines" / "voice_clone.yaml")


def recording(path: Path) -> None:
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(16_000)
        wav.writeframes((3000 * np.sin(np.arange(8_000) / 10)).astype("<i2").tobytes())


def faces(path: Path, count: int) -> None:
    (face,) = render([((ROOT / "examples" / "presenter.svg").read_text(), 384, 480)])
    soft = cv2.GaussianBlur(face, (0, 0), 1.5)
    cv2.imwrite(str(path), np.hstack([soft] * count))


def encrypted_office(path: Path) -> None:
    """An OLE container with the stream that Office puts encrypted documents into (MS-OFFCRYPTO, 2.3.4.4)."""
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le"))


def zip_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "a")


@pytest.mark.parametrize(
    ("given", "says", "remedy"),
    [
        ("notes=nowhere.md", "notes: there is no file nowhere.md", "check the path"),
        ("notes=.", "notes: . is a folder, wanted is a file", "give one file"),
        ("notes=empty.md", "notes: empty.md is empty", "give a file with something in it"),
        ("notes=vast.md", "notes: vast.md is larger than 4 GB", "give a shorter one"),
        ("notes=me.png", "notes: me.png is a picture (image/png), wanted is a document", "give a document file"),
        ("notes=talk.wav", "notes: talk.wav is a sound recording (audio/x-wav)", "give a document file"),
        ("portrait=talk.wav", "portrait: talk.wav is a sound recording (audio/x-wav), wanted is an image", "an image"),
        ("portrait=notes.md", "portrait: notes.md is a text (text/markdown), wanted is an image", "give an image file"),
        ("voice=me.png", "voice: me.png is a picture (image/png), wanted is an audio", "give an audio file"),
        ("minutes=soon", "minutes: 'soon' is not a whole number", "write minutes=5"),
        ("minutes=0", "minutes: 0 is out of range, wanted is at least 1 and at most 60", ""),
        ("language=klingonisch", "language: 'klingonisch' is not a language tag", "write en, de, pt-BR or zh-Hant"),
        ("nots=notes.md", "the pipeline has no input 'nots'", "did you mean 'notes'?"),
    ],
)
def test_an_input_that_cannot_be_is_told_at_once(
    terminal: Any, refused: Any, given: str, says: str, remedy: str
) -> None:
    (terminal.folder / "empty.md").touch()
    (terminal.folder / "vast.md").touch()
    os.truncate(terminal.folder / "vast.md", 5 << 30)
    Image.new("RGB", (40, 40)).save(terminal.folder / "me.png")
    recording(terminal.folder / "talk.wav")
    named = given.partition("=")[0]
    good = [] if named in ("notes", "nots") else ["-i", "notes=notes.md"]

    ended = refused("run", TALKING_HEAD, *good, "-i", given, "-o", "made/out")

    assert ended.returncode == 2
    assert says in ended.stderr
    assert remedy in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (terminal.folder / "made").exists()
    assert terminal.left_behind() == []


@pytest.mark.parametrize("given", [[], ["-i", "audio="]])
def test_an_input_that_is_missing_is_told_at_once(terminal: Any, refused: Any, given: list[str]) -> None:
    ended = refused("run", PORTRAIT, *given, "-o", "made/out")
    assert ended.returncode == 2
    assert ended.stderr == "error: the input 'audio' is missing (Recording to speak)\n  → add -i audio=FILE\n"
    assert not (terminal.folder / "made").exists()


def test_neither_notes_nor_a_topic_is_told_with_the_way_on(terminal: Any) -> None:
    ended = terminal("run", SCRIPT, "-i", "notes=", "-o", "made/out")
    assert ended.returncode == 2
    assert "there is nothing to write from: 'topic' or 'notes' is needed\n  → give topic or notes" in ended.stderr
    assert not (terminal.folder / "made").exists()


def test_all_wrong_inputs_are_told_together(refused: Any) -> None:
    ended = refused("run", CLONE, "-i", "voice=no.wav", "-i", "language=klingonisch", "-o", "out")
    assert ended.returncode == 2
    assert ended.stderr == (
        "error: 3 inputs are wrong or missing:\n"
        "       voice: there is no file no.wav → check the path\n"
        "       the input 'text' is missing (Text to speak) → add -i text=text\n"
        "       language: 'klingonisch' is not a language tag → write en, de, pt-BR or zh-Hant\n"
    )


REFUSED = {
    "blank.md": "the file is empty",
    "junk.md": "this is data of an unknown kind, not a document",
    "locked.docx": "the document is protected by a password",
    "archive.zip": "this is a ZIP archive, not a document",
    "huge.txt": "the file has 51 MB, the limit is 50 MB",
    "wall.png": "no face was found in the portrait (300 × 300 pixels)",
    "trio.png": "3 faces were found in the portrait",
    "cut.jpg": "the portrait is damaged or incomplete",
    "banner.png": "the portrait has 30,000 × 4 pixels",
}


def test_files_that_nobody_can_use_are_all_told_in_one_run(terminal: Any) -> None:
    folder = terminal.folder
    (folder / "blank.md").write_text(" \n\t\n")
    (folder / "junk.md").write_bytes(bytes(range(256)) * 40)
    encrypted_office(folder / "locked.docx")
    zip_archive(folder / "archive.zip")
    (folder / "huge.txt").write_bytes(b"many words " * 4_650_000)
    Image.new("RGB", (300, 300), (200, 210, 220)).save(folder / "wall.png")
    faces(folder / "trio.png", 3)
    faces(folder / "whole.jpg", 1)
    (folder / "cut.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:4000])
    Image.new("RGB", (30_000, 4)).save(folder / "banner.png")
    recording(folder / "talk.wav")
    inputs, steps, options = ["  talk: {type: audio}"], [], ["-i", "talk=talk.wav"]
    for number, name in enumerate(REFUSED):
        picture = name.endswith(("png", "jpg"))
        inputs.append(f"  file_{number}: {{type: {'image' if picture else 'document'}}}")
        field = f'portrait: "${{inputs.file_{number}}}", audio: "${{inputs.talk}}"'
        document = f'file: "${{inputs.file_{number}}}"'
        steps.append(
            f"  s{number}: {{uses: {'video.portrait' if picture else 'document'}, "
            f"with: {{{field if picture else document}}}}}"
        )
        options += ["-i", f"file_{number}={name}"]
    lines = ["name: refusals", "inputs:", *inputs, "steps:", *steps, "outputs: {text: '${s0.markdown}'}", ""]
    (folder / "refusals.yaml").write_text("\n".join(lines))

    ended = terminal("run", "refusals.yaml", *options, "-o", "out")

    assert ended.returncode == 2, ended.stderr
    for number, (name, sentence) in enumerate(REFUSED.items()):
        assert f"step 's{number}' failed (" in ended.stderr
        assert f"file_{number} ({name}): {sentence}" in ended.stderr
    assert ended.stderr.count("  → ") >= len(REFUSED)
    assert "go on with: coursewright run refusals.yaml -i talk=talk.wav" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (folder / "out").exists()
    assert terminal.left_behind() == []


def test_one_wrong_portrait_is_told_once_for_all_scenes(terminal: Any) -> None:
    Image.new("RGB", (300, 300), (200, 210, 220)).save(terminal.folder / "wall.png")
    ended = terminal("run", TALKING_HEAD, "-i", "notes=notes.md", "-i", "portrait=wall.png", "-q", "-o", "out")
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: steps 'presenter[water]', 'presenter[light]', 'presenter[air]', ")
    assert ended.stderr.count("portrait (wall.png): no face was found") == 1


def test_a_name_that_is_no_unicode(terminal: Any) -> None:
    """A file from an older system, whose name is Latin-1: it is read, and a missing one is told."""
    path = Path(os.fsdecode(os.fsencode(terminal.folder) + b"/caf\xe9.md"))
    shutil.copy(terminal.folder / "notes.md", path)
    artifact = read_file(path, LocalStore(terminal.store), label="notes")
    assert artifact.name == "caf\N{REPLACEMENT CHARACTER}.md"

    missing = terminal("run", SCRIPT, "-i", b"notes=caf\xe8.md", "-o", "out")
    assert missing.returncode == 2
    assert missing.stderr.startswith("error: notes: there is no file caf?.md\n")
