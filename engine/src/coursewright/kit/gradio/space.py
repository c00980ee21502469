"""`Space`: one Gradio app, asked for what it offers, called, and looked at."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coursewright.errors import CoursewrightError
from coursewright.kit.gradio.following import Progress
from coursewright.kit.gradio.signature import Endpoint
from coursewright.providers import Context, Health, Host, NoHost
from coursewright.secrets import Secret

if TYPE_CHECKING:
    from coursewright.kit.gradio.session import Session


class Space:
    """A Gradio app: `owner/name` on Hugging Face, or the URL of one anywhere.

    `what` names it in sentences ("the Llama 4 Space"). `token` is a Hugging Face token; it is sent to Hugging Face
    and nowhere else. `context` is the request that is served: waiting ends with it, and files are kept in its
    scratch folder. `host` remembers how long waking the Space took. Construction cannot fail.
    """

    def __init__(
        self,
        address: str,
        *,
        what: str,
        token: Secret | None = None,
        context: Context | None = None,
        host: Host | None = None,
    ) -> None:
        self.address = address
        self.what = what
        self._token = token
        self._context = context
        self._host: Host = host or NoHost()
        self._endpoints: dict[str, Endpoint] | None = None

    def endpoints(self) -> dict[str, Endpoint]:
        """What the app offers, by name. Asked once; raises the classes under `ProviderError`."""
        if self._endpoints is None:
            with self._session() as session:
                self._endpoints = session.endpoints
        return self._endpoints

    def call(
        self, endpoint: str, arguments: dict[str, Any], *, field: str = "", progress: Progress | None = None
    ) -> Any:
        """Call one endpoint by its parameters' names and wait for its result, in a session of its own.

        A Path among the arguments is uploaded, and a file in the result comes back as a Path below the context's
        scratch folder. Several outputs come as a tuple; a generator's last value counts. `field` is the request's
        field that is at fault when the app refuses a value. `progress` is told (done, total, message) in place of
        the context, for a call that is one of several.

        Raises the classes under `ProviderError`: Unavailable when the arguments do not fit the endpoint.
        """
        if self._context is None:
            raise ValueError("a call needs the context of a request")
        folder = Path(tempfile.mkdtemp(dir=self._context.scratch, prefix="space-"))
        with self._session(field=field, progress=progress) as session:
            self._endpoints = session.endpoints
            return session.call(endpoint, arguments, folder)

    def probe(self) -> Health:
        """Could it be called now? Asks it, within 10 s, and wakes nobody."""
        from coursewright.kit.gradio.probing import probe

        try:
            health, self._endpoints = probe(self.address, self.what, self._token, self._host)
        except CoursewrightError as error:
            return Health(state="unavailable", reason=error.message, remedy=error.remedy)
        return health

    def _session(self, *, field: str = "", progress: Progress | None = None) -> Session:
        from coursewright.kit.gradio.session import Session

        return Session(
            self.address,
            what=self.what,
            token=self._token,
            context=self._context,
            host=self._host,
            field=field,
            progress=progress,
        )
