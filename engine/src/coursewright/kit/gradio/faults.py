"""What the client library raises, as the family of `coursewright.errors`.

The library tells a refused login by a ValueError, a lost connection by CancelledError or KeyError, and a web page in
the place of an app by JSONDecodeError. Importing this module imports gradio_client.
"""

from __future__ import annotations

import concurrent.futures
import json
import re
from typing import Any

import httpx
import huggingface_hub.errors
from gradio_client.exceptions import AppError, AuthenticationError, ValidationError
from gradio_client.utils import QueueError, TooManyRequestsError

from coursewright.errors import AuthFailed, BadInput, Busy, ProviderError, QuotaExceeded, Unavailable
from coursewright.kit.gradio.words import plain
from coursewright.kit.replies import retry_after_s

UNEXPLAINED = "has not enabled verbose error reporting"
"""In the text that the client puts in place of an error that the app does not explain."""

_OTHER = "use another provider, or set the address of another copy"
_LATER = "try again later, or use another provider"
_HUB = ("the Space may be private: set the secret HF_TOKEN to a token that may read it", "correct the Space's address")
# Of Gradio's own checks of a value against its component.
_REFUSED_VALUE = re.compile(
    r"is not in the list of choices|is (?:greater|less|higher|lower) than (?:the )?m\w+imum", re.I
)
_REFUSED_SIZE = re.compile(r"exceeds the maximum file size", re.I)
_QUOTA = re.compile(r"exceeded your .*quota|quota exceeded|out of .*gpu quota", re.I)
_BUSY = re.compile(
    r"gpu task aborted|no gpu (?:is )?(?:currently )?available|queue is full|too many requests|rate limit", re.I
)
_AGAIN_IN = re.compile(r"(?:try again|retry) in (?:(\d+):)?(\d{1,2}):(\d{2})\b", re.I)


class Faults:
    """Turns errors of one Space into the family.

    `what` names the Space in sentences, `token` is blacked out in its words, `field` is the request's field that a
    refused value came from ("" when none did).
    """

    def __init__(self, what: str, *, token: str = "", field: str = "") -> None:
        self.what = what
        self.token = token
        self.field = field

    def of(self, error: BaseException, failed: httpx.Response | None = None) -> ProviderError:
        """The error for `error`; `failed` is the first answer of the server that was no success."""
        if isinstance(error, ProviderError):
            return error
        if isinstance(error, AppError):
            return self.of_app(error.message)
        if isinstance(error, ValidationError):
            return self._refused(plain(error, self.token))
        if isinstance(error, QueueError):
            return Busy(f"the queue of {self.what} is full", remedy=_LATER)
        if isinstance(error, AuthenticationError):
            return self.of_status(401)
        if isinstance(error, TooManyRequestsError):
            return self.of_status(429, failed)
        if isinstance(error, json.JSONDecodeError):
            return self._no_app()
        if isinstance(error, concurrent.futures.CancelledError):
            return self._lost()
        if isinstance(error, httpx.HTTPError | httpx.InvalidURL):
            return self._of_http(error)
        if (found := self._of_hub(error)) is not None:
            return found
        text = plain(error, self.token)
        if isinstance(error, ValueError) and text.startswith("Server stopped"):
            return self._lost()
        if isinstance(error, KeyError) and "Could not find 'data' key" in text:
            return self._lost()
        if _REFUSED_SIZE.search(text):
            return self._refused("the file is larger than it takes")
        if failed is not None:
            return self.of_status(failed.status_code, failed)
        return self._unlike(f"{type(error).__name__}: {text}")

    def of_app(self, message: Any) -> ProviderError:
        """An error that the app's own code, or ZeroGPU before it, gave out."""
        text = plain(message, self.token)
        if UNEXPLAINED in text:
            return Unavailable(
                f"{self.what} failed and gave no reason",
                remedy=f"try again once; if it fails again, {_OTHER}",
            )
        if _QUOTA.search(text):
            return self._quota(text)
        if _BUSY.search(text):
            return Busy(f"{self.what} has no GPU to spare now, or too much to do", remedy=_LATER, detail=text)
        if _REFUSED_VALUE.search(text):
            return self._refused(text)
        return Unavailable(f"{self.what} could not do it: {text or 'it gave no reason'}", remedy=_OTHER, detail=text)

    def of_status(self, status: int, response: Any = None) -> ProviderError:
        """An HTTP answer that is no success; of `response`, of any HTTP library, only the headers count."""
        detail = f"HTTP {status}"
        if status in (401, 403):
            return AuthFailed(
                f"{self.what} refused {'the token' if self.token else 'to answer without a token'}",
                remedy="set the secret HF_TOKEN to a token that may use it",
                detail=detail,
            )
        if status == 413:
            return self._refused("the file is larger than it takes")
        if status == 429:
            after = _seconds(response)
            return Busy(f"{self.what} had too many requests", retry_after_s=after, remedy=_LATER, detail=detail)
        if status in (408, 502, 503, 504, 520, 522, 524):
            return Busy(
                f"{self.what} is starting, overloaded or down (HTTP {status})",
                retry_after_s=_seconds(response),
                remedy=_LATER,
                detail=detail,
            )
        if 300 <= status < 400:
            there = response.headers.get("location", "") if response is not None else ""
            host = httpx.URL(there).host if there else ""
            return Unavailable(
                f"{self.what} sends its callers {f'on to {host}' if host else 'elsewhere'}",
                remedy="set the service's address to where the app is now",
                detail=detail,
            )
        if status == 404:
            return Unavailable(f"there is no Gradio app where {self.what} should be", remedy=_OTHER, detail=detail)
        return Unavailable(f"{self.what} failed (HTTP {status})", remedy=_OTHER, detail=detail)

    def _of_http(self, error: httpx.HTTPError | httpx.InvalidURL) -> ProviderError:
        text = plain(error, self.token)
        if isinstance(error, httpx.HTTPStatusError):
            return self.of_status(error.response.status_code, error.response)
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
            if "CERTIFICATE" in text.upper():
                return Unavailable(
                    f"the certificate of {self.what} cannot be trusted",
                    remedy="check the service's address, or let this machine trust the certificate's issuer",
                    detail=text,
                )
            return Unavailable(
                f"{self.what} cannot be reached", remedy="check the network and the service's address", detail=text
            )
        if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
            return Unavailable(
                f"the address of {self.what} is not usable", remedy="correct the service's address", detail=text
            )
        if isinstance(error, httpx.TooManyRedirects | httpx.DecodingError):
            return self._unlike(text)
        if isinstance(error, httpx.TimeoutException):
            return Busy(f"{self.what} did not answer in time", remedy=_LATER, detail=text)
        return self._lost()

    def _of_hub(self, error: BaseException) -> ProviderError | None:
        """Errors of huggingface_hub, and of the HTTP library it uses, which is another than ours."""
        if isinstance(error, huggingface_hub.errors.HFValidationError):
            return Unavailable("Hugging Face knows no Space by such a name", remedy=_HUB[1], detail=plain(error))
        if isinstance(error, huggingface_hub.errors.RepositoryNotFoundError):
            return Unavailable(
                f"Hugging Face has no Space where {self.what} should be, or it is private",
                remedy=_HUB[1] if self.token else f"{_HUB[1]}, or, as {_HUB[0]}",
                detail=f"HTTP {error.response.status_code}",
            )
        if isinstance(error, huggingface_hub.errors.HfHubHTTPError):
            return Faults("Hugging Face", token=self.token).of_status(error.response.status_code, error.response)
        # The Hub's library raises the built-in one when it is told to stay offline.
        foreign = any(kind.__module__.partition(".")[0] in ("httpx2", "httpcore2") for kind in type(error).__mro__)
        if foreign or isinstance(error, ConnectionError):
            return Unavailable(
                "Hugging Face cannot be reached",
                remedy="check the network; an app that runs elsewhere can be set as the service's address by its URL",
                detail=plain(error, self.token),
            )
        return None

    def _quota(self, text: str) -> QuotaExceeded:
        again = _AGAIN_IN.search(text)
        when = ""
        if again:
            hours, minutes, seconds = (int(part or 0) for part in again.groups())
            when = f"; it comes back in {_span(hours * 3600 + minutes * 60 + seconds)}"
        return QuotaExceeded(
            f"the GPU quota at Hugging Face is used up{when}",
            remedy="wait for it to come back, or use another provider"
            if self.token
            else "set the secret HF_TOKEN: an account has more quota than an unknown caller",
            detail=text,
        )

    def _refused(self, text: str) -> ProviderError:
        if self.field:
            return BadInput(f"{self.what} refuses the value: {text}", field=self.field, remedy="change it", detail=text)
        return Unavailable(f"{self.what} refuses what it is sent: {text}", remedy=_OTHER, detail=text)

    def _lost(self) -> Busy:
        return Busy(f"the connection to {self.what} was lost", remedy=_LATER)

    def _no_app(self) -> Unavailable:
        return Unavailable(
            f"{self.what} answers with a web page and not as a Gradio app",
            remedy="open its address in a browser: it may be starting, or be another app by now",
        )

    def _unlike(self, detail: str) -> Unavailable:
        return Unavailable(
            f"{self.what} does not answer as a Gradio app does",
            remedy="check the service's address, or use another provider",
            detail=detail,
        )


def _seconds(response: Any) -> float | None:
    """Of `Retry-After`, a number or a date."""
    return retry_after_s(response.headers) if response is not None else None


def _span(seconds: int) -> str:
    minutes = -(-seconds // 60)
    if minutes < 60:
        return "a minute" if minutes <= 1 else f"{minutes} minutes"
    return f"{minutes // 60} h {minutes % 60:02d} min"
