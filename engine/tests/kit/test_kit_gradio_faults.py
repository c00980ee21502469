"""Every way in which a Gradio app fails, and the error of the family that it becomes."""

from __future__ import annotations

import concurrent.futures
import errno
import json
import threading
from pathlib import Path
from typing import Any

import gradio_client.exceptions
import gradio_client.utils
import httpx
import pytest
from coursewright.errors import AuthFailed, BadInput, Busy, ProviderError, QuotaExceeded, Unavailable
from coursewright.kit.gradio import Space
from coursewright.kit.gradio.faults import UNEXPLAINED, Faults
from coursewright.providers import Provider
from coursewright.run.context import RequestContext
from coursewright.testing import Bench
from coursewright.testing.standins.spaces import SpaceServer

COUNT = ("/count", {"limit": 1})
ANIMATE = ("/animate", {"image": None, "sound": None})


@pytest.fixture
def app(workshop: SpaceServer, place: Bench, caller: Provider[Any, Any]) -> Space:
    return Space(workshop.url, what="the workshop", context=place.context(caller))


def failing(app: Space, endpoint: str, arguments: dict[str, Any], field: str = "") -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        app.call(endpoint, arguments, field=field)
    error = raised.value
    assert error.remedy
    assert "<" not in error.message + error.detail, "no markup"
    assert "Traceback" not in str(error)
    return error


# -- opening it ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("switches", "kind", "message"),
    [
        pytest.param({"config_status": 401}, AuthFailed, "refused to answer without a token", id="401"),
        pytest.param({"config_status": 403}, AuthFailed, "refused to answer without a token", id="403"),
        pytest.param({"config_status": 404}, Unavailable, "there is no Gradio app where", id="404"),
        pytest.param({"config_status": 429}, Busy, "had too many requests", id="429"),
        pytest.param({"config_status": 500}, Unavailable, "failed (HTTP 500)", id="500"),
        pytest.param({"config_status": 502}, Busy, "is starting, overloaded or down (HTTP 502)", id="502"),
        pytest.param({"config_status": 503}, Busy, "is starting, overloaded or down (HTTP 503)", id="503 HTML"),
        pytest.param({"config_status": 200}, Unavailable, "answers with a web page", id="200 HTML"),
        pytest.param(
            {"config_status": 200, "config_body": "[1]", "config_type": "application/json"},
            Unavailable,
            "does not answer as a Gradio app does",
            id="other JSON",
        ),
        pytest.param(
            {"config_status": 302, "config_headers": {"location": "https://example.org/login"}},
            Unavailable,
            "sends its callers on to example.org",
            id="redirect",
        ),
        pytest.param({"info_status": 500}, Unavailable, "failed (HTTP 500)", id="no signature"),
    ],
)
def test_an_app_that_cannot_be_opened(
    app: Space, workshop: SpaceServer, switches: dict[str, Any], kind: type[ProviderError], message: str
) -> None:
    workshop.switch(**switches)

    error = failing(app, *COUNT)

    assert type(error) is kind
    assert message in error.message


def test_how_long_to_wait_is_taken_from_the_answer(app: Space, workshop: SpaceServer) -> None:
    workshop.switch(config_status=429, config_headers={"retry-after": "17"})

    error = failing(app, *COUNT)

    assert isinstance(error, Busy)
    assert error.retry_after_s == 17.0


def test_a_slow_start_is_waited_for(app: Space, workshop: SpaceServer) -> None:
    workshop.switch(config_delay_s=5.5, config_times=1)  # the library itself gives up after 5 s

    assert app.call(*COUNT) == "1"


def test_nobody_listens(place: Bench, caller: Provider[Any, Any]) -> None:
    app = Space("http://127.0.0.1:9", what="the workshop", context=place.context(caller))

    error = failing(app, *COUNT)

    assert isinstance(error, Unavailable)
    assert error.message == "the workshop cannot be reached"


@pytest.mark.parametrize("address", ["", "just-a-name", "ftp://host/x", "http://", "http://host:port/", "a/b/c"])
def test_an_address_that_is_none(place: Bench, caller: Provider[Any, Any], address: str) -> None:
    error = failing(Space(address, what="the workshop", context=place.context(caller)), *COUNT)

    assert isinstance(error, Unavailable)
    assert "neither owner/name nor a URL" in error.message


def test_a_password_in_the_address_is_refused_and_not_repeated(place: Bench, caller: Provider[Any, Any]) -> None:
    app = Space("https://me:hunter2@host.example/app", what="the workshop", context=place.context(caller))

    assert "hunter2" not in str(failing(app, *COUNT))


# -- calling it ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("switches", "kind", "message"),
    [
        pytest.param({"queue_full": True}, Busy, "the queue of the workshop is full", id="queue full"),
        pytest.param({"fail": "quota"}, QuotaExceeded, "the GPU quota at Hugging Face is used up", id="quota HTML"),
        pytest.param({"fail": "aborted"}, Busy, "no GPU to spare", id="GPU task aborted"),
        pytest.param({"fail": "no_gpu"}, Busy, "no GPU to spare", id="no GPU available"),
        pytest.param({"fail": "unexplained"}, Unavailable, "failed and gave no reason", id="unexplained"),
        pytest.param({"fail": "No <b>face</b> found"}, Unavailable, "could not do it: No face found", id="explained"),
        pytest.param({"join_status": 500}, Unavailable, "failed (HTTP 500)", id="join 500"),
        pytest.param({"join_status": 502}, Busy, "overloaded or down (HTTP 502)", id="join 502"),
        pytest.param({"join_status": 401}, AuthFailed, "refused", id="join 401"),
    ],
)
def test_an_app_that_does_not_do_it(
    app: Space, workshop: SpaceServer, switches: dict[str, Any], kind: type[ProviderError], message: str
) -> None:
    workshop.switch(**switches)

    error = failing(app, *COUNT)

    assert type(error) is kind
    assert message in error.message
    assert "secret detail" not in str(error) + error.detail


def test_the_quotas_own_words_are_kept_without_markup(app: Space, workshop: SpaceServer) -> None:
    workshop.switch(fail="quota")

    error = failing(app, *COUNT)

    assert error.detail == (
        "You have exceeded your GPU quota (60s requested vs. 56s left). Create a free account to get more usage quota."
    )
    assert "HF_TOKEN" in error.remedy


def test_a_queue_that_is_really_full(
    workshop: SpaceServer, place: Bench, caller: Provider[Any, Any], app: Space
) -> None:
    workshop.switch(hang=True)
    queued = [threading.Event() for _ in range(3)]

    def call(context: RequestContext, waits: threading.Event) -> None:
        def follow(done: float, total: float, message: str) -> None:
            if "queue" in message:
                waits.set()

        Space(workshop.url, what="it", context=context).call(*COUNT, progress=follow)

    threads = [threading.Thread(target=call, args=(place.context(caller), waits)) for waits in queued]
    threads[0].start()
    workshop.wait_for(lambda server: server.requests)
    for thread, waits in zip(threads[1:], queued[1:], strict=True):
        thread.start()
        assert waits.wait(10)

    assert isinstance(failing(app, *COUNT), Busy)

    workshop.switch(hang=None)
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("arguments", [{"size": "huge"}, {"share": 7}])
def test_a_refused_value_names_the_field_it_came_from(app: Space, arguments: dict[str, Any]) -> None:
    error = failing(app, "/animate", {**ANIMATE[1], **arguments}, field="options.size")
    unnamed = failing(app, "/animate", {**ANIMATE[1], **arguments})

    assert isinstance(error, BadInput)
    assert error.field == "options.size"
    assert isinstance(unnamed, Unavailable), "what no field of the request chose is not the author's fault"


@pytest.mark.parametrize(
    ("switches", "kind"), [({"upload_status": 500}, Unavailable), ({"upload_status": 413}, BadInput)]
)
def test_an_upload_that_is_refused(
    app: Space, workshop: SpaceServer, tmp_path: Path, switches: dict[str, Any], kind: type[ProviderError]
) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    workshop.switch(**switches)

    assert type(failing(app, "/animate_again", {"image": tmp_path / "a.png"}, field="portrait")) is kind


@pytest.mark.parametrize(("status", "kind"), [(404, Unavailable), (403, AuthFailed), (500, Unavailable), (502, Busy)])
def test_a_result_that_cannot_be_fetched(
    app: Space, workshop: SpaceServer, status: int, kind: type[ProviderError]
) -> None:
    workshop.switch(file_status=status)

    assert type(failing(app, *ANIMATE)) is kind


def test_a_disk_that_is_full_is_no_fault_of_the_app(app: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("coursewright.kit.gradio.files._write", full)

    with pytest.raises(OSError, match="No space left"):
        app.call(*ANIMATE)


def test_a_server_killed_in_the_middle_of_a_call_and_started_again(
    app: Space, workshop: SpaceServer, capfd: pytest.CaptureFixture[str]
) -> None:
    workshop.switch(die=True)
    try:
        error = failing(app, *COUNT)
        after = failing(app, *COUNT)
    finally:
        workshop.kill()
        workshop.reset()
        workshop.start()

    assert isinstance(error, Busy)
    assert error.message == "the connection to the workshop was lost"
    assert isinstance(after, Unavailable)
    assert capfd.readouterr().err == "", "the library's traceback is not shown"
    assert app.call(*COUNT) == "1"


# -- what the libraries raise ------------------------------------------------------------------------

REQUEST = httpx.Request("GET", "https://space.example/config")


def status_error(status: int) -> httpx.HTTPStatusError:
    return httpx.HTTPStatusError("no", request=REQUEST, response=httpx.Response(status, request=REQUEST))


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        pytest.param(concurrent.futures.CancelledError(), Busy, id="connection lost: CancelledError"),
        pytest.param(KeyError("Could not find 'data' key in response."), Busy, id="connection lost: KeyError"),
        pytest.param(ValueError("Server stopped."), Busy, id="server stopped"),
        pytest.param(gradio_client.utils.QueueError("Queue is full!"), Busy, id="QueueError"),
        pytest.param(gradio_client.utils.TooManyRequestsError("Too many"), Busy, id="TooManyRequestsError"),
        pytest.param(gradio_client.exceptions.AuthenticationError("no"), AuthFailed, id="AuthenticationError"),
        pytest.param(gradio_client.exceptions.ValidationError("Too short"), BadInput, id="ValidationError"),
        pytest.param(ValueError("File x exceeds the maximum file size of 5 bytes set in ."), BadInput, id="too large"),
        pytest.param(json.JSONDecodeError("Expecting value", "<html>", 0), Unavailable, id="JSONDecodeError"),
        pytest.param(httpx.ConnectError("refused"), Unavailable, id="ConnectError"),
        pytest.param(httpx.ConnectTimeout("slow"), Unavailable, id="ConnectTimeout"),
        pytest.param(httpx.ReadTimeout("silent"), Busy, id="ReadTimeout"),
        pytest.param(httpx.WriteError("broken pipe"), Busy, id="WriteError"),
        pytest.param(httpx.RemoteProtocolError("cut"), Busy, id="RemoteProtocolError"),
        pytest.param(httpx.TooManyRedirects("round and round"), Unavailable, id="TooManyRedirects"),
        pytest.param(httpx.UnsupportedProtocol("gopher"), Unavailable, id="UnsupportedProtocol"),
        pytest.param(httpx.InvalidURL("no"), Unavailable, id="InvalidURL"),
        pytest.param(status_error(413), BadInput, id="413"),
        pytest.param(status_error(504), Busy, id="504"),
        pytest.param(status_error(402), Unavailable, id="402"),
        pytest.param(TypeError("'NoneType' object is not subscriptable"), Unavailable, id="a malformed answer"),
        pytest.param(ValueError("Could not fetch config for https://x"), Unavailable, id="no config"),
    ],
)
def test_each_error_of_the_libraries_has_its_place(raised: Exception, kind: type[ProviderError]) -> None:
    error = Faults("the app", field="portrait").of(raised)

    assert type(error) is kind
    assert "the app" in error.message
    assert error.remedy


def test_a_certificate_that_cannot_be_trusted_is_told_as_such() -> None:
    raised = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate")

    assert "certificate" in Faults("the app").of(raised).message


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("'" + UNEXPLAINED + "'", Unavailable, "gave no reason"),
        (
            "'You have exceeded your GPU quota (60s requested vs. 3s left). Try again in 0:41:12'",
            QuotaExceeded,
            "it comes back in 42 minutes",
        ),
        ("You have exceeded your free GPU quota. Try again in 13:05:00", QuotaExceeded, "it comes back in 13 h 05 min"),
        ("'No GPU currently available'", Busy, "no GPU to spare"),
        ("Error: key hf_abcdefghijklmnop is wrong", Unavailable, "key [key] is wrong"),
        ("", Unavailable, "it gave no reason"),
    ],
)
def test_an_apps_own_error_has_its_place(text: str, kind: type[ProviderError], message: str) -> None:
    error = Faults("the app", token="hf_" + "x" * 20).of(gradio_client.exceptions.AppError(text))

    assert type(error) is kind
    assert message in error.message
    assert not error.detail.startswith("'"), "Gradio 4 puts quotes around it"


def test_a_token_is_never_repeated() -> None:
    error = Faults("the app", token="s3cret-of-any-shape").of(ValueError("bad token s3cret-of-any-shape"))

    assert "s3cret" not in str(error) + error.detail
