"""What is sent, what is left out after a refusal, and how each odd answer is read."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from coursewright.capabilities.llm import LlmRequest, LlmText
from coursewright.errors import (
    AuthFailed,
    BadInput,
    Busy,
    Cancelled,
    ProviderError,
    QuotaExceeded,
    TimedOut,
    Unavailable,
)
from coursewright.kit.http import Http
from coursewright.kit.writing import Ask, Message, Reply
from coursewright.run.context import RequestContext
from coursewright.secrets import Secret
from coursewright.testing import Bench
from coursewright.testing.standins.chat import ChatServer
from coursewright_llm_openai import chat as chatting
from coursewright_llm_openai.chat import Chat
from coursewright_llm_openai.provider import OpenAIChat

SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "points": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["title", "points"],
    "additionalProperties": False,
}
SENTENCE = "Grüße vom Modell: “the sea rises twice a day” 🌊."
KEY = "sk-0123456789-not-a-real-key"

Serving = Callable[..., ChatServer]
ProviderOf = Callable[..., OpenAIChat]


def asked(*, schema: dict[str, Any] | None = None, text: str = "Write.", number: int = 1) -> Ask:
    return Ask(messages=(Message(role="user", text=text),), schema=schema, schema_name="notes", round=number)


class Asking:
    """A `Chat` against a server, with the context that it reports to."""

    def __init__(self, made: Bench, server: ChatServer, *, key: str = "", **options: Any) -> None:
        provider = OpenAIChat(OpenAIChat.Options(**options))
        self.context: RequestContext = made.context(provider)
        self._http = Http(
            server.url,
            what="the chat server at home",
            key=Secret("OPENAI_API_KEY", key) if key else None,
            context=self.context,
        )
        model = options.get("model") or server.switches.models[0]
        self.chat = Chat(self._http, self.context, model, provider.settings())

    def __call__(self, **more: Any) -> Reply:
        with self._http:
            return self.chat.ask(asked(**more))

    def error(self, **more: Any) -> ProviderError:
        with self._http, pytest.raises(ProviderError) as caught:
            self.chat.ask(asked(**more))
        assert caught.value.message
        assert caught.value.remedy or isinstance(caught.value, Cancelled)
        return caught.value


@pytest.fixture
def asking(made: Bench) -> Callable[..., Asking]:
    return lambda server, **more: Asking(made, server, **more)


Ask_ = Callable[..., Asking]


# -- what is sent ----------------------------------------------------------------------------------------------------


def test_the_nested_schema_constrains_every_server(serving: Serving, asking: Ask_) -> None:
    for personality in ("llama.cpp", "ollama", "vllm"):
        server = serving(personality)

        reply = asking(server)(schema=SCHEMA)

        jsonschema.validate(json.loads(reply.text), SCHEMA)
        form = server.chats[0]["response_format"]
        assert form == {"type": "json_schema", "json_schema": {"name": "notes", "schema": SCHEMA, "strict": True}}


def test_both_samplings_are_sent_and_nothing_that_is_not_set(serving: Serving, asking: Ask_) -> None:
    server = serving()

    asking(server, temperature=0.2)()

    assert server.chats[0] == {
        "model": server.switches.models[0],
        "messages": [{"role": "user", "content": "Write."}],
        "stream": True,
        "temperature": 0.2,
        "top_p": 0.95,
        "reasoning_effort": "none",
        "chat_template_kwargs": {"enable_thinking": False},
    }


def test_all_options_are_sent(serving: Serving, asking: Ask_) -> None:
    server = serving()

    asking(server, temperature=0, top_p=0.5, max_tokens=900, seed=7, thinking="on")()

    sent = server.chats[0]
    assert {name: sent[name] for name in ("temperature", "top_p", "max_tokens", "seed")} == {
        "temperature": 0,
        "top_p": 0.5,
        "max_tokens": 900,
        "seed": 7,
    }
    assert not {"reasoning_effort", "chat_template_kwargs"} & sent.keys()


def test_the_key_is_sent_as_bearer(serving: Serving, asking: Ask_) -> None:
    server = serving("vllm", key=KEY)

    asking(server, key=KEY)()

    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


# -- the ladder ------------------------------------------------------------------------------------------------------


def test_a_refused_schema_becomes_json_object_with_the_schema_in_words(serving: Serving, asking: Ask_) -> None:
    server = serving(schema="refused")
    server.replies.append('{"title": "T", "points": []}')
    ask = asking(server)

    reply = ask(schema=SCHEMA)

    assert json.loads(reply.text) == {"title": "T", "points": []}
    assert [sent["response_format"]["type"] for sent in server.chats] == ["json_schema", "json_object"]
    assert '"additionalProperties"' in server.chats[1]["messages"][-1]["content"]


def test_a_refused_format_becomes_plain_words(serving: Serving, asking: Ask_) -> None:
    server = serving(schema="no_format")
    server.replies.append('Here you are:\n```json\n{"title": "T", "points": []}\n```')
    ask = asking(server)

    reply = ask(schema=SCHEMA)

    assert '{"title"' in reply.text
    kinds = [sent.get("response_format", {}).get("type") for sent in server.chats]
    assert kinds == ["json_schema", "json_object", None]
    assert '"additionalProperties"' in server.chats[2]["messages"][-1]["content"]


def test_the_rung_that_worked_is_taken_in_the_next_round(serving: Serving, asking: Ask_) -> None:
    server = serving(schema="no_format")
    ask = asking(server)

    ask(schema=SCHEMA)
    ask(schema=SCHEMA, number=2)

    assert len(server.chats) == 4
    assert "response_format" not in server.chats[3]


def test_a_schema_that_is_taken_and_ignored_is_said_in_words_next_time(serving: Serving, asking: Ask_) -> None:
    server = serving(schema="ignored")
    ask = asking(server)

    ask(schema=SCHEMA)
    ask(schema=SCHEMA, number=2)

    assert [("response_format" in sent) for sent in server.chats] == [True, False]


@pytest.mark.parametrize("field", ["reasoning_effort", "chat_template_kwargs", "seed", "temperature", "top_p"])
def test_a_field_that_a_strict_server_refuses_is_left_out(serving: Serving, asking: Ask_, field: str) -> None:
    server = serving("vllm", refuses=(field,))
    ask = asking(server, seed=3)

    assert ask().text == SENTENCE
    ask(number=2)

    assert [(field in sent) for sent in server.chats] == [True, False, False]
    ours = field in ("reasoning_effort", "chat_template_kwargs")
    assert [f"`{field}`" in notice for notice in ask.context.notices] == ([] if ours else [True])


def test_openai_takes_max_tokens_by_its_newer_name(serving: Serving, asking: Ask_) -> None:
    words = b"""{"error": {"message": "Unsupported parameter: 'max_tokens' is not supported with this model. """
    words += b"""Use 'max_completion_tokens' instead.", "type": "invalid_request_error"}}"""
    server = serving(refuse=1, status=400, content=words, content_type="application/json")

    asking(server, max_tokens=500)()

    assert server.chats[1]["max_completion_tokens"] == 500
    assert "max_tokens" not in server.chats[1]


def test_a_format_refused_with_500_is_left_out_too(serving: Serving, asking: Ask_) -> None:
    words = b'{"error": {"message": "failed to load model vocabulary required for format: grammar"}}'
    server = serving("ollama", refuse=1, content=words, content_type="application/json")

    asking(server)(schema=SCHEMA)

    assert [sent["response_format"]["type"] for sent in server.chats] == ["json_schema", "json_object"]


def test_a_refusal_that_names_nothing_we_can_leave_out_is_told(serving: Serving, asking: Ask_) -> None:
    error = asking(serving(refuse=1, status=400)).error()

    assert isinstance(error, BadInput)
    assert error.field == "prompt"
    assert "Something went wrong" in error.message


# -- models and room -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("personality", ["ollama", "vllm"])
def test_an_unknown_model_is_named_with_those_that_there_are(serving: Serving, asking: Ask_, personality: str) -> None:
    error = asking(serving(personality, models=["small:1b", "large:70b"]), model="huge:400b").error()

    assert isinstance(error, Unavailable)
    assert error.message == "the chat server at home has no model 'huge:400b'; it has small:1b, large:70b"


@pytest.mark.parametrize(("personality", "sizes"), [("llama.cpp", True), ("vllm", True)])
def test_a_prompt_beyond_the_context_is_told_with_both_sizes(
    serving: Serving, asking: Ask_, personality: str, sizes: bool
) -> None:
    error = asking(serving(personality, n_ctx=2048), max_tokens=16).error(text="x" * 40_000)

    assert isinstance(error, Unavailable)
    assert "10,0" in error.message
    assert "2,048" in error.message
    assert "n_ctx" in error.remedy


@pytest.mark.parametrize("stream", [True, False])
def test_finish_reason_length_is_truncated_and_says_to_raise_max_tokens(
    serving: Serving, asking: Ask_, stream: bool
) -> None:
    ask = asking(serving(length=True, stream=stream))

    reply = ask(schema=SCHEMA)

    assert reply.truncated
    with pytest.raises(json.JSONDecodeError):
        json.loads(reply.text)
    assert any("`max_tokens`" in notice for notice in ask.context.notices)


def test_the_limit_that_was_set_is_named(serving: Serving, asking: Ask_) -> None:
    server = serving()
    server.replies.append("word " * 1000)
    ask = asking(server, max_tokens=20)

    assert ask().truncated
    assert any("20 tokens" in notice for notice in ask.context.notices)


# -- the stream ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("escaped", [True, False])
@pytest.mark.parametrize("split_bytes", [1, 2, 3, 7, 64])
def test_a_stream_cut_inside_characters_and_escapes(
    serving: Serving, asking: Ask_, split_bytes: int, escaped: bool
) -> None:
    assert asking(serving(split_bytes=split_bytes, escaped=escaped))().text == SENTENCE


@pytest.mark.parametrize("pings", [True, False])
def test_comments_role_only_chunks_and_chunks_without_a_choice(serving: Serving, asking: Ask_, pings: bool) -> None:
    assert asking(serving(pings=pings))().text == SENTENCE


def test_a_stream_that_ends_without_done(serving: Serving, asking: Ask_) -> None:
    assert asking(serving(ends="without_done"))() == Reply(text=SENTENCE)


def test_a_stream_that_ends_early_is_busy(serving: Serving, asking: Ask_) -> None:
    error = asking(serving(ends="early")).error()

    assert isinstance(error, Busy)
    assert "middle of its answer" in error.message


def test_a_connection_cut_in_the_middle_is_busy(serving: Serving, asking: Ask_) -> None:
    assert isinstance(asking(serving(ends="cut")).error(), Busy)


def test_an_error_inside_a_stream_that_began_with_200(serving: Serving, asking: Ask_) -> None:
    error = asking(serving("vllm", ends="error")).error()

    assert isinstance(error, Busy)
    assert "EngineCore encountered an issue" in error.detail


def test_a_server_that_cannot_stream(serving: Serving, asking: Ask_) -> None:
    assert asking(serving(stream=False, thinking="reasoning", stubborn=True))().text == SENTENCE


@pytest.mark.parametrize("where", ["reasoning", "reasoning_content", "think", "unopened"])
@pytest.mark.parametrize("stream", [True, False])
def test_thinking_is_no_part_of_the_answer(serving: Serving, asking: Ask_, where: str, stream: bool) -> None:
    reply = asking(serving(thinking=where, stream=stream), thinking="on")(schema=SCHEMA)

    jsonschema.validate(json.loads(reply.text), SCHEMA)


@pytest.mark.parametrize("where", ["reasoning", "think"])
def test_thinking_that_cannot_be_turned_off_is_no_part_either(serving: Serving, asking: Ask_, where: str) -> None:
    assert asking(serving(thinking=where, stubborn=True))().text == SENTENCE


def test_progress_tells_the_characters_and_never_a_share_that_nobody_knows(
    serving: Serving, asking: Ask_, made: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chatting, "_TELL_S", 0.0)

    asking(serving(thinking="reasoning"), thinking="on")()

    assert {done for done, _, _ in made.progress} == {0}
    told = [message for _, _, message in made.progress]
    assert any("the model is thinking" in message for message in told)
    assert any("characters written" in message for message in told)


# -- other servers' faults -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (402, QuotaExceeded),
        (403, AuthFailed),
        (429, Busy),
        (500, Busy),
        (502, Busy),
        (503, Busy),
        (504, TimedOut),
        (524, TimedOut),
    ],
)
def test_a_refusal_is_an_error_of_the_family(
    serving: Serving, asking: Ask_, status: int, kind: type[ProviderError]
) -> None:
    assert type(asking(serving(refuse=1, status=status)).error()) is kind


@pytest.mark.parametrize("headers", [{"retry-after": "9"}, {}])
def test_429_with_and_without_retry_after(serving: Serving, asking: Ask_, headers: dict[str, str]) -> None:
    error = asking(serving(refuse=1, status=429, headers=headers)).error()

    assert isinstance(error, Busy)
    assert error.retry_after_s == (9 if headers else None)


def test_a_page_of_html_is_not_shown_raw(serving: Serving, asking: Ask_) -> None:
    page = b"<html><head><title>502 Bad Gateway</title></head><body><h1>nginx</h1></body></html>"

    error = asking(serving(refuse=1, status=502, content=page)).error()

    assert isinstance(error, Busy)
    assert error.detail == "502: 502 Bad Gateway: nginx"


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"<html><title>Router</title></html>", "text/html"),
        (b'{"hello": "world"}', "application/json"),
        (b"", "text/event-stream"),
        (b"data: nonsense\n\n", "text/event-stream"),
        (b"[1, 2]", "application/json"),
    ],
)
def test_a_200_that_is_no_chat_is_unavailable(
    serving: Serving, asking: Ask_, content: bytes, content_type: str
) -> None:
    error = asking(serving(refuse=1, status=200, content=content, content_type=content_type)).error()

    assert isinstance(error, Unavailable)
    assert "as a chat server does" in error.message


def test_a_stream_that_is_called_plain_text_is_read(serving: Serving, asking: Ask_) -> None:
    said = b'data: {"choices": [{"delta": {"content": [{"type": "text", "text": "Hello"}]}}]}\r\ndata:[DONE]\r\n'
    server = serving(refuse=1, status=200, content=said, content_type="text/plain")

    assert asking(server)().text == "Hello"


def test_a_model_that_declines_lets_another_provider_write(serving: Serving, asking: Ask_) -> None:
    declined = b'{"choices": [{"message": {"content": null, "refusal": "I cannot help"}, "finish_reason": "stop"}]}'
    server = serving(refuse=1, status=200, content=declined, content_type="application/json")

    error = asking(server).error()

    assert isinstance(error, Unavailable)
    assert error.detail == "I cannot help"


def test_a_wrong_key_is_told_without_the_key(serving: Serving, asking: Ask_, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        error = asking(serving("vllm", key=KEY), key="sk-9876543210-wrong").error()

    assert isinstance(error, AuthFailed)
    assert "OPENAI_API_KEY" in error.message
    assert "9876543210" not in str(error) + error.detail + caplog.text


@pytest.mark.parametrize("hang", ["before", "within"])
def test_cancelling_closes_the_connection_within_a_second(serving: Serving, asking: Ask_, hang: str) -> None:
    server = serving(hang=hang)
    ask = asking(server)
    cancelled_at: list[float] = []

    def cancel() -> None:
        (server.asked if hang == "before" else server.speaking).wait(10)
        cancelled_at.append(time.monotonic())
        ask.context.cancel.set()

    threading.Thread(target=cancel).start()

    assert isinstance(ask.error(), Cancelled)
    assert time.monotonic() - cancelled_at[0] < 1
    assert server.left.wait(2)


# -- through the provider --------------------------------------------------------------------------------------------


def test_the_first_model_that_writes_is_taken_and_named(serving: Serving, provider_of: ProviderOf, made: Bench) -> None:
    server = serving("ollama", models=["nomic-embed-text:latest", "llama3.2:latest", "qwen3:8b"])
    provider = provider_of(server)
    context = made.context(provider)

    result = provider.run(LlmRequest(prompt="Hello"), context)

    assert isinstance(result, LlmText)
    assert result.text == SENTENCE
    assert server.chats[0]["model"] == "llama3.2:latest"
    assert any("llama3.2:latest, the first of 3" in notice for notice in context.notices)


def test_a_path_is_named_by_its_file_and_a_single_model_by_itself(
    serving: Serving, provider_of: ProviderOf, made: Bench
) -> None:
    provider = provider_of(serving())
    context = made.context(provider)

    provider.run(LlmRequest(prompt="Hello"), context)

    assert context.notices[0].startswith("written by the model qwen3-8b-q4_k_m.gguf:")


def test_a_model_by_name_is_taken_without_asking_for_the_list(
    serving: Serving, provider_of: ProviderOf, made: Bench
) -> None:
    server = serving("ollama")
    provider = provider_of(server, model="qwen3:8b")

    provider.run(LlmRequest(prompt="Hello"), made.context(provider))

    assert [asked.path for asked in server.requests] == ["/v1/chat/completions"]


@pytest.mark.parametrize("models", [[], ["nomic-embed-text:latest"]])
def test_a_server_without_a_model_that_writes(
    serving: Serving, provider_of: ProviderOf, made: Bench, models: list[str]
) -> None:
    server = serving("ollama")
    server.switches.models = models
    provider = provider_of(server)

    with pytest.raises(Unavailable, match="no model that writes"):
        provider.run(LlmRequest(prompt="Hello"), made.context(provider))


def test_a_script_that_never_fits_says_to_raise_max_tokens(
    serving: Serving, provider_of: ProviderOf, made: Bench
) -> None:
    provider = provider_of(serving(length=True))
    request = LlmRequest(prompt="Write.", data={"topic": "Tides"}, returns="script")

    with pytest.raises(Unavailable) as caught:
        provider.run(request, made.context(provider))

    assert "max_tokens" in caught.value.remedy


def test_size_is_the_minutes_asked_for() -> None:
    provider = OpenAIChat()

    assert provider.size(LlmRequest(data={"minutes": 12}, returns="script")) == 12
    assert provider.size(LlmRequest(data={"minutes": "soon"}, returns="script")) is None
    assert provider.size(LlmRequest(data={"minutes": 12})) is None


@pytest.mark.parametrize(
    ("url", "identity"),
    [
        ("http://127.0.0.1:11434", ""),
        ("http://127.0.0.1:11434/v1/", ""),
        ("http://gpu:8000", "http://gpu:8000/v1"),
        ("http://[", "http://[/v1"),
    ],
)
def test_identity_is_the_address_of_another_server(url: str, identity: str) -> None:
    assert OpenAIChat(service=OpenAIChat.Service(url=url)).identity() == identity
