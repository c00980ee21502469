"""What garbage collection takes and what it leaves, with either backend."""

from __future__ import annotations

import hashlib
import json
import os
import time
from typing import TYPE_CHECKING

import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.store.contract import Store
from coursewright.store.gc import Usage, collect, usage

if TYPE_CHECKING:
    from engine.tests.store.conftest import Backend, LocalBackend

DAY_S = 24 * 3600


def key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def put(store: Store, data: bytes) -> Artifact:
    return store.put_bytes(data, name="x", media_type="application/octet-stream")


def record(store: Store, name: str, *artifacts: Artifact) -> None:
    """A step's result with artifacts at some depth, as the engine files it."""
    scenes = [{"speech": {"digest": artifact.digest, "name": "x"}} for artifact in artifacts]
    store.write_record(key(name), json.dumps({"result": {"scenes": scenes}, "provider": "fake"}).encode())


def held(store: Store) -> set[str]:
    return {digest for digest, _, _ in store.digests()}


def test_usage(store: Store) -> None:
    record(store, "step", put(store, b"four"), put(store, b"seven.."))

    assert usage(store) == Usage(artifacts=2, artifact_bytes=11, records=1)


def test_what_records_and_callers_name_stays(store: Store) -> None:
    named, memo, kept, unnamed = (put(store, data) for data in (b"named", b"memo", b"kept", b"unnamed"))
    record(store, "step", named)
    store.write_record(key("memo"), json.dumps({"digest": memo.digest, "size_bytes": 4}).encode())
    store.write_record(key("journal"), json.dumps([key("step")]).encode())

    swept = collect(store, keep=[kept.digest], older_than_s=30 * DAY_S, now=time.time() + 2 * DAY_S)

    assert held(store) == {named.digest, memo.digest, kept.digest}
    assert unnamed.digest not in held(store)
    assert (swept.artifacts, swept.artifact_bytes, swept.records, swept.leftovers) == (1, 7, 0, 0)
    assert swept.kept == usage(store) == Usage(artifacts=3, artifact_bytes=13, records=3)


def test_what_a_running_job_has_just_stored_stays(store: Store) -> None:
    put(store, b"its record comes later")

    assert collect(store, older_than_s=0).artifacts == 0
    assert collect(store, older_than_s=0, max_bytes=0).artifacts == 0
    assert usage(store).artifacts == 1


def test_old_records_go_with_what_only_they_name(store: Store) -> None:
    record(store, "step", put(store, b"old"))

    swept = collect(store, older_than_s=30 * DAY_S, now=time.time() + 31 * DAY_S)

    assert (swept.records, swept.artifacts) == (1, 1)
    assert usage(store) == Usage(artifacts=0, artifact_bytes=0, records=0)


def test_lasting_records_stay_whatever_their_age_and_with_what_they_name(store: Store) -> None:
    recording, gone = put(store, b"yes, I agree"), put(store, b"gone")
    for name, artifact in (("whole", recording), ("half", gone)):
        store.write_record(key(name), json.dumps({"lasting": True, "paper": {"digest": artifact.digest}}).encode())
    store.delete(gone.digest)

    swept = collect(store, older_than_s=30 * DAY_S, max_bytes=0, now=time.time() + 400 * DAY_S)

    assert (swept.records, swept.artifacts) == (0, 0)
    assert usage(store) == Usage(artifacts=1, artifact_bytes=12, records=2)


def test_records_whose_artifacts_are_gone_go(store: Store) -> None:
    here, gone = put(store, b"here"), put(store, b"gone")
    record(store, "half", here, gone)
    record(store, "whole", here)
    store.delete(gone.digest)

    assert collect(store, older_than_s=DAY_S).records == 1
    assert [name for name, _ in store.records()] == [key("whole")]


def test_broken_records_go(backend: Backend) -> None:
    store = backend.open()
    record(store, "step")
    backend.break_record(key("step"), b'{"result": {')

    assert collect(store, older_than_s=DAY_S).records == 1
    assert list(store.records()) == []


def test_a_dry_run_says_the_same_and_removes_nothing(store: Store) -> None:
    record(store, "step", put(store, b"old"))
    put(store, b"unnamed")
    before = usage(store)

    foreseen = collect(store, older_than_s=DAY_S, now=time.time() + 2 * DAY_S, dry_run=True)

    assert usage(store) == before
    done = collect(store, older_than_s=DAY_S, now=time.time() + 2 * DAY_S)
    assert (foreseen.artifacts, foreseen.artifact_bytes, foreseen.records, foreseen.kept) == (
        (done.artifacts, done.artifact_bytes, done.records, done.kept)
    )


@pytest.mark.parametrize(
    ("max_bytes", "stay"), [(30, "abc"), (29, "bc"), (20, "bc"), (15, "c"), (0, "c")], ids=lambda value: str(value)
)
def test_the_least_recently_used_go_first(local: LocalBackend, max_bytes: int, stay: str) -> None:
    """a was used longest ago; the record of c was used lately, which counts as a use of c."""
    store = local.open()
    artifacts = {name: put(store, name.encode() * 10) for name in "abc"}
    for days_ago, name in ((2, "b"), (3, "a"), (9, "c")):
        then = time.time() - days_ago * DAY_S
        record(store, name, artifacts[name])
        os.utime(local.blob(artifacts[name].digest), (then, then))
        if name != "c":
            os.utime(local.record(key(name)), (then, then))

    swept = collect(store, older_than_s=30 * DAY_S, max_bytes=max_bytes)

    assert held(store) == {artifacts[name].digest for name in stay}
    assert {name for name, _ in store.records()} == {key(name) for name in stay}
    assert swept.kept == usage(store)


def test_what_callers_keep_outlives_the_budget(store: Store) -> None:
    kept = put(store, b"kept")

    swept = collect(store, keep=[kept.digest], older_than_s=0, max_bytes=0, now=time.time() + 2 * DAY_S)

    assert held(store) == {kept.digest}
    assert swept.kept.artifact_bytes == 4
