"""A large file through the service against the same through a static server, by curl, in the same run.

The static server is the fastest there is on this machine: a thread that hands the file to the kernel (`sendfile`), and
for uploads writes what it receives to a file on the same disk. Both are asked in turn, the best of each counts.

    python -m bench.files                 # 2 GB; the limit is 80 %
    python -m bench.files --megabytes 500 --rounds 5
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from coursewright.settings import Settings
from coursewright.store import open_store
from coursewright_api.auth.keys import read_keys
from coursewright_api.files.links import Files
from coursewright_api.settings import server_settings

from bench.serving import ask, memory_bytes, service

LIMIT = 0.8


class Static:
    """Sends one file for every GET, and writes every PUT to another. No HTTP beyond what curl needs."""

    def __init__(self, file: Path, sink: Path) -> None:
        self._file, self._sink = file, sink
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/file"

    def serve(self) -> None:
        while True:
            client, _ = self._listener.accept()
            with client, contextlib.suppress(ConnectionError):
                head = b""
                while b"\r\n\r\n" not in head:
                    head += client.recv(65_536)
                (self._send if head.startswith(b"GET") else self._receive)(client, head)

    def _send(self, client: socket.socket, _: bytes) -> None:
        with self._file.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            client.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n".encode())
            sent = 0
            while sent < size:
                sent += os.sendfile(client.fileno(), file.fileno(), sent, size - sent)

    def _receive(self, client: socket.socket, head: bytes) -> None:
        found = re.search(rb"(?i)content-length: *(\d+)", head)
        assert found
        left = int(found[1])
        if re.search(rb"(?i)expect:", head):
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        buffer = bytearray(1 << 20)
        with self._sink.open("wb", buffering=0) as file:
            rest = head.partition(b"\r\n\r\n")[2]
            file.write(rest)
            left -= len(rest)
            while left:
                count = client.recv_into(buffer)
                if not count:
                    return
                file.write(memoryview(buffer)[:count])
                left -= count
        client.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        self._sink.unlink()


@contextlib.contextmanager
def static(file: Path, sink: Path) -> Iterator[str]:
    """The static server in a process of its own; its address."""
    command = [sys.executable, "-m", "bench.files", "--static", str(file), str(sink)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def curl(*arguments: str) -> float:
    """Seconds that curl took for it."""
    command = ["curl", "--silent", "--show-error", "--fail", "--output", "/dev/null", "--write-out", "%{time_total}"]
    return float(subprocess.run([*command, *arguments], check=True, capture_output=True, text=True).stdout)


def measure(size: int, rounds: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="coursewright-files-") as name:
        folder = Path(name)
        file = folder / "file"
        with file.open("wb") as out:
            for _ in range(0, size, 1_000_000):
                out.write(os.urandom(1_000_000))
        size = file.stat().st_size
        limits = {"DOCUMENT_MAX_BYTES": size + 1, "QUOTA_BYTES": 0}
        with (
            static(file, folder / "sink") as plain,
            service(folder / "data", "--api-only", settings=limits) as served,
        ):
            url, access = served.url, served.admin()
            settings = Settings(data_dir=folder / "data", server={"public_url": url})
            store = open_store(settings)
            artifact = store.put_file(file, name="file.bin", media_type="application/octet-stream")
            link = Files(store, read_keys(settings), server_settings(settings)).link(artifact).url
            curl(link)  # its bytes are verified once in each process
            before = memory_bytes(served.pid, "VmHWM")
            times: dict[str, list[float]] = {"down": [], "plain down": [], "up": [], "plain up": []}
            body = {"file_name": "file.bin", "type": "document", "size_bytes": size}
            for _ in range(rounds):
                times["plain down"].append(curl(plain))
                times["down"].append(curl(link))
            for _ in range(rounds):
                times["plain up"].append(curl("--upload-file", str(file), plain))
                target = ask(f"{url}/api/assets/uploads", body, access)["upload"]["url"]
                times["up"].append(curl("--upload-file", str(file), target))
            after = memory_bytes(served.pid, "VmHWM")
    best = {name: min(each) for name, each in times.items()}
    ok = True
    for way in ("down", "up"):
        ratio = best[f"plain {way}"] / best[way]
        ok = ok and ratio >= LIMIT
        print(
            f"{way:5} {size / best[way] / 1e6:7.0f} MB/s   static {size / best[f'plain {way}'] / 1e6:7.0f} MB/s   "
            f"ratio {ratio:5.0%}   limit {LIMIT:.0%}"
        )
    print(f"peak memory of the service: {before / 1e6:.0f} MB before, {after / 1e6:.0f} MB after")
    return ok


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--static", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.static:
        server = Static(*options.static)
        print(server.url, flush=True)
        server.serve()
    sys.exit(0 if measure(options.megabytes * 1_000_000, options.rounds) else 1)


if __name__ == "__main__":
    main()
