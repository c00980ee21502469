"""`llm.llama`: the provider."""

from __future__ import annotations

import contextlib
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

import msgspec
from coursewright.capabilities.llm import LlmRequest
from coursewright.errors import AuthFailed, BadInput, ProviderError, Unsuited
from coursewright.kit.gradio import Space
from coursewright.kit.health import cached
from coursewright.kit.writing import Ask, Reply, say, with_schema_in_words, write
from coursewright.providers import Context, Health, Provider
from coursewright.secrets import Secret
from msgspec import Meta

from coursewright_llm_llama.answers import answer_of
from coursewright_llm_llama.routes import route_to

SPACE = "openfree/Llama-4-Scout-17B-Research"


class LlamaOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the Space is asked."""

    research: Annotated[
        bool, Meta(description="Let the Space search the web first, with words of the prompt; if it can.")
    ] = False
    prompt_limit: Annotated[
        int,
        Meta(
            ge=1000,
            le=5_000_000,
            description="Characters. A longer prompt is not sent, and the next provider is asked.",
        ),
    ] = 200_000
    inputs: Annotated[
        dict[str, str | int | float | bool],
        Meta(description="Other inputs of the Space's chat by their names, such as {max_tokens: 4096}."),
    ] = {}


class LlamaService(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which Space is asked."""

    address: Annotated[
        str,
        Meta(description="A Space as owner/name, or the URL of any Gradio app with a chat. HF_TOKEN is its secret."),
    ] = SPACE


class LlamaSpace(Provider[LlmRequest, msgspec.Struct]):
    """A chat on a Space, each prompt in a session of its own: no lesson hears of another."""

    capability: ClassVar[str] = "llm"
    name: ClassVar[str] = "llama"
    summary: ClassVar[str] = "Llama 4 on a public Hugging Face Space, or any Gradio chat: free, best effort"
    version: ClassVar[str] = "1"
    deterministic: ClassVar[bool] = False
    preference: ClassVar[int] = 10
    concurrency: ClassVar[int | None] = 2
    Options: ClassVar[type[msgspec.Struct]] = LlamaOptions
    Service: ClassVar[type[msgspec.Struct]] = LlamaService
    unit: ClassVar[str] = "character"
    licence: ClassVar[str] = (
        "Text by Llama 4, which the default Space asks, is under the Llama 4 Community License: products made with it "
        "say “Built with Llama”. Another Space has the terms of its own model."
    )
    sends: ClassVar[str] = (
        "The prompt, notes included, to the Space whose address is set; the default one is run by a stranger and "
        "passes it on to Fireworks, and with research search words to SERPHouse."
    )

    @cached
    def check(self) -> Health:
        """Ask Hugging Face whether the Space is awake, and the Space whether it still is a chat."""
        space = Space(self.service.address, what=self._what, token=self._token(), host=self.host)
        health = space.probe()
        if health.state == "ready":
            try:
                route_to(space.endpoints(), self._what, self.options.inputs)
            except ProviderError as error:
                return Health(state="unavailable", reason=error.message, remedy=error.remedy)
        return health

    def identity(self) -> str:
        """The address, unless it is the usual Space."""
        return "" if self.service.address == SPACE else str(self.service.address)

    def size(self, request: LlmRequest) -> float:
        """Characters of the prompt."""
        return len(request.prompt)

    def run(self, request: LlmRequest, context: Context) -> msgspec.Struct:
        """Write what the request asks for; the schema of the answer is told in the prompt.

        Raises BadInput(field="prompt") for an empty one, Unsuited when it is too long, Unavailable when the Space is
        not what it was, and when its owner's key has ended; and what `coursewright.kit.gradio` raises.
        """
        context.raise_if_cancelled()
        if not request.prompt.strip():
            raise BadInput("the prompt is empty", field="prompt", remedy="name a prompt, or write one")
        space = Space(self.service.address, what=self._what, token=self._token(), context=context, host=self.host)

        def ask(asked: Ask) -> Reply:
            prompt = with_schema_in_words(asked).prompt
            limit = self.options.prompt_limit
            if len(prompt) > limit:
                raise Unsuited(
                    f"the prompt has {len(prompt):,} characters; {self._what} is sent no more than {limit:,}",
                    remedy="give it fewer notes, or raise prompt_limit",
                )
            route = route_to(space.endpoints(), self._what, self.options.inputs)
            if self.options.research and not route.researches:
                context.notice(f"{self._what} cannot search the web: it wrote without research")
            arguments = route.arguments(prompt, research=self.options.research, inputs=self.options.inputs)
            result = space.call(
                route.endpoint.name,
                arguments,
                field="prompt",
                progress=lambda done, total, message: say(asked, context, message),
            )
            return Reply(text=answer_of(result, self._what))

        return write(request, context, ask, host=self.host)

    @property
    def _what(self) -> str:
        address = self.service.address
        if "://" not in address:
            return f"the Space {address}"
        return f"the chat at {urlsplit(address).hostname or 'its address'}"

    def _token(self) -> Secret | None:
        with contextlib.suppress(AuthFailed):  # a public Space wants none
            return self.host.secret("HF_TOKEN")
        return None
