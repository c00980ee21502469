"""Temporary folders: held while they are used, swept when nobody holds them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from coursewright.run.folders import PREFIX, temporary_folder


def test_a_folder_is_removed_when_left_and_swept_when_its_process_died(tmp_path: Path) -> None:
    abandoned = tmp_path / f"{PREFIX}abandoned"
    abandoned.mkdir()

    with temporary_folder(tmp_path) as first, temporary_folder(tmp_path) as second:
        assert first.is_dir()
        assert second.is_dir()
        assert not abandoned.exists()

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_swept_before_it_is_held_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = tempfile.mkdtemp

    def make_and_lose_it(**options: Any) -> str:
        folder: str = make(**options)
        monkeypatch.undo()
        Path(folder).rmdir()
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", make_and_lose_it)

    with temporary_folder(tmp_path) as folder:
        assert folder.is_dir()
