"""The pictures of the README are taken of what is here, and are those that it shows."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image

from tools.pictures import PICTURES, take
from web.tests.conftest import ROOT

SHOWN = ROOT / "docs" / "images"
NOTES = "# The moon\nThe moon pulls the sea.\n\n# The sun\nThe sun helps a little.\n"


def test_each_picture_can_be_taken_and_is_shown(tmp_path: Path) -> None:
    take(tmp_path, NOTES)
    for name in PICTURES:
        with Image.open(tmp_path / f"{name}.jpg") as taken, Image.open(SHOWN / f"{name}.jpg") as kept:
            assert taken.size == kept.size
            assert len(taken.convert("L").getcolors() or ()) > 50  # not an empty page
    readme = (ROOT / "README.md").read_text("utf-8")
    assert set(re.findall(r"docs/images/(\w+)\.jpg", readme)) == set(PICTURES)
    assert {path.stem for path in SHOWN.iterdir()} == set(PICTURES)
