"""`llm.llama` against the research Space and other chats, working and failing."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from coursewright.capabilities.llm import LlmRequest, LlmText, Script
from coursewright.errors import (
    AuthFailed,
    Busy,
    Cancelled,
    ProviderError,
    QuotaExceeded,
    TimedOut,
    Unavailable,
)
from coursewright.kit.health import forget
from coursewright.testing import Bench, bench
from coursewright.testing.standins.spaces import SpaceServer, space
from coursewright_llm_llama.provider import LlamaOptions, LlamaService, LlamaSpace

SCRIPT = {
    "title": "Tides",
    "scenes": [
        {
            "id": "two-tides",
            "title": "Two tides a day",
            "bullets": ["The Moon pulls the sea"],
            "narration": "The Moon pulls the water towards it, and the sea rises on the side that faces the Moon.",
        }
    ],
}
GOOD = json.dumps(SCRIPT)
ASKED = LlmRequest(prompt="Write a course about tides.", returns="script")
NO_CHAT = """
import gradio as gr

def build(desk):
    def summarise(document, length):
        return document[: int(length)]

    with gr.Blocks() as demo:
        document, length, summary = gr.Textbox(), gr.Number(), gr.Textbox()
        gr.Button().click(summarise, [document, length], summary)
    return demo
"""
QUESTION = LlmRequest(prompt="Why are there two tides a day?")


def provider_for(server: SpaceServer, place: Bench, **options: Any) -> LlamaSpace:
    return LlamaSpace(LlamaOptions(**options), service=LlamaService(address=server.url), host=place.host(LlamaSpace))


def failing(server: SpaceServer, place: Bench, request: LlmRequest = QUESTION, **options: Any) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        place.serve(provider_for(server, place, **options), request)
    return raised.value


# -- answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["tuples", "messages"])
def test_the_answer_is_the_last_words_of_the_chatbot_in_either_shape(
    llama: SpaceServer, place: Bench, shape: str
) -> None:
    llama.switch(shape=shape, replies=["The Moon pulls twice."])

    assert place.serve(provider_for(llama, place), QUESTION) == LlmText(text="The Moon pulls twice.")
    assert llama.requests == [{"message": QUESTION.prompt, "history": [], "use_deep_research": False}]


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(GOOD, id="clean JSON"),
        pytest.param(f"Here it is:\n```json\n{GOOD}\n```\nEnjoy!", id="JSON in a code fence"),
        pytest.param(f"<think>A {{draft}} first …</think>\n{GOOD}", id="thinking before JSON"),
    ],
)
def test_a_script_is_read_from_the_answer(llama: SpaceServer, place: Bench, reply: str) -> None:
    llama.switch(replies=[reply])

    script = place.serve(provider_for(llama, place), ASKED)

    assert isinstance(script, Script)
    assert [scene.id for scene in script.scenes] == ["two-tides"]
    told = llama.requests[0]["message"]
    assert told.startswith(ASKED.prompt), "the schema cannot be sent, so it stands in the prompt"
    assert '"narration"' in told


def test_an_invalid_answer_is_asked_for_again_with_what_was_wrong(llama: SpaceServer, place: Bench) -> None:
    llama.switch(replies=['{"title": "Tides", "scenes": [', GOOD])

    script = place.serve(provider_for(llama, place), ASKED)

    assert isinstance(script, Script)
    first, second = llama.requests
    assert "not valid JSON" in second["message"]
    assert (first["history"], second["history"]) == ([], []), "each prompt is a conversation of its own"


def test_research_is_asked_of_the_space(llama: SpaceServer, place: Bench) -> None:
    llama.switch(replies=["The Moon, as example.org says."])

    answer = place.serve(provider_for(llama, place, research=True), QUESTION)

    assert llama.requests[0]["use_deep_research"] is True
    assert answer == LlmText(text="The Moon, as example.org says.")


def test_a_very_slow_first_word_is_waited_for(llama: SpaceServer, place: Bench) -> None:
    llama.switch(first_token_s=1.5)

    assert place.serve(provider_for(llama, place), QUESTION).text.startswith("You said")


def test_turns_that_were_there_before_are_not_the_answer(llama: SpaceServer, place: Bench) -> None:
    llama.switch(past=[["Who are you?", "I am Llama."], ["And you?", None]], replies=["The Moon pulls twice."])

    assert place.serve(provider_for(llama, place), QUESTION).text == "The Moon pulls twice."


def test_what_the_space_is_doing_is_told_in_rounds(llama: SpaceServer, place: Bench) -> None:
    llama.switch(first_token_s=0.4, replies=["no JSON", GOOD])

    place.serve(provider_for(llama, place), ASKED)

    messages = [message for _, _, message in place.progress]
    assert "round 1 of at most 3: the chat at 127.0.0.1 is working" in messages
    assert "round 2 of at most 3: the chat at 127.0.0.1 is working" in messages
    shares = [done / total for done, total, _ in place.progress]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_an_answer_that_streams_in_many_pieces_is_taken_whole(llama: SpaceServer, place: Bench) -> None:
    llama.switch(pieces=25, replies=["word " * 400])

    assert place.serve(provider_for(llama, place), QUESTION).text == ("word " * 400).strip()


def test_a_long_prompt_is_sent_whole(llama: SpaceServer, place: Bench) -> None:
    request = LlmRequest(prompt="Notes — žluťoučký 漢字. " * 8_000)
    llama.switch(replies=["Short."])

    place.serve(provider_for(llama, place), request)

    assert llama.requests[0]["message"] == request.prompt


def test_a_prompt_over_the_limit_is_not_sent_and_the_next_provider_is_asked(llama: SpaceServer, place: Bench) -> None:
    error = failing(llama, place, LlmRequest(prompt="x" * 1_200), prompt_limit=1_000)

    assert isinstance(error, Unavailable)
    assert "1,200 characters" in error.message
    assert llama.requests == []


# -- any chat --------------------------------------------------------------------------------------


def test_any_chat_interface_is_found_by_its_description(chat: SpaceServer, place: Bench) -> None:
    chat.switch(replies=["The Moon pulls twice."])

    assert place.serve(provider_for(chat, place), QUESTION) == LlmText(text="The Moon pulls twice.")


def test_nothing_leaks_from_one_prompt_into_the_next(chat: SpaceServer, place: Bench) -> None:
    provider = provider_for(chat, place)
    for prompt in ("A lesson about tides.", "A lesson about volcanoes."):
        place.serve(provider, LlmRequest(prompt=prompt))

    assert [request["history"] for request in chat.requests] == [[], []]


def test_research_is_told_to_be_impossible_where_it_is(chat: SpaceServer, place: Bench) -> None:
    provider = provider_for(chat, place, research=True)
    context = place.context(provider)

    provider.run(QUESTION, context)

    assert context.notices == ["the chat at 127.0.0.1 cannot search the web: it wrote without research"]


@pytest.mark.parametrize("chat", ["/respond"], indirect=True)
def test_other_inputs_of_a_chat_are_set_by_their_names(chat: SpaceServer, place: Bench) -> None:
    place.serve(provider_for(chat, place, inputs={"system_message": "Be brief.", "temperature": 0.2}), QUESTION)
    error = failing(chat, place, inputs={"top_k": 5})

    (told,) = chat.requests
    assert (told["system_message"], told["temperature"]) == ("Be brief.", 0.2)
    assert isinstance(error, Unavailable)
    assert "/respond(message, system_message, temperature)" in error.message


# -- what is no answer -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        ("FW_API_KEY not set. Please check the environment.", Unavailable, "its owner's key"),
        ("⚠️ Error: API request failed, status code 401: unauthorized", Unavailable, "its owner's key"),
        ("❌ API error (402): insufficient credit", QuotaExceeded, "no credit"),
        ("Error: status code 429, rate limit reached", Busy, "overloaded"),
        ("Error: this model's maximum context length is 131072 tokens", Unavailable, "too long"),
        ("An error occurred: 'choices'", Unavailable, "an error in the place of a text"),
        ("오류가 발생했습니다: 알 수 없음", Unavailable, "an error in the place of a text"),
    ],
)
def test_an_error_told_as_an_answer_is_no_answer(
    llama: SpaceServer, place: Bench, said: str, kind: type[ProviderError], message: str
) -> None:
    llama.switch(replies=[said])

    for request in (QUESTION, ASKED):
        error = failing(llama, place, request)
        assert type(error) is kind
        assert message in error.message
        assert error.detail == said
    assert len(llama.requests) == 2, "an error is not sent back to be corrected"


def test_a_lesson_about_errors_is_an_answer(llama: SpaceServer, place: Bench) -> None:
    text = "Error handling in Python: what to do when an API key is missing"
    llama.switch(replies=[text])

    assert place.serve(provider_for(llama, place), QUESTION).text == text


def test_a_wrong_shape_names_what_came_instead(llama: SpaceServer, place: Bench) -> None:
    llama.switch(shape="numbers")

    error = failing(llama, place)

    assert isinstance(error, Unavailable)
    assert error.message.endswith("answers in a shape that is not known: a list of int")


def test_an_empty_answer_is_asked_for_again_and_then_given_up(llama: SpaceServer, place: Bench) -> None:
    llama.switch(replies=[""])

    assert isinstance(failing(llama, place, ASKED), Unavailable)
    assert len(llama.requests) == 3


# -- outages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("switches", "kind"),
    [
        pytest.param({"config_status": 503}, Busy, id="HTML 503"),
        pytest.param({"queue_full": True}, Busy, id="queue full"),
        pytest.param({"fail": "quota"}, QuotaExceeded, id="quota HTML"),
        pytest.param({"fail": "unexplained"}, Unavailable, id="unexplained exception"),
        pytest.param({"config_status": 401}, AuthFailed, id="login wanted"),
        pytest.param({"config_status": 200, "config_body": "<html>"}, Unavailable, id="a web page"),
    ],
)
def test_an_outage_becomes_its_error(
    llama: SpaceServer, place: Bench, switches: dict[str, Any], kind: type[ProviderError]
) -> None:
    llama.switch(**switches)

    error = failing(llama, place)

    assert type(error) is kind
    assert error.remedy
    assert "<" not in error.message + error.detail
    assert "secret detail" not in error.message + error.detail


def test_a_slow_start_is_waited_for(llama: SpaceServer, place: Bench) -> None:
    llama.switch(config_delay_s=5.5, config_times=1)  # the client library by itself waits for 5 s

    assert place.serve(provider_for(llama, place), QUESTION).text.startswith("You said")


def test_a_hang_ends_at_the_deadline(llama: SpaceServer, place: Bench) -> None:
    llama.switch(hang=True)
    begun = time.monotonic()

    with pytest.raises(TimedOut):
        place.serve(provider_for(llama, place), QUESTION, timeout_s=1.0)

    assert time.monotonic() - begun < 2.0


def test_a_hang_ends_within_a_second_of_a_cancel_and_the_space_is_told(llama: SpaceServer, place: Bench) -> None:
    llama.switch(hang=True)
    provider = provider_for(llama, place)
    context = place.context(provider)
    cancelled: list[float] = []

    def cancel() -> None:
        llama.wait_for(lambda server: server.requests)
        cancelled.append(time.monotonic())
        context.cancel.set()

    threading.Thread(target=cancel).start()
    with pytest.raises(Cancelled):
        provider.run(QUESTION, context)

    assert time.monotonic() - cancelled[0] < 1.0
    assert any(request["path"].endswith("/cancel") for request in llama.http)


def test_a_space_killed_in_mid_answer_is_busy_and_then_unavailable(place: Bench) -> None:
    with space("llama", die=True) as server:
        assert isinstance(failing(server, place), Busy)
        assert isinstance(failing(server, place), Unavailable)


# -- health, identity, secrets ---------------------------------------------------------------------


def test_check_is_ready_when_the_space_is_a_chat(llama: SpaceServer, place: Bench) -> None:
    forget()

    assert provider_for(llama, place).check().state == "ready"
    assert llama.requests == [], "looking costs the owner of the Space nothing"


def test_check_tells_when_the_signature_has_changed(place: Bench, tmp_path: Path) -> None:
    forget()
    app = tmp_path / "no_chat.py"
    app.write_text(NO_CHAT, "utf-8")
    with space(str(app)) as server:
        health = provider_for(server, place).check()
        error = failing(server, place)

    assert health.state == "unavailable"
    assert health.reason == error.message
    assert "/summarise(document, length)" in health.reason
    assert health.remedy


def test_check_is_degraded_while_the_space_starts(llama: SpaceServer, place: Bench) -> None:
    forget()
    llama.switch(config_status=503)

    health = provider_for(llama, place).check()

    assert health.state == "degraded"
    assert "HTTP 503" in health.reason


def test_the_token_goes_to_no_server_of_ones_own(llama: SpaceServer, tmp_path: Path) -> None:
    folder = tmp_path / "bench"
    folder.mkdir()
    with bench(folder, secrets={"HF_TOKEN": "hf_onlyForHuggingFace1"}) as place:
        place.serve(provider_for(llama, place), QUESTION)

    assert "hf_onlyForHuggingFace1" not in json.dumps(llama.http)


def test_another_address_is_another_identity() -> None:
    assert LlamaSpace().identity() == ""
    assert LlamaSpace(service=LlamaService(address="me/mine")).identity() == "me/mine"


def test_the_size_is_that_of_the_prompt() -> None:
    assert LlamaSpace().size(QUESTION) == len(QUESTION.prompt)
