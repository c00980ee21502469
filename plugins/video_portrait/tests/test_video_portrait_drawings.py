"""Drawn portraits: the convention, the sample presenter, and hostile SVG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from coursewright.errors import BadInput
from coursewright_video_portrait.drawn import DrawnFigure, render
from coursewright_video_portrait.figures import figure_for
from coursewright_video_portrait.photo import PhotoFigure
from coursewright_video_portrait.presenter import presenter
from coursewright_video_portrait.stage import REST, MouthState
from coursewright_video_portrait.svg import looks_like_svg, read_svg

PLAIN = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 120">{}</svg>'
EYES = (
    '<g id="eyes" data-left-x="35" data-left-y="50" data-right-x="65" data-right-y="50" data-width="14" '
    'data-height="9"/>'
)
MOUTH = '<g id="mouth" data-x="50" data-y="80" data-width="24"/>'


def refused(svg: str) -> BadInput:
    with pytest.raises(BadInput) as raised:
        read_svg(svg.encode())
    assert raised.value.field == "portrait"
    return raised.value


def test_the_sample_presenter_is_what_the_module_draws(repository: Path) -> None:
    assert (repository / "examples" / "presenter.svg").read_text("utf-8") == presenter()


def border(patch: np.ndarray) -> np.ndarray:
    return np.concatenate([patch[0], patch[-1], patch[:, 0], patch[:, -1]]).astype(int)


def test_mouth_and_eyes_change_only_their_own_places() -> None:
    figure = DrawnFigure(read_svg(presenter().encode()), 352, 440)
    luma = figure.planes[0]
    mouth = figure.mouth_box.of(luma)
    (eye_box,) = figure.eye_boxes
    eyes = eye_box.of(luma)

    for state in (REST, MouthState((17, 3)), MouthState((-1, 3)), MouthState((5, 0)), MouthState((8, 6))):
        patch = figure.mouth(state)[0]
        assert np.abs(border(patch) - border(mouth)).max() <= 24, "a seam at the border of the patch"
        assert state == REST or np.abs(patch.astype(int) - figure.mouth(REST)[0]).max() > 25
    for lid in (0.0, 0.5, 1.0):
        (lids,) = figure.eyes(lid)
        assert np.abs(border(lids[0]) - border(eyes)).max() <= 24, "a seam at the border of the patch"
        assert (np.abs(lids[0].astype(int) - figure.eyes(0)[0][0]).max() > 100) == (lid > 0)


def test_a_strangers_drawing_with_marked_groups_is_animated() -> None:
    drawing = read_svg(PLAIN.format(f'<circle cx="50" cy="60" r="45" fill="#c98"/>{EYES}{MOUTH}').encode())

    figure = DrawnFigure(drawing, 200, 240)

    assert np.abs(figure.mouth(MouthState((17, 3)))[0].astype(int) - figure.mouth(REST)[0]).max() > 40


def test_a_drawing_without_marks_is_treated_as_a_photo(tmp_path: Path) -> None:
    path = tmp_path / "drawing.svg"
    path.write_text(presenter().replace(' id="mouth"', "").replace(' id="eyes"', ""), "utf-8")

    figure, notices = figure_for(path, None, 352, 440)

    assert isinstance(figure, PhotoFigure)
    assert notices == ()


def test_a_mark_that_is_wrong_is_named() -> None:
    error = refused(PLAIN.format(EYES + MOUTH.replace('"24"', '"wide"')))

    assert error.message.startswith("the group 'mouth' of the SVG portrait is not as agreed")


@pytest.mark.parametrize(
    ("svg", "says"),
    [
        ("<svg", "not well-formed"),
        ("<svg xmlns='http://www.w3.org/2000/svg'/>", "no usable size"),
        ("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1e9 1'/>", "no usable size"),
        ('<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg xmlns="http://www.w3.org/2000/svg"/>', "declares XML entities"),
        ('<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg/>', "declares XML entities"),
        ("<html><body><svg></svg></body></html>", "no SVG picture"),
        (PLAIN.format('<image href="data:image/png;base64,AAAA"/>'), "holds a bitmap"),
        (PLAIN.format("<g>" * 150 + "</g>" * 150), "too complex"),
        (PLAIN.format("<g/>" * 30_000), "too complex"),
        (PLAIN.format(f"<desc>{'x' * 1_100_000}</desc>"), "limit is 1 MB"),
        (PLAIN.format('<g id="a"><use href="#a"/></g>'), "circle"),
        (
            PLAIN.format(
                "".join(f'<g id="l{i}"><use href="#l{i + 1}"/><use href="#l{i + 1}"/></g>' for i in range(40))
                + '<g id="l40"><path d="M0,0 L1,1"/></g>'
            ),
            "repeats shapes too often",
        ),
        (
            PLAIN.format("".join(f'<g id="l{i}"><use href="#l{i + 1}"/></g>' for i in range(5000))),
            "nested too deeply",
        ),
    ],
)
def test_hostile_svg_is_refused(svg: str, says: str) -> None:
    assert says in refused(svg).message


def test_what_runs_or_reaches_outside_is_removed() -> None:
    hostile = (
        '<script>alert(1)</script><foreignObject><p xmlns="http://www.w3.org/1999/xhtml">x</p></foreignObject>'
        '<style>@import "http://example.org/a.css";</style><rect onclick="run()" fill="url(http://example.org/#a)"/>'
        '<use href="http://example.org/a.svg#b"/><rect filter="url(#f)" style="filter:url(#f);fill:#123456"/>'
        '<filter id="f"/><animate attributeName="x"/><use href="file:///etc/passwd"/><style>.a{fill:#ff0000}</style>'
        '<rect class="a" width="100" height="120"/>'
    )

    drawing = read_svg(PLAIN.format(hostile).encode())

    for trace in ("script", "foreign", "import", "onclick", "http://example", "filter", "animate", "passwd"):
        assert trace not in drawing.content
    (picture,) = render([(drawing.svg(), 50, 60)])
    assert tuple(picture[30, 25]) == (0, 0, 255)


@pytest.mark.parametrize(
    "data", [presenter().encode(), b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x -->\n<svg>', b"<s:svg>"]
)
def test_svg_is_known_by_its_bytes(data: bytes) -> None:
    assert looks_like_svg(data)


@pytest.mark.parametrize("data", [b"", b"\x89PNG<svg", b"GIF89a", b"<html></html>"])
def test_other_files_are_not_taken_for_svg(data: bytes) -> None:
    assert not looks_like_svg(data)
