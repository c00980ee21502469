from __future__ import annotations

from pathlib import Path

import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.compose import Film, FilmScene
from coursewright.capabilities.export import ExportRequest
from coursewright.testing import bench
from coursewright_export_mp4.provider import Mp4Export, file_stem
from hypothesis import given
from hypothesis import strategies as st


def artifact(name: str, media_type: str, mark: str) -> Artifact:
    return Artifact(digest=mark * 64, media_type=media_type, size_bytes=7, name=name)


def film(*, video: bool) -> Film:
    return Film(
        title="Plants",
        language="pt-BR",
        duration_s=9.0,
        video=artifact("film.mp4", "video/mp4", "a") if video else None,
        audio=artifact("film.m4a", "audio/mp4", "b"),
        captions=artifact("captions.vtt", "text/vtt", "c"),
        chapters=artifact("chapters.vtt", "text/vtt", "d"),
        transcript=artifact("transcript.md", "text/markdown", "e"),
        thumbnail=artifact("thumbnail.jpg", "image/jpeg", "f") if video else None,
        scenes=[FilmScene(id="one", title="One", start_s=0.0, end_s=9.0)],
    )


def test_the_film_and_its_files_share_a_name(tmp_path: Path) -> None:
    with bench(tmp_path) as work:
        package = work.serve(Mp4Export(), ExportRequest(film=film(video=True), title="Light & leaves: part 1/2"))

    assert package.file == artifact("light-leaves-part-1-2.mp4", "video/mp4", "a")
    assert [(file.name, file.digest[0]) for file in package.sidecars] == [
        ("light-leaves-part-1-2.pt-BR.vtt", "c"),
        ("light-leaves-part-1-2.chapters.vtt", "d"),
        ("light-leaves-part-1-2.transcript.md", "e"),
        ("light-leaves-part-1-2.jpg", "f"),
    ]


def test_a_lesson_of_sound_alone(tmp_path: Path) -> None:
    with bench(tmp_path) as work:
        package = work.serve(Mp4Export(), ExportRequest(film=film(video=False), title="Listen"))

    assert package.file == artifact("listen.m4a", "audio/mp4", "b")
    assert [file.name for file in package.sidecars] == [
        "listen.pt-BR.vtt",
        "listen.chapters.vtt",
        "listen.transcript.md",
    ]


@pytest.mark.parametrize(
    ("title", "stem"),
    [
        ("../../etc/passwd", "etc-passwd"),
        ("…", "film"),
        ("CON", "con-film"),
        ("光合作用", "光合作用"),
        ("Ünïted — Größe", "ünïted-grösse"),
        ("x" * 200, "x" * 80),
    ],
)
def test_titles_become_file_names(title: str, stem: str) -> None:
    assert file_stem(title) == stem


@given(st.text(min_size=1, max_size=200))
def test_any_title_is_a_name_that_every_system_takes(title: str) -> None:
    stem = file_stem(title)

    assert stem
    assert len(stem.encode()) <= 205
    assert stem == stem.strip(" .-")
    assert not set(stem) & set('/\\:*?"<>|\0\n')
