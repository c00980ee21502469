"""What only the local store has: files, their times and the ways a disk fails."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.errors import StoreError
from coursewright.store.contract import Store
from coursewright.store.files import explained
from coursewright.store.gc import collect, usage
from coursewright.store.local import LocalStore

if TYPE_CHECKING:
    from engine.tests.store.conftest import LocalBackend

KEY = hashlib.sha256(b"a step").hexdigest()
HOUR_S = 3600


def put(store: Store, data: bytes = b"a picture") -> Artifact:
    return store.put_bytes(data, name="p.png", media_type="image/png")


def age(path: Path, hours: float) -> None:
    """Make a file look unused and unchanged for so long."""
    then = time.time() - hours * HOUR_S
    os.utime(path, (then, then))


def test_a_second_look_does_not_read_the_bytes(local: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = put(local.open())
    store = local.open()
    assert store.verify(artifact)

    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("read again"))

    assert store.verify(artifact)
    assert store.fetch(artifact).exists()
    assert put(store) == artifact


def test_damage_after_a_first_look_is_noticed(local: LocalBackend) -> None:
    store = local.open()
    artifact = put(store)
    local.damage(artifact.digest, b"a pigture")

    assert not store.verify(artifact)


@pytest.mark.parametrize("use", ["fetch", "verify", "put"])
def test_use_is_noted_without_another_look(local: LocalBackend, monkeypatch: pytest.MonkeyPatch, use: str) -> None:
    store = local.open()
    artifact = put(store)
    path = local.blob(artifact.digest)
    age(path, hours=48)
    changed_at = path.stat().st_mtime_ns
    assert store.verify(artifact)
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("read again"))
    os.utime(path, ns=(changed_at, changed_at))

    put(store) if use == "put" else getattr(store, use)(artifact)

    [(_, _, used_at)] = store.digests()
    assert time.time() - used_at < HOUR_S
    assert path.stat().st_mtime_ns == changed_at


def test_reading_a_record_is_a_use_unless_said_otherwise(local: LocalBackend) -> None:
    store = local.open()
    store.write_record(KEY, b"{}")
    age(local.record(KEY), hours=48)

    store.read_record(KEY, touch=False)
    collect(store, older_than_s=1e9)
    assert time.time() - dict(store.records())[KEY] > 47 * HOUR_S

    store.read_record(KEY)
    assert time.time() - dict(store.records())[KEY] < HOUR_S


def test_a_good_copy_put_while_the_damaged_one_was_read_is_not_removed(
    local: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = put(local.open())
    local.damage(artifact.digest, b"a pigture")
    hash_file = hashlib.file_digest

    def hash_and_meanwhile_repair(*arguments: Any) -> Any:
        found = hash_file(*arguments)
        monkeypatch.undo()
        put(local.open())
        return found

    monkeypatch.setattr(hashlib, "file_digest", hash_and_meanwhile_repair)

    assert not local.open().verify(artifact)
    assert local.open().verify(artifact)


def test_killed_while_storing(local: LocalBackend, tmp_path: Path, kill_at_end: list[subprocess.Popen[str]]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    kill_at_end.append(local.start("put_file", pipe))
    with pipe.open("wb", buffering=0) as source:
        source.write(bytes(3_000_000))  # returns when the other side has read all but what fits in the pipe
        kill_at_end[0].kill()
        kill_at_end[0].wait()

    store = local.open()
    assert usage(store).artifacts == 0
    assert len(list((local.root / "tmp").iterdir())) == 1
    assert collect(store, older_than_s=HOUR_S).leftovers == 0
    assert collect(store, older_than_s=HOUR_S, grace_s=0, now=time.time() + 1).leftovers == 1
    assert list((local.root / "tmp").iterdir()) == []


def test_an_unfinished_file_in_work_is_not_swept(local: LocalBackend, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    store = local.open()
    put_it = threading.Thread(target=store.put_file, args=(pipe,), kwargs={"name": "x", "media_type": "a/b"})
    put_it.start()
    with pipe.open("wb", buffering=0) as source:
        source.write(bytes(3_000_000))
        assert local.open().sweep(older_than_s=60) == 0
    put_it.join()

    assert usage(store).artifact_bytes == 3_000_000


def test_bytes_and_their_name_are_on_the_disk_before_put_returns(
    local: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []

    def note(handle: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))

    monkeypatch.setattr(os, "fsync", note)
    artifact = put(local.open())

    folder = local.blob(artifact.digest).parent
    assert re.fullmatch(re.escape(f"{local.root}/tmp/") + r"[0-9]+-[0-9a-f]{16}", synced[0])
    assert synced[1:] == [str(folder), str(folder.parent), str(local.root)]
    synced.clear()
    local.open().put_bytes(b"a picture", name="again", media_type="a/b")
    assert synced[0] == str(folder), "another process may have given the name just now"


def test_a_failing_source_leaves_nothing(local: LocalBackend) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        LocalStore(local.root).put_chunks(chunks())
    assert list((local.root / "tmp").iterdir()) == []


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = LocalStore(tmp_path / "file" / "store")

    for attempt in (lambda: put(store), lambda: store.write_record(KEY, b"{}"), lambda: list(store.digests())):
        with pytest.raises(StoreError, match=r"is not a folder that can be used: .*\n  → move away the file"):
            attempt()


def test_a_folder_that_may_not_be_written() -> None:
    store = LocalStore(Path("/sys/kernel/coursewright"))  # root may not write there either

    for attempt in (lambda: put(store), lambda: store.write_record(KEY, b"{}")):
        with pytest.raises(StoreError, match=r"may not be written or read: .*\n  → give this user write permission"):
            attempt()


def test_no_space_left(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreError, match=r"the disk with the artifact store .* is full"),
        Path("/dev/full").open("wb", buffering=0) as file,
        explained(tmp_path),
    ):
        file.write(b"x")
