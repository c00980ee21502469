from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from coursewright.errors import BadInput, Unavailable
from coursewright.kit.clips.faces import find_faces
from coursewright.kit.clips.jobs import Portrait
from coursewright.kit.clips.portrait import SENT_PX, prepare_portrait
from coursewright.testing.portraits import photo
from PIL import Image


def prepared(tmp_path: Path, data: bytes, *, whole_picture: bool = False) -> Portrait:
    source = tmp_path / "upload"
    source.write_bytes(data)
    return prepare_portrait(source, tmp_path, whole_picture)


def encoded(picture: Image.Image, form: str, **options: object) -> bytes:
    data = io.BytesIO()
    picture.save(data, form, **options)
    return data.getvalue()


def decoded(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path))
    assert picture is not None
    return np.asarray(picture)


def face_width_against(sent: np.ndarray) -> float:
    (face,) = find_faces(np.asarray(sent, np.uint8))
    return float(face.width / sent.shape[1])


def test_the_head_is_cut_out_with_room_on_every_side(tmp_path: Path) -> None:
    portrait = prepared(tmp_path, photo(960, 1200))
    sent = decoded(portrait.sent)
    (face,) = find_faces(np.asarray(sent, np.uint8))
    assert max(sent.shape) <= SENT_PX
    assert (
        min(face.x, face.y, sent.shape[1] - face.x - face.width, sent.shape[0] - face.y - face.height)
        > 0.2 * face.width
    )
    assert portrait.notices == []
    # Where it came from is remembered; beyond the picture its edge continues.
    left, top = int(portrait.box.x), int(portrait.box.y)
    whole = decoded(portrait.whole)
    assert np.array_equal(sent[400:900, 100:800], whole[top + 400 : top + 900, left + 100 : left + 800])
    assert left < 0
    assert np.array_equal(sent[400:900, 0], whole[top + 400 : top + 900, 0])


def test_a_portrait_is_turned_as_the_camera_noted(tmp_path: Path) -> None:
    lying = Image.open(io.BytesIO(photo(600, 750))).convert("RGB").rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90° clockwise to see it upright
    portrait = prepared(tmp_path, encoded(lying, "JPEG", exif=exif, quality=95))
    assert face_width_against(decoded(portrait.sent)) > 0.3
    assert decoded(portrait.whole).shape == (750, 600, 3)


def test_without_a_face_the_portrait_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no face") as caught:
        prepared(tmp_path, photo(people=0))
    assert caught.value.field == "portrait"
    assert "looks into the camera" in caught.value.remedy


def test_of_several_faces_the_largest_speaks_and_the_author_is_told(tmp_path: Path) -> None:
    portrait = prepared(tmp_path, photo(1440, 1800, people=2))
    assert portrait.notices == ["2 faces were found in the portrait; the largest one speaks"]
    assert portrait.face.x + portrait.face.width < 720


def test_a_very_large_portrait_is_sent_small(tmp_path: Path) -> None:
    portrait = prepared(tmp_path, photo(4000, 5000), whole_picture=True)
    assert max(decoded(portrait.sent).shape) == SENT_PX


def test_a_face_at_the_edge_of_the_picture_gets_room(tmp_path: Path) -> None:
    close = Image.open(io.BytesIO(photo(960, 1200))).crop((270, 300, 690, 900))
    portrait = prepared(tmp_path, encoded(close, "PNG"))
    assert portrait.box.x < 0
    sent = decoded(portrait.sent)
    assert sent.shape[:2] == (portrait.box.height, portrait.box.width)
    assert 0.4 < face_width_against(sent) < 0.65


def test_a_face_of_few_pixels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="pixels wide"):
        prepared(tmp_path, photo(112, 140))


def test_the_whole_portrait_is_sent_where_a_service_wants_it(tmp_path: Path) -> None:
    portrait = prepared(tmp_path, photo(600, 750), whole_picture=True)
    assert decoded(portrait.sent).shape == (750, 600, 3)


def test_what_is_transparent_becomes_light(tmp_path: Path) -> None:
    cut_out = Image.open(io.BytesIO(photo(600, 750))).convert("RGBA")
    cut_out.paste((0, 0, 0, 0), (0, 0, 600, 60))
    portrait = prepared(tmp_path, encoded(cut_out, "PNG"), whole_picture=True)
    assert decoded(portrait.sent)[:50].min() > 220


def bomb() -> bytes:
    """A PNG of some hundred bytes that says it has 40,000 × 40,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(100_000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (bomb(), "pixels, more than"),
        (photo()[: len(photo()) // 2], "damaged"),
        (b"not a picture", "cannot be read|can be read"),
        (b"", "can be read"),
    ],
    ids=["bomb", "cut off", "text", "empty"],
)
def test_what_is_no_usable_picture_is_refused(data: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=words) as caught:
        prepared(tmp_path, data)
    assert caught.value.field == "portrait"
    assert caught.value.remedy


@pytest.mark.parametrize("data", [b'<svg xmlns="http://www.w3.org/2000/svg"/>', b'<?xml version="1.0"?>\n<svg/>'])
def test_a_drawing_is_left_to_a_provider_that_animates_drawings(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="drawing") as caught:
        prepared(tmp_path, data)
    assert caught.value.falls_back
