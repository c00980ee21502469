"""Which endpoint of a Space is the chat, and what it is given: found from what the Space says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from coursewright.kit.gradio import Endpoint, Parameter
from coursewright.kit.gradio.signature import changed

LLAMA = "/query_deepseek_streaming"
"""The Llama 4 research Spaces; the handler kept the name of the model it was first written for."""
_CHATS = (LLAMA, "/chat", "/respond")
"""The second is what Gradio 4 and 5 call any `gr.ChatInterface`, the third what most of their functions are called."""
_MESSAGE = "message"
_HISTORY = "history"
_RESEARCH = "use_deep_research"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """The endpoint that is asked."""

    endpoint: Endpoint

    @property
    def researches(self) -> bool:
        """Can it search the web first?"""
        return any(parameter.name == _RESEARCH for parameter in self.endpoint.parameters)

    def arguments(self, prompt: str, *, research: bool, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """One independent prompt: with an empty history, whatever was asked before."""
        message = self.endpoint.parameters[0]
        told: dict[str, Any] = {message.name: _message(message, prompt)}
        for parameter in self.endpoint.parameters[1:]:
            if parameter.name == _HISTORY:
                told[_HISTORY] = []
            elif parameter.name == _RESEARCH:
                told[_RESEARCH] = research
        return told | dict(inputs)


def route_to(endpoints: Mapping[str, Endpoint], what: str, inputs: Mapping[str, Any]) -> Route:
    """The chat among the endpoints. Raises Unavailable with what is there when none is a chat.

    `inputs` are those that the author gives beside the prompt.
    """
    known = {_HISTORY, _RESEARCH, *inputs}
    ordered = [endpoints[name] for name in _CHATS if name in endpoints]
    ordered += [endpoint for name, endpoint in endpoints.items() if name not in _CHATS]
    for endpoint in ordered:
        if _is_chat(endpoint) and all(one.has_default or one.name in known for one in endpoint.parameters[1:]):
            return Route(endpoint=endpoint)
    raise changed(what, "none of its endpoints takes a message and nothing unknown", endpoints)


def _is_chat(endpoint: Endpoint) -> bool:
    return bool(endpoint.parameters) and endpoint.parameters[0].name == _MESSAGE and bool(endpoint.returns)


def _message(parameter: Parameter, prompt: str) -> Any:
    return {"text": prompt, "files": []} if parameter.component.lower() == "multimodaltextbox" else prompt
