"""`coursewright store`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.cli.store import in_bytes, seconds
from coursewright.store.local import LocalStore

Call = Callable[..., Any]
DAY_S = 24 * 3600


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with what was used today and what was used 40 days ago: 1,000 bytes and a record each."""
    root = tmp_path / "data" / "store"
    filled = LocalStore(root)
    old = time.time() - 40 * DAY_S
    for letter, used_at in (("a", None), ("b", old)):
        artifact = filled.put_bytes(letter.encode() * 1000, name="file.bin", media_type="application/octet-stream")
        filled.write_record(letter * 64, msgspec.json.encode({"result": artifact}))
        if used_at:
            for path in (blob(root, artifact), root / "records" / (letter * 2) / f"{letter * 64}.json"):
                os.utime(path, (used_at, used_at))
    return root


def blob(root: Path, artifact: Artifact) -> Path:
    return root / "blobs" / artifact.digest[:2] / artifact.digest


def blobs(root: Path) -> list[bytes]:
    return sorted(path.read_bytes()[:1] for path in (root / "blobs").rglob("*") if path.is_file())


def test_usage(coursewright: Call, store: Path) -> None:
    assert coursewright("store", "usage").out == f"2 artifacts, 2.0 kB\n2 finished steps\nin {store}\n"
    assert json.loads(coursewright("store", "usage", "--json").out) == {
        "artifacts": 2,
        "artifact_bytes": 2000,
        "records": 2,
    }


def test_verify_removes_what_is_damaged(coursewright: Call, store: Path) -> None:
    assert coursewright("store", "verify").out == "2 artifacts, 2.0 kB read\nall good\n"
    [damaged] = [path for path in (store / "blobs").rglob("*") if path.is_file() and path.read_bytes()[:1] == b"a"]
    damaged.chmod(0o644)
    damaged.write_bytes(b"x" * 1000)

    ended = coursewright("store", "verify")

    assert ended.code == 1
    assert ended.out == (
        "2 artifacts, 2.0 kB read\n"
        f"damaged, removed: {damaged.name}\n"
        "1 artifact damaged; the next run makes them again\n"
    )
    assert blobs(store) == [b"b"]
    assert json.loads(coursewright("store", "verify", "--json").out) == {
        "artifacts": 1,
        "artifact_bytes": 1000,
        "damaged": [],
    }


def test_a_dry_run_removes_nothing(coursewright: Call, store: Path) -> None:
    ended = coursewright("store", "gc", "--older-than", "30d", "--dry-run")

    assert ended.out == (
        "would go: 1 artifact, 1.0 kB, of 1 finished step\nwould stay: 1 artifact, 1.0 kB, of 1 finished step\n"
    )
    assert blobs(store) == [b"a", b"b"]


def test_what_nobody_used_goes(coursewright: Call, store: Path) -> None:
    ended = coursewright("store", "gc", "--older-than", "30d")

    assert ended.out == (
        "removed: 1 artifact, 1.0 kB, of 1 finished step\nleft: 1 artifact, 1.0 kB, of 1 finished step\n"
    )
    assert blobs(store) == [b"a"]


def test_the_size_is_kept_and_what_is_in_use_stays(coursewright: Call, store: Path) -> None:
    ended = coursewright("store", "gc", "--older-than", "1w1d", "--max-size", "0.5kB", "--json")

    assert json.loads(ended.out) == {
        "artifacts": 1,
        "artifact_bytes": 1000,
        "records": 1,
        "leftovers": 0,
        "kept": {"artifacts": 1, "artifact_bytes": 1000, "records": 1},
        "dry_run": False,
    }
    told = coursewright("store", "gc", "--max-size", "500B").out.splitlines()[-1]
    assert told == "more than 500 bytes left: what was used in the last 24 hours is kept"


def test_a_store_that_is_no_folder_is_an_error_with_a_remedy(
    coursewright: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("COURSEWRIGHT_STORE_DIR", str(file))

    ended = coursewright("store", "gc")

    assert ended.code == 1
    assert ended.err.startswith("error: ")
    assert "\n  → " in ended.err


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30d", 30 * DAY_S), ("12h", 43200.0), ("90m", 5400.0), ("1w2D", 9 * DAY_S), ("45s", 45.0), ("0d", 0.0)],
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("5GB", 5 * 10**9), ("500 mb", 500 * 10**6), ("2GiB", 2 << 30), ("1.5kB", 1500), ("0B", 0), ("7b", 7)],
)
def test_sizes(text: str, expected: int) -> None:
    assert in_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "3 d", "1y", "1e9d", "٣d"])
def test_no_duration(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no duration; write 30d, 12h, 90m or 1w"):
        seconds(text)


@pytest.mark.parametrize("text", ["", "5", "GB", "-1GB", "5 gigs", "1e3MB", "5ib", "٣GB"])
def test_no_size(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no size; write 5GB, 500MB or 2GiB"):
        in_bytes(text)


def test_a_wrong_duration_is_wrong_input(coursewright: Call) -> None:
    ended = coursewright("store", "gc", "--older-than", "soon")

    assert ended.code == 2
    assert "Invalid value for '--older-than': 'soon' is no duration; write 30d, 12h, 90m or 1w" in ended.err
