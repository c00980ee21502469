"""One conversation with a server: what is sent, what is left out when the server refuses it, how the answer is read."""

from __future__ import annotations

import re
import time
from typing import Any, Literal

from coursewright.errors import Busy, ProviderError, Unavailable, Unsuited
from coursewright.kit.http import Answer, Chunks, Http
from coursewright.kit.writing import Ask, Reply, say, with_schema_in_words
from coursewright.kit.writing.replies import without_thought
from coursewright.providers import Context

from coursewright_llm_openai.events import Written, events
from coursewright_llm_openai.models import models_of, unknown_model

Format = Literal["json_schema", "json_object", "words"]
_NEXT: dict[Format, Format] = {"json_schema": "json_object", "json_object": "words"}

_REFUSED = (400, 404, 422, 500)
"""Ollama and older llama.cpp say 500 to some formats and prompts that they cannot take."""
_TELL_S = 1.0

_OVERFLOW = re.compile(
    r"(?i)exceed_context_size|context[ _](size|length|window)|maximum model length|too many input tokens"
)
_FORMAT = re.compile(r"(?i)response_format|json_schema|json_object|schema|grammar|structured|guided")
_NO_MODEL = re.compile(
    r"(?i)model.{0,120}(not found|not exist|unknown|not available|invalid)|no such model|unknown model"
)
_MENTIONS = {
    "reasoning_effort": re.compile(r"(?i)reasoning|think"),
    "chat_template_kwargs": re.compile(r"(?i)chat_template|template_kwargs|enable_thinking"),
    "seed": re.compile(r"(?i)\bseed\b"),
    "top_p": re.compile(r"(?i)\btop_p\b"),
    "temperature": re.compile(r"(?i)\btemperature\b"),
    "max_tokens": re.compile(r"(?i)\bmax_tokens\b"),
    "max_completion_tokens": re.compile(r"(?i)\bmax_completion_tokens\b"),
}
"""By what words a refusal means one of the fields that an answer can do without."""
_OURS = ("reasoning_effort", "chat_template_kwargs")


class Chat:
    """Asks one model. What a server refused once is not sent to it again."""

    def __init__(self, http: Http, context: Context, model: str, settings: dict[str, Any]) -> None:
        self.model = model
        self._http, self._context = http, context
        self._settings = dict(settings)
        self._format: Format = "json_schema"
        self.cut_short = False
        """Did the last answer end at a length limit?"""

    def ask(self, ask: Ask) -> Reply:
        """One call of the model; more when the server refuses a field that it can do without."""
        while True:
            with self._http.stream("chat/completions", self._payload(ask), field="prompt", allow=_REFUSED) as chunks:
                if chunks.status not in _REFUSED:
                    return self._reply(ask, self._read(ask, chunks))
                answer = chunks.answer()
            self._give_way(ask, answer)

    def _payload(self, ask: Ask) -> dict[str, Any]:
        given = ask if self._format == "json_schema" else with_schema_in_words(ask)
        payload: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": message.role, "content": message.text} for message in given.messages],
            "stream": True,
            **self._settings,
        }
        if ask.schema is not None and self._format == "json_schema":
            form = {"name": ask.schema_name or "answer", "schema": ask.schema, "strict": True}
            payload["response_format"] = {"type": "json_schema", "json_schema": form}
        elif ask.schema is not None and self._format == "json_object":
            payload["response_format"] = {"type": "json_object"}
        return payload

    def _give_way(self, ask: Ask, answer: Answer) -> None:
        """Leave out what the server refused, for this call and the next. Raises when there is nothing to leave out."""
        error = self._http.failure(answer, field="prompt")
        raw = self._http.hidden(answer.body[:20_000].decode("utf-8", "replace"))
        self._context.log.info("%s", error.detail)
        if _OVERFLOW.search(raw):
            raise self._overflow(raw, error)
        if answer.status == 404 or _NO_MODEL.search(error.detail):
            if "model" in error.detail.lower():
                raise unknown_model(self.model, self._http.what, models_of(self._http))
            raise error
        if "max_tokens" in self._settings and "max_completion_tokens" in raw:  # OpenAI's newer name for it
            self._settings["max_completion_tokens"] = self._settings.pop("max_tokens")
            return
        for field, mention in _MENTIONS.items():
            if field in self._settings and mention.search(raw):
                del self._settings[field]
                if field not in _OURS:
                    self._context.notice(f"{self._http.what} does not take `{field}` as given: it used its own")
                return
        if ask.schema is not None and self._format != "words" and _FORMAT.search(raw):
            self._format = _NEXT[self._format]
            return
        raise error

    def _overflow(self, raw: str, error: ProviderError) -> Unsuited:
        sizes = dict(re.findall(r'"(n_prompt_tokens|n_ctx)":\s*(\d+)', raw))
        room = sizes.get("n_ctx") or next(iter(re.findall(r"maximum context length is (\d+)", raw)), "")
        asked = sizes.get("n_prompt_tokens") or next(iter(re.findall(r"requested (\d+) tokens", raw)), "")
        prompt = f"the prompt has {int(asked):,} tokens" if asked else "the prompt is too long"
        holds = f"the model's context holds {int(room):,}" if room else "the model's context holds fewer"
        return Unsuited(
            f"{prompt}, {holds}",
            remedy="give shorter notes, or start the server with a larger context (n_ctx)",
            detail=error.detail,
        )

    # -- the answer ------------------------------------------------------------------------------

    def _read(self, ask: Ask, chunks: Chunks) -> Written:
        written, done, told_at = Written(), False, time.monotonic()
        if re.search("json|html", chunks.headers.get("content-type", "")):  # it cannot stream, or is no chat server
            answer = chunks.answer()
            try:
                written.add(answer.json())
            except (ValueError, RecursionError):
                raise self._no_chat(answer) from None
            done = written.chunks > 0
        else:
            for event in events(chunks):
                if event == "[DONE]":
                    done = True
                    break
                written.add(event)
                if written.error is not None:
                    break
                if time.monotonic() - told_at >= _TELL_S:
                    told_at = time.monotonic()
                    say(ask, self._context, self._doing(written))
        if written.error is not None:
            raise self._told_within(written.error)
        if not written.chunks:
            raise self._no_chat(Answer(chunks.status, chunks.headers, b""))
        if not done and not written.ended:
            raise Busy(
                f"{self._http.what} broke off in the middle of its answer",
                remedy="try again; if it happens again, look into the server's log",
                detail=f"after {written.characters} characters",
            )
        return written

    @staticmethod
    def _doing(written: Written) -> str:
        return f"{written.characters:,} characters written" if written.characters else "the model is thinking"

    def _reply(self, ask: Ask, written: Written) -> Reply:
        if written.refusal or written.ended == "content_filter":
            raise Unavailable(
                f"the model {self.model} would not write this",
                remedy="change the topic or the notes, or let another model write",
                detail=self._http.hidden(written.refusal)[:300],
            )
        text = without_thought(written.text)
        self.cut_short = written.ended == "length"
        if self.cut_short:
            limit = self._settings.get("max_tokens") or self._settings.get("max_completion_tokens")
            self._context.notice(
                f"the model's answer was cut off at {f'{limit:,} tokens' if limit else 'its length limit'}: "
                "raise `max_tokens`, or the server's own limit"
            )
        elif ask.schema is not None and "{" not in text:
            self._format = "words"  # it took the schema and did not keep to it: say it in words next time
        return Reply(text=text, truncated=self.cut_short)

    def _told_within(self, told: dict[str, Any]) -> ProviderError:
        """The error that arrived in a stream that had begun with 200."""
        import json

        inner = told.get("error")
        about = inner if isinstance(inner, dict) else told
        code = about.get("code")
        status = code if isinstance(code, int) and 400 <= code < 600 else 500
        raw = json.dumps(told)
        error = self._http.failure(Answer(status, {}, raw.encode()), field="prompt")
        return self._overflow(raw, error) if _OVERFLOW.search(raw) else error

    def _no_chat(self, answer: Answer) -> Unavailable:
        words = self._http.failure(answer, field="prompt").detail
        return Unavailable(
            f"{self._http.what} did not answer as a chat server does", remedy="check its address", detail=words
        )
