"""What store tests do in another process: `python worker.py SETTINGS TASK …`."""

import hashlib
import json
import resource
import sys
import threading
from pathlib import Path

from coursewright.errors import StoreError
from coursewright.settings import settings_from
from coursewright.store import open_store
from coursewright.store.contract import Store

MB = 1_000_000


def hammer(store: Store, seed: str, rounds: str) -> None:
    """Put, read and replace the same few artifacts and records from four threads; stop at anything half-written."""
    failures: list[str] = []

    def work(thread: int) -> None:
        try:
            for turn in range(int(rounds)):
                number = (turn + thread + int(seed)) % 5
                data = bytes([number]) * (1 + number * 70_000)
                artifact = store.put_bytes(data, name="x", media_type="application/octet-stream")
                with store.open(artifact) as file:
                    assert file.read() == data
                assert store.verify(artifact)
                key = hashlib.sha256(b"key %d" % number).hexdigest()
                store.write_record(key, json.dumps([turn] * (1 + turn * 100)).encode())
                values = json.loads(store.read_record(key) or b"")
                assert len(values) == 1 + values[0] * 100
        except BaseException as error:
            failures.append(repr(error))

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.exit(failures[0] if failures else 0)


def put_file(store: Store, path: str) -> None:
    store.put_file(Path(path), name="x", media_type="application/octet-stream")


def put_with_little_space(store: Store, size_bytes: str) -> None:
    """The limit on a file's size makes writing fail as a full disk does."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (MB, MB))
    try:
        store.put_bytes(bytes(int(size_bytes)), name="x", media_type="application/octet-stream")
    except StoreError as error:
        print(error)


def memory(store: Store, path: str, settings: str) -> None:
    """Megabytes by which putting and fetching a big file raises this process's peak."""
    store.put_bytes(b"warm", name="x", media_type="text/plain")
    before = peak_bytes()
    artifact = store.put_file(Path(path), name="x", media_type="application/octet-stream")
    elsewhere = open_store(settings_from({"COURSEWRIGHT_SETTINGS": settings}))
    assert elsewhere.verify(artifact)
    assert elsewhere.fetch(artifact).stat().st_size == artifact.size_bytes
    print((peak_bytes() - before) / MB)


def peak_bytes() -> int:
    """VmHWM, because getrusage's figure would include the process that started this one."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


if __name__ == "__main__":
    settings, task, *arguments = sys.argv[1:]
    globals()[task](open_store(settings_from({"COURSEWRIGHT_SETTINGS": settings})), *arguments)
