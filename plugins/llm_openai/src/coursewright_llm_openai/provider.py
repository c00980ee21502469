"""`llm.openai`: the provider."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from coursewright.capabilities.llm import LlmRequest
from coursewright.errors import AuthFailed, Busy, ProviderError, Unavailable
from coursewright.kit.health import cached
from coursewright.kit.http import Http, v1
from coursewright.kit.writing import write
from coursewright.providers import Context, Cost, Health, Provider
from coursewright.secrets import Secret
from msgspec import Meta

from coursewright_llm_openai.chat import Chat
from coursewright_llm_openai.models import models_of, unknown_model

LOCAL = "http://127.0.0.1:11434/v1"
"""Where Ollama listens."""
_CHECK_S = 8.0
_NOT_ABOUT_THE_KEY = (400, 404, 405, 500, 501, 503)


class OpenAIService(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which server writes."""

    url: Annotated[str, Meta(description="Address of the server, with or without /v1.")] = LOCAL
    secret: Annotated[
        str, Meta(pattern="^[A-Z][A-Z0-9_]*$", description="The secret that holds its key, where it wants one.")
    ] = "OPENAI_API_KEY"  # noqa: S105  # a name
    read_s: Annotated[
        float, Meta(gt=0, le=7200, description="Seconds of silence to wait: loading a model takes minutes.")
    ] = 900.0


class OpenAIOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the model writes."""

    model: Annotated[str, Meta(max_length=300, description="Empty: the first that the server has.")] = ""
    temperature: Annotated[float, Meta(ge=0, le=2, description="From predictable to surprising.")] = 0.7
    top_p: Annotated[float, Meta(gt=0, le=1, description="Share of the likely words to choose from.")] = 0.95
    max_tokens: Annotated[
        Annotated[int, Meta(ge=16)] | None, Meta(description="Longest answer in tokens; none: the server's limit.")
    ] = None
    thinking: Annotated[
        Literal["off", "on"], Meta(description="On: the model may think first, as it does by itself.")
    ] = "off"
    seed: Annotated[
        Annotated[int, Meta(ge=0)] | None, Meta(description="The same seed gives similar answers, where supported.")
    ] = None


class OpenAIChat(Provider[LlmRequest, msgspec.Struct]):
    """A model behind `/v1/chat/completions`: at home, in the school, or hosted."""

    capability: ClassVar[str] = "llm"
    name: ClassVar[str] = "openai"
    summary: ClassVar[str] = "scripts by any OpenAI-compatible server: llama.cpp, Ollama, vLLM, or a hosted one"
    version: ClassVar[str] = "1"
    deterministic: ClassVar[bool] = False
    cost: ClassVar[Cost] = "metered"
    preference: ClassVar[int] = 10
    concurrency: ClassVar[int | None] = 4
    unit: ClassVar[str] = "minute"
    licence: ClassVar[str] = "The terms of the model and of the server's operator bind what it writes."
    sends: ClassVar[str] = (
        "The rendered prompt, with the notes and topics in it, goes to the server at the service's `url`."
    )
    Options: ClassVar[type[msgspec.Struct]] = OpenAIOptions
    Service: ClassVar[type[msgspec.Struct]] = OpenAIService

    @cached
    def check(self) -> Health:
        """Asks `GET /models`; and where anybody may read those, as with llama.cpp, for something that wants the key."""
        try:
            with self._http(self._base, read_s=_CHECK_S, connect_s=5.0, total_s=_CHECK_S / 2) as http:
                models = models_of(http)
                wanted = self.options.model or models.chosen(http.what)
                if not models.has(wanted):
                    raise unknown_model(wanted, http.what, models)
            if models.open_to_all and self._base.endswith("/v1"):
                with self._http(self._base[: -len("/v1")], total_s=_CHECK_S / 2) as http:
                    http.get("props", allow=_NOT_ABOUT_THE_KEY)
        except Busy as error:
            return Health(state="degraded", reason=error.message, remedy=error.remedy)
        except ProviderError as error:
            return Health(state="unavailable", reason=error.message, remedy=self._remedy(error))
        if not models.listed:
            return Health(
                state="degraded",
                reason=f"{http.what} does not list its models, so '{wanted}' is not known to be there",
                remedy="try it: `coursewright providers test llm.openai`",
            )
        return Health()

    def identity(self) -> str:
        """The server's address, unless it is the one on this machine."""
        return "" if self._base == LOCAL else self._base

    def size(self, request: LlmRequest) -> float | None:
        """Minutes of course, where they are asked for: how long an answer becomes is not known otherwise."""
        minutes = request.data.get("minutes")
        known = request.returns == "script" and isinstance(minutes, int | float) and minutes > 0
        return float(minutes) if known and minutes is not None else None

    def run(self, request: LlmRequest, context: Context) -> msgspec.Struct:
        context.raise_if_cancelled()
        with self._http(self._base, read_s=self.service.read_s, context=context) as http:
            chat = Chat(http, context, self.options.model, self.settings())
            try:
                chat.model = chat.model or self._first_model(http, context)
                return write(request, context, chat.ask, host=self.host)
            except ProviderError as error:
                error.remedy = self._remedy(error)
                if isinstance(error, Unavailable) and chat.cut_short:
                    error.remedy = "raise `max_tokens` or the server's own limit, or ask for something shorter"
                raise

    @property
    def _base(self) -> str:
        return v1(self.service.url)

    def _http(self, base: str, **more: Any) -> Http:
        where = base.partition("://")[2].partition("/")[0].rpartition("@")[2]
        return Http(base, what=f"the chat server at {where}" if where else "the chat server", key=self._key(), **more)

    def _key(self) -> Secret | None:
        """Servers at home need none, so an unset secret is no fault; one that wants a key says so."""
        try:
            return self.host.secret(self.service.secret)
        except AuthFailed:
            return None

    def _remedy(self, error: ProviderError) -> str:
        """Which secret to set, where a server without a key turns out to want one."""
        if isinstance(error, AuthFailed) and self._key() is None:
            return f"set COURSEWRIGHT_SECRET_{self.service.secret} to a key for that server"
        return error.remedy

    def _first_model(self, http: Http, context: Context) -> str:
        models = models_of(http)
        name = models.chosen(http.what)
        others = f", the first of {len(models.names)}" if len(models.names) > 1 else ""
        context.notice(f"written by the model {name.rpartition('/')[2]}{others}: name another one in `model`")
        return name

    def settings(self) -> dict[str, Any]:
        """What is sent beside the messages. Both samplings, as the servers' own defaults differ."""
        options = self.options
        settings: dict[str, Any] = {"temperature": options.temperature, "top_p": options.top_p}
        for field in ("max_tokens", "seed"):
            if (value := getattr(options, field)) is not None:
                settings[field] = value
        if options.thinking == "off":
            # The first is understood by Ollama, llama.cpp and hosted servers, the second by vLLM and llama.cpp.
            settings["reasoning_effort"] = "none"
            settings["chat_template_kwargs"] = {"enable_thinking": False}
        return settings
