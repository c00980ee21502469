"""What every backend promises, asked of each."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.errors import ArtifactDamaged, StoreError
from coursewright.store.contract import Store
from coursewright.store.gc import usage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from engine.tests.store.conftest import Backend

KEY = hashlib.sha256(b"a step").hexdigest()


def put(store: Store, data: bytes = b"a picture", name: str = "p.png") -> Artifact:
    return store.put_bytes(data, name=name, media_type="image/png")


def test_bytes_come_back(store: Store) -> None:
    artifact = put(store)

    assert artifact == Artifact(
        digest=hashlib.sha256(b"a picture").hexdigest(), media_type="image/png", size_bytes=9, name="p.png"
    )
    assert store.fetch(artifact).read_bytes() == b"a picture"
    with store.open(artifact) as file:
        assert file.read() == b"a picture"
    assert store.verify(artifact)


def test_another_process_sees_them(backend: Backend) -> None:
    artifact = put(backend.open())

    other = backend.open()

    assert other.verify(artifact)
    assert other.fetch(artifact).read_bytes() == b"a picture"


@pytest.mark.parametrize("name", ["notes.md", "meine Notizen 🎬.md", '"it\'s" & $(that).md', "\n.md", "-rf"])
def test_a_file_is_copied_whatever_its_name(store: Store, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"before")

    artifact = store.put_file(path, name=name, media_type="text/markdown")
    path.write_bytes(b"after!")

    assert artifact.name == name
    assert store.fetch(artifact).read_bytes() == b"before"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=5000), name=st.text(max_size=255))
def test_any_bytes_and_any_name_come_back(store: Store, data: bytes, name: str) -> None:
    artifact = store.put_bytes(data, name=name, media_type="application/octet-stream")

    assert artifact.name == name
    assert store.fetch(artifact).read_bytes() == data


def test_the_same_bytes_are_stored_once(backend: Backend, tmp_path: Path) -> None:
    (tmp_path / "copy").write_bytes(b"a picture")
    first = put(backend.open())
    again = backend.open().put_file(tmp_path / "copy", name="copy", media_type="image/png")

    assert again.digest == first.digest
    assert usage(backend.open()).artifacts == 1
    [(digest, size_bytes, _)] = backend.open().digests()
    assert (digest, size_bytes) == (first.digest, 9)


def test_fetched_files_are_read_only(store: Store) -> None:
    assert store.fetch(put(store)).stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("content", [b"a pigture", b"", b"a picture and more"], ids=["altered", "emptied", "longer"])
def test_damage_is_noticed_and_removed(backend: Backend, content: bytes) -> None:
    artifact = put(backend.open())
    backend.damage(artifact.digest, content)

    with pytest.raises(ArtifactDamaged, match=r"'p.png' is missing .* or was altered there\n  → run the pipeline"):
        backend.open().fetch(artifact)
    assert not backend.open().verify(artifact)
    assert list(backend.open().digests()) == []


def test_verify_removes_what_is_damaged(backend: Backend) -> None:
    artifact = put(backend.open())
    backend.damage(artifact.digest, b"a pigture")

    assert not backend.open().verify(artifact)
    assert list(backend.open().digests()) == []


def test_opening_what_is_damaged_fails(backend: Backend) -> None:
    artifact = put(backend.open())
    backend.damage(artifact.digest, b"a pigture")

    with pytest.raises(ArtifactDamaged) as caught:
        backend.open().open(artifact)
    assert caught.value.digest == artifact.digest


@pytest.mark.parametrize("way", ["bytes", "file"])
def test_putting_again_repairs(backend: Backend, tmp_path: Path, way: str) -> None:
    artifact = put(backend.open())
    backend.damage(artifact.digest, b"a pigture")

    if way == "bytes":
        put(backend.open())
    else:
        (tmp_path / "p").write_bytes(b"a picture")
        backend.open().put_file(tmp_path / "p", name="p", media_type="image/png")

    assert backend.open().verify(artifact)
    assert backend.open().fetch(artifact).read_bytes() == b"a picture"


def test_what_is_missing_is_said_to_be(store: Store) -> None:
    artifact = put(store)
    store.delete(artifact.digest)
    store.delete(artifact.digest)

    assert not store.verify(artifact)
    with pytest.raises(ArtifactDamaged):
        store.fetch(artifact)
    with pytest.raises(ArtifactDamaged):
        store.open(artifact)


def test_a_file_that_cannot_be_read_is_named(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"gone\.wav cannot be read: No such file"):
        store.put_file(tmp_path / "gone.wav", name="x", media_type="audio/wav")
    assert usage(store).artifacts == 0


def test_records(backend: Backend) -> None:
    store = backend.open()
    assert store.read_record(KEY) is None

    store.write_record(KEY, b'{"result": 1}')
    assert backend.open().read_record(KEY) == b'{"result": 1}'
    store.write_record(KEY, b'{"result": 2}')
    assert backend.open().read_record(KEY) == b'{"result": 2}'
    assert [key for key, _ in store.records()] == [KEY]

    store.delete_record(KEY)
    store.delete_record(KEY)
    assert store.read_record(KEY) is None
    assert list(store.records()) == []


@pytest.mark.parametrize("content", [b"", b'{"result"', bytes(13)], ids=["empty", "half", "zeros"])
def test_a_broken_record_is_none(backend: Backend, content: bytes) -> None:
    backend.open().write_record(KEY, b'{"result": 1}')
    backend.break_record(KEY, content)

    assert backend.open().read_record(KEY) is None


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_only_hashes_name_anything(store: Store, name: str) -> None:
    for method in (store.delete, store.read_record, store.delete_record):
        with pytest.raises(StoreError, match="is not a SHA-256"):
            method(name)
    with pytest.raises(StoreError, match="is not a SHA-256"):
        store.fetch(Artifact(digest=name, media_type="a/b", size_bytes=0, name="x"))


def test_processes_and_threads_see_only_whole_things(
    backend: Backend, kill_at_end: list[subprocess.Popen[str]]
) -> None:
    rounds = 60 if backend.name == "local" else 4
    kill_at_end += [backend.start("hammer", seed, rounds) for seed in range(3)]

    assert [(process.communicate()[0], process.returncode) for process in kill_at_end] == [("", 0)] * 3
    assert usage(backend.open()).artifacts == 5
    assert all(json.loads(backend.open().read_record(key) or b"") for key, _ in backend.open().records())


def test_big_files_take_little_memory(backend: Backend, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with path.open("wb") as file:
        file.truncate(60_000_000)

    assert float(backend.run("memory", path, backend.settings_file())) < 20


def test_a_full_disk_is_reported_and_leaves_nothing(backend: Backend) -> None:
    said = backend.run("put_with_little_space", 2_000_000)

    assert "is full\n  → free space on it, run `coursewright store gc`, or choose another folder" in said
    assert usage(backend.open()).artifacts == 0
    assert not list(backend.folder.rglob("tmp/*"))


def test_whatever_else_lies_there_is_not_counted(backend: Backend) -> None:
    store = backend.open()
    artifact = put(store)
    backend.litter(artifact.digest)

    assert usage(store).artifacts == 1
