"""The two documents of a package that are written for each course: manifest and page."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from coursewright_export_scorm.course import Course, as_json, direction, words_language

if TYPE_CHECKING:
    from jinja2 import Environment


def manifest(version: str, *, identifier: str, title: str, names: list[str]) -> bytes:
    """`imsmanifest.xml` of one SCO that starts with `index.html`; `names` are all files it consists of."""
    template = _environment().get_template(f"imsmanifest-{version}.xml")
    return template.render(identifier=identifier, title=title, names=names).encode()


def page(course: Course, *, language: str, media: str, poster: str | None, size_px: tuple[int, int]) -> bytes:
    """`index.html`; `media` and `poster` name files beside it. A size of 0 × 0 is unknown: 16 to 9 then."""
    spoken = words_language(language)
    template = _environment().get_template("index.html")
    return template.render(
        course=course,
        words=course.words,
        language=language,
        direction=direction(language),
        foreign_words=spoken if spoken != language.split("-")[0] else None,
        media=media,
        poster=poster,
        width_px=size_px[0],
        height_px=size_px[1],
        data=as_json(course),
    ).encode()


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    folder = files(__package__) / "templates"
    return Environment(
        loader=FunctionLoader(lambda name: (folder / name).read_text("utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
