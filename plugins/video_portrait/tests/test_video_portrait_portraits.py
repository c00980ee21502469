"""Which portraits are taken, how they are read, and what is said about the others."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from coursewright.errors import BadInput
from coursewright_video_portrait.faces import find_face
from coursewright_video_portrait.figures import figure_for
from coursewright_video_portrait.framing import Head, framed
from coursewright_video_portrait.lips import find_lips
from coursewright_video_portrait.panel import on_panel
from coursewright_video_portrait.pictures import read_picture
from coursewright_video_portrait.planes import Picture
from PIL import Image

WALL = (182, 205, 226)


def beside(*faces: Picture) -> Picture:
    """Pictures of several sizes side by side, standing on one floor."""
    height = max(face.shape[0] for face in faces)
    return np.hstack(
        [cv2.copyMakeBorder(face, height - face.shape[0], 0, 20, 20, cv2.BORDER_CONSTANT, value=WALL) for face in faces]
    )


def scaled(picture: Picture, factor: float) -> Picture:
    return np.asarray(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


def encoded(picture: Picture, form: str = "PNG", *, mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    image = Image.fromarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
    (image.quantize() if mode == "P" else image.convert(mode)).save(file, form, **options)
    return file.getvalue()


def refused(data: bytes, folder: Path) -> BadInput:
    path = folder / "portrait"
    path.write_bytes(data)
    with pytest.raises(BadInput) as raised:
        figure_for(path, None, 352, 440)
    assert raised.value.field == "portrait"
    assert raised.value.remedy
    return raised.value


@pytest.mark.parametrize("factor", [0.4, 1.0, 2.0])
def test_eyes_and_mouth_are_found(face: Picture, factor: float) -> None:
    picture = scaled(face, factor)

    found, notices = find_face(picture)
    lips = find_lips(picture, found.head)

    near = 0.06 * 100 * factor  # a sixteenth of the distance between the eyes
    assert np.allclose(found.head.left, (190 * factor, 262 * factor), atol=near)
    assert np.allclose(found.head.right, (290 * factor, 262 * factor), atol=near)
    assert np.allclose(lips.middle, (240 * factor, 352 * factor), atol=near)
    assert 0.27 < lips.half < 0.42
    assert not lips.teeth
    assert notices == []


def test_teeth_are_seen_in_a_smile(face: Picture) -> None:
    smiling = face.copy()
    cv2.ellipse(smiling, (240, 350), (42, 22), 0, 0, 180, (60, 60, 150), -1)
    cv2.ellipse(smiling, (240, 352), (36, 14), 0, 0, 180, (235, 240, 242), -1)
    found, _ = find_face(smiling)

    lips = find_lips(smiling, found.head)

    assert lips.teeth
    assert lips.lower - lips.upper == pytest.approx(0.14, abs=0.06)


def test_three_faces_are_counted_and_refused(face: Picture) -> None:
    with pytest.raises(BadInput) as raised:
        find_face(beside(scaled(face, 0.5), scaled(face, 0.55), scaled(face, 0.5)))

    assert raised.value.message == "3 faces were found in the portrait"
    assert "one person" in raised.value.remedy


def test_a_much_larger_face_speaks_with_a_notice(face: Picture) -> None:
    found, notices = find_face(beside(face, scaled(face, 0.4)))

    assert found.size > 200
    assert notices == ["2 faces were found in the portrait; the largest one speaks"]


def test_a_face_that_is_too_small_is_refused_with_its_size(face: Picture) -> None:
    with pytest.raises(BadInput) as raised:
        find_face(scaled(face, 0.2))

    assert "pixels wide" in raised.value.message
    assert "64 pixels" in raised.value.remedy


def faceless() -> dict[str, Picture]:
    chance = np.random.default_rng(7)
    ys, xs = np.mgrid[0:400, 0:600].astype(np.float32)
    hills = (ys > 230 + 30 * np.sin(xs / 60) + 12 * np.sin(xs / 17)).astype(np.float32)
    sky = np.stack([235 - 0.2 * ys, 200 - 0.1 * ys, 150 + 0.1 * ys], axis=-1)
    land = np.stack([60 + 0 * ys, 110 + 10 * np.sin(ys / 9), 70 + 0 * ys], axis=-1)
    return {
        "noise": chance.integers(0, 255, (400, 400, 3), dtype=np.uint8),
        "landscape": (sky * (1 - hills[..., None]) + land * hills[..., None]).astype(np.uint8),
        "plain": np.full((300, 300, 3), 128, np.uint8),
        "checks": np.kron(np.indices((10, 10)).sum(axis=0) % 2, np.ones((40, 40)))[..., None].repeat(3, 2).astype("u1")
        * 255,
        "dot": np.zeros((1, 1, 3), np.uint8),
    }


@pytest.mark.parametrize("kind", list(faceless()))
def test_a_picture_without_a_face_is_refused_with_what_to_try(kind: str, tmp_path: Path) -> None:
    error = refused(encoded(faceless()[kind]), tmp_path)

    assert error.message.startswith("no face was found in the portrait")
    assert "looking at the camera" in error.remedy
    assert "landmarks" in error.remedy


def test_a_picture_30_000_pixels_wide_is_refused_with_its_size(tmp_path: Path) -> None:
    error = refused(encoded(np.zeros((40, 30_000, 3), np.uint8)), tmp_path)

    assert error.message.startswith("the portrait has 30,000 × 40 pixels")


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("1", (19_000, 19_000)).save(file, "PNG")

    assert len(file.getvalue()) < 100_000
    assert "19,000 × 19,000" in refused(file.getvalue(), tmp_path).message


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_truncated_picture_is_refused(face: Picture, form: str, tmp_path: Path) -> None:
    data = encoded(face, form)

    assert "damaged" in refused(data[: len(data) // 2], tmp_path).message


@pytest.mark.parametrize("data", [b"", b"hello", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n", b"GIF89a", bytes(5000)])
def test_what_is_no_picture_is_refused(data: bytes, tmp_path: Path) -> None:
    assert refused(data, tmp_path).message


def test_pictures_of_many_kinds_are_read_alike(face: Picture) -> None:
    turned = np.asarray(cv2.rotate(face, cv2.ROTATE_90_COUNTERCLOCKWISE), np.uint8)
    lying = Image.Exif()
    lying[0x0112] = 6  # "turn by 90° to the right to see it upright"
    sixteen = cv2.imencode(".png", cv2.cvtColor(face, cv2.COLOR_BGR2GRAY).astype(np.uint16) * 257)[1].tobytes()
    kinds = {
        "jpeg": encoded(face, "JPEG", quality=95),
        "cmyk": encoded(face, "JPEG", mode="CMYK", quality=95),
        "webp": encoded(face, "WEBP", quality=95),
        "tiff": encoded(face, "TIFF"),
        "bmp": encoded(face, "BMP"),
        "palette": encoded(face, mode="P"),
        "exif": encoded(turned, "JPEG", exif=lying, quality=95),
    }

    for kind, data in kinds.items():
        difference = np.abs(read_picture(data).astype(int) - face).mean()
        assert difference < 6, kind
    for data in (encoded(face, mode="L"), sixteen):
        gray = read_picture(data).astype(int)
        assert np.abs(gray - cv2.cvtColor(face, cv2.COLOR_BGR2GRAY)[..., None]).mean() < 2


def test_transparency_shows_a_soft_background(face: Picture) -> None:
    see_through = np.dstack([face, np.full(face.shape[:2], 255, np.uint8)])
    see_through[:, :60, 3] = 0
    picture = read_picture(cv2.imencode(".png", see_through)[1].tobytes())

    assert np.all(picture[:, :60] == (237, 232, 226))
    assert np.all(picture[:, 60:] == face[:, 60:])


@pytest.mark.parametrize("panel", [(352, 440), (1280, 720), (200, 200), (320, 720)])
@pytest.mark.parametrize("size", [(480, 600), (1600, 600), (480, 2000)])
def test_framing_never_distorts_and_keeps_the_head_in(panel: tuple[int, int], size: tuple[int, int]) -> None:
    head = Head((190, 262), (290, 262), (240, 352))

    framing = framed(head, size, panel)

    seen = framing.head(head)
    assert 0.1 * panel[0] < seen.eyes[0] < 0.9 * panel[0]
    assert 0.2 * panel[1] < seen.eyes[1] < 0.8 * panel[1]
    assert 0.08 < seen.unit / panel[1] < 0.2
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    assert on_panel(picture, framing, *panel).shape == (panel[1], panel[0], 3)
