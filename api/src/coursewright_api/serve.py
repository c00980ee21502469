"""Running the service: one process, its socket, the Prefect server beside it, and a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import msgspec
import uvicorn
from coursewright.errors import CoursewrightError, InputError
from coursewright.run.server import prefect_api
from coursewright.settings import Settings

from coursewright_api.app import create_app, site_of
from coursewright_api.runner import worker_beside
from coursewright_api.service import Service
from coursewright_api.settings import ServerSettings, server_settings

GRACE_S = 2
"""Seconds that requests have to end when the service stops. Streams would go on for ever."""
_BACKLOG = 2048


def run(settings: Settings, *, host: str | None = None, port: int | None = None, api_only: bool = False) -> int:
    """Serve until SIGINT or SIGTERM; the exit code. Raises CoursewrightError when it cannot begin."""
    server = server_settings(settings)
    changes = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    server = msgspec.structs.replace(server, **changes)
    with contextlib.closing(listen(server)) as listening:
        server = msgspec.structs.replace(server, port=listening.getsockname()[1])
        with _prefect(settings, wanted=not api_only) as prefect:
            service = Service(settings, server, prefect_url=prefect.answering_url)
            try:
                return asyncio.run(_serve(service, listening, prefect))
            except BaseExceptionGroup as group:  # as Litestar raises what its lifespan raised
                raise _cause(group) from None


def _cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error of our family in a group, if there is one: the one that a person can act on."""
    ours = group.subgroup(CoursewrightError)
    found: BaseException = ours or group
    while isinstance(found, BaseExceptionGroup):
        if ours is None:
            return group
        found = found.exceptions[0]
    return found


class Prefect:
    """The embedded Prefect server, which starts in a thread while the service starts; or none, or another's."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = settings.prefect_api_url
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.embedded = False
        """Is it our own?"""
        self.ready = threading.Event()
        """It answers, or has failed."""
        self.failure: CoursewrightError | None = None

    def url(self) -> str:
        """The address of its API; empty while there is none. Raises what kept it from starting."""
        if self.failure is not None:
            raise self.failure
        return self._url

    def answering_url(self) -> str:
        """The same, but empty until it answers."""
        return self.url() if self.ready.is_set() else ""

    def start(self) -> None:
        """Begin to start it."""
        self.embedded = True
        # A daemon: preparing Prefect's database the first time takes 20 s, and must not keep Ctrl-C waiting.
        self._thread = threading.Thread(target=self._hold, name="prefect", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let it go: it ends by itself when nobody has used it for `prefect_idle_s`."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(0.5)

    def _hold(self) -> None:
        try:
            with prefect_api(self._settings) as api:
                self._url = api.url
                api.wait()
                self.ready.set()
                self._stop.wait()
        except CoursewrightError as error:
            self.failure = error
            self.ready.set()


@contextlib.contextmanager
def _prefect(settings: Settings, *, wanted: bool) -> Iterator[Prefect]:
    prefect = Prefect(settings)
    if wanted and not settings.prefect_api_url:
        prefect.start()
    else:
        prefect.ready.set()
    try:
        yield prefect
    finally:
        prefect.stop()


def listen(server: ServerSettings) -> socket.socket:
    """The socket, bound before anything else is begun. Raises InputError saying what to do."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            server.host.strip("[]"), server.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # With its protocol named: else asyncio leaves Nagle's algorithm on, and each answer waits 40 ms for its body.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise InputError(
            f"the address '{server.host}' cannot be listened on: {error.strerror or error}",
            field="host",
            remedy="give --host 127.0.0.1 for this machine only, or --host 0.0.0.0 for all networks",
        ) from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise _refused(server, error) from None
    return listening


def _refused(server: ServerSettings, error: OSError) -> InputError:
    if error.errno == errno.EADDRINUSE:
        return InputError(
            f"port {server.port} is in use by another program, perhaps by another `coursewright serve`",
            field="port",
            remedy=f"stop that one, or choose another port: coursewright serve --port {server.port + 1}",
        )
    if error.errno == errno.EACCES:
        return InputError(
            f"port {server.port} is reserved for the system's own services",
            field="port",
            remedy="choose one above 1023: coursewright serve --port 8400",
        )
    return InputError(
        f"the address '{server.host}' cannot be listened on: {error.strerror}",
        field="host",
        remedy="give --host 127.0.0.1 for this machine only, or --host 0.0.0.0 for all networks",
    )


class _Server(uvicorn.Server):
    """uvicorn without its own handling of signals, which would end the process by the signal that it got."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(service: Service, listening: socket.socket, prefect: Prefect) -> int:
    proxies = service.server.trusted_proxies
    config = uvicorn.Config(
        create_app(service, site_of(service)),
        lifespan="off",  # ours is entered here, so that its errors are our own and not a traceback in a log
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        timeout_graceful_shutdown=GRACE_S,
        backlog=_BACKLOG,
    )
    server = _Server(config)
    loop = asyncio.get_running_loop()
    for wanted in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(wanted, functools.partial(_end, server))
    app = config.app
    there = asyncio.Event()
    async with (
        app.lifespan(),  # type: ignore[union-attr]  # Litestar's, as made above
        worker_beside(service.server.runs_at_once, there) if prefect.embedded else contextlib.nullcontext(),
    ):
        await _tell(service, click.echo)
        telling = asyncio.create_task(_tell_prefect(prefect, there))
        try:
            await server.serve(sockets=[listening])
        finally:
            telling.cancel()
    click.echo("stopped")
    return 0


def _end(server: uvicorn.Server) -> None:
    if server.should_exit:
        server.force_exit = True  # the second time: at once
    server.should_exit = True


async def _tell(service: Service, say: Callable[[str], None]) -> None:
    """Where to go, and how to begin."""
    url = service.server.url
    say(f"Coursewright is served at {url}   (Ctrl-C stops it)")
    say(f"  API       {url}/api, described by {url}/api/openapi.json")
    say(f"  health    {url}/health")
    say(f"  accounts  {service.database.name} · registration is {service.server.registration}")
    folder = service.server.pipelines_dir
    if folder and not any(Path(folder).glob("*.yaml")):
        say(f"  pipelines none in {Path(folder).absolute()}: start it beside the folder that holds them, or name that")
        say("            folder by COURSEWRIGHT_SERVER_PIPELINES_DIR; pipelines made here before are offered anyway")
    if (link := await service.links.setup()) is not None:
        say("")
        say("There is no admin yet. This link makes you the first; it works once, until")
        say(f"{link.expires_at:%Y-%m-%d %H:%M} UTC:")
        say(f"  {link.url}")
        say("")
    sys.stdout.flush()


async def _tell_prefect(prefect: Prefect, there: asyncio.Event) -> None:
    """Prefect's address, once it answers; then a worker may begin."""
    while not prefect.ready.is_set():
        await asyncio.sleep(0.1)
    if prefect.failure is not None:
        click.echo(f"error: {prefect.failure}", err=True)  # the API goes on: what is made already can be fetched
    elif prefect.url():
        click.echo(f"  Prefect   {prefect.url()}")
        sys.stdout.flush()
        there.set()
