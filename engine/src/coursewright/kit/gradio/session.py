"""One session with an app: opened, used for one call, closed. Importing this module imports gradio_client."""

from __future__ import annotations

import concurrent.futures
import contextlib
import math
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
from gradio_client import Client  # it has no types of its own

from coursewright.errors import Busy, Cancelled, ProviderError, TimedOut, Unavailable
from coursewright.kit.gradio import hub
from coursewright.kit.gradio.address import Address, address_of, is_hugging_face
from coursewright.kit.gradio.faults import Faults
from coursewright.kit.gradio.files import download_into, incoming, outgoing
from coursewright.kit.gradio.following import Follower, Progress
from coursewright.kit.gradio.signature import Endpoint, endpoints_of, in_order
from coursewright.kit.gradio.silence import keep_silent
from coursewright.kit.gradio.waiting import LOOK_S, patiently
from coursewright.kit.gradio.wire import Wire, tls
from coursewright.kit.gradio.words import plain
from coursewright.providers import Context, Host
from coursewright.secrets import Secret

T = TypeVar("T")

WAKE_S = 600.0
"""A Space that has not started by then is not waited for any longer."""
SETTLE_S = 60.0
"""For an app that Hugging Face calls running, and that does not answer yet."""
LOOK_AGAIN_S = 2.0
"""As often as the client library asks; more often, and the Hub limits the rate."""
WAKING = "waking_s"
"""The fact by which the host remembers how long a Space took to wake."""
_ALONE_S = 60.0
"""For opening an app outside of a request, which has no deadline."""
_TOLD_S = 0.4
"""For telling the service about a cancel, before the connection is cut."""


def _nothing(*_: Any) -> None:
    """For a caller that does not follow progress."""


class Session:
    """A context manager: entering finds the app, wakes it and reads its signature; leaving cuts every connection.

    A fresh one for every call: cancelling one job of a client breaks its other jobs, and chats keep what was said in
    a session for the next call of it.
    """

    def __init__(
        self,
        address: str,
        *,
        what: str,
        token: Secret | None = None,
        context: Context | None = None,
        host: Host,
        field: str = "",
        progress: Progress | None = None,
        patience_s: float | None = None,
    ) -> None:
        self._address = address
        self._what = what
        self._token = token
        self._context = context
        self._host = host
        if patience_s is None and context is None:
            patience_s = _ALONE_S
        self._ends = math.inf if patience_s is None else time.monotonic() + patience_s
        self._faults = Faults(what, token=token.reveal() if token else "", field=field)
        say = progress or (context.progress if context is not None else _nothing)
        self._follower = Follower(what, say)
        self._wire: Wire | None = None
        self._client: Any = None

    def __enter__(self) -> Session:
        if self._context is not None:
            self._context.raise_if_cancelled()
        try:
            self._open(address_of(self._address))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every connection and let the client's threads go; from any thread."""
        if self._wire is not None:
            self._wire.cut()
        if self._client is not None:
            # Its own way waits for the garbage collector, which an error's traceback can keep off for long.
            for pool in (self._client.executor, self._client.helper_executor, self._client.stream_executor):
                pool.shutdown(wait=False)
            self._client.close()

    @property
    def endpoints(self) -> dict[str, Endpoint]:
        """What the app says it offers. Raises Unavailable when that makes no sense."""
        try:
            return endpoints_of(self._client.view_api(print_info=False, return_format="dict"))
        except (KeyError, TypeError, AttributeError) as error:
            raise self._faults.of(error) from error

    def call(self, endpoint: str, arguments: dict[str, Any], folder: Path) -> Any:
        """See `Space.call`; files are kept in `folder`."""
        values = in_order(endpoint, outgoing(arguments, folder), self.endpoints, self._what)
        result = self._result(endpoint, values)
        with httpx.Client(
            headers=self._client.headers, cookies=self._client.cookies, verify=tls(), **self._on_wire().options
        ) as client:
            root = self._client.src_prefixed
            return self._wait(lambda: incoming(result, lambda file: download_into(folder, root, file, client)))

    # -- opening ---------------------------------------------------------------------------------

    def _open(self, address: Address) -> None:
        begun, waited = time.monotonic(), False
        ends = min(begun + WAKE_S, self._ends)
        while True:
            found = self._found(address)
            hub.assert_usable(found, self._what, plain(found.words))
            asleep = found.stage in hub.ASLEEP
            waiting = asleep or found.stage in hub.STARTING
            try:
                if found.stage != "BUILDING":  # a visit starts one that sleeps
                    self._connect(found.url)
                    break
            except (Busy, Unavailable):
                if not (waiting or waited):
                    raise
            if waited and not waiting:
                ends = min(ends, time.monotonic() + SETTLE_S)
            waited = True
            if time.monotonic() > ends:
                raise Busy(
                    f"{self._what} has not started within {(time.monotonic() - begun) / 60:.0f} minutes "
                    f"(Hugging Face says {found.stage})",
                    remedy="try again later, or use another provider",
                )
            self._follower.say(self._starting(found.stage))
            self._pause(LOOK_AGAIN_S)
        if waited:
            self._host.remember(WAKING, time.monotonic() - begun)

    def _found(self, address: Address) -> hub.Found:
        if address.url:
            return hub.Found(url=address.url)
        return self._wait(lambda: hub.find(address.name, self._token))

    def _starting(self, stage: str) -> str:
        if stage == "BUILDING":
            return f"{self._what} is being built"
        took = self._host.recall(WAKING)
        return f"{self._what} was asleep and is starting" + (f"; last time that took {took:.0f} s" if took else "")

    def _connect(self, url: str) -> None:
        wire = self._wire = Wire(url)
        keep_silent()
        token = self._token.reveal() if self._token and is_hugging_face(url) else False
        self._client = self._wait(
            lambda: Client(
                url,
                token=token,
                verbose=False,
                httpx_kwargs=wire.options,
                ssl_verify=tls(),
                analytics_enabled=False,  # see `keep_silent` too
                download_files=False,  # it would leave a folder in the system's temporary one for each file
            )
        )
        wire.failed = None

    # -- a job -----------------------------------------------------------------------------------

    def _result(self, endpoint: str, values: list[Any]) -> Any:
        try:
            job = self._client.submit(*values, api_name=endpoint)
            while not job.done():
                if self._context is not None and self._context.cancelled:
                    self._abandon(job)
                    self._context.raise_if_cancelled()
                self._follower.take(job.status())
                concurrent.futures.wait([job.future], timeout=LOOK_S)
            return job.result(timeout=0)
        except (Cancelled, TimedOut):
            raise
        except Exception as error:
            raise self._fault(error) from error

    def _abandon(self, job: Any) -> None:
        """Tell the server that the job is not wanted any more, but wait for nobody."""

        def tell() -> None:
            with contextlib.suppress(Exception):
                job.cancel()

        telling = threading.Thread(target=tell, daemon=True, name="coursewright-gradio-cancel")
        telling.start()
        telling.join(_TOLD_S)
        self._on_wire().cut()

    # -- waiting ---------------------------------------------------------------------------------

    def _wait(self, work: Callable[[], T]) -> T:
        left = max(0.0, self._ends - time.monotonic())
        try:
            return patiently(work, context=self._context, stop=self.close, patience_s=left)
        except ProviderError:
            raise
        except TimeoutError as error:
            raise Busy(f"{self._what} did not answer in time", remedy="try again later", detail=str(error)) from error
        except Exception as error:
            raise self._fault(error) from error

    def _pause(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            if self._context is not None:
                self._context.raise_if_cancelled()
            time.sleep(min(LOOK_S, left))

    def _fault(self, error: Exception) -> Exception:
        if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ConnectionError):
            return error  # of a file of ours, such as a full disk: the libraries have wrapped those of the network
        return self._faults.of(error, self._wire.failed if self._wire is not None else None)

    def _on_wire(self) -> Wire:
        if self._wire is None:
            raise ValueError("the session is not open")
        return self._wire
