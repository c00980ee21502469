"""The conversation with a model until its answer is valid."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from coursewright.capabilities.llm import LlmRequest
from coursewright.errors import Unavailable
from coursewright.kit.writing.asks import ROUNDS, Ask, Message, Reply, say
from coursewright.kit.writing.kinds import kind_of
from coursewright.kit.writing.replies import NoAnswer
from coursewright.providers import Context, Host

_QUOTED = 8
"""Faults told at once: a model corrects a few things well and many badly."""
_DETAIL = 600


def write(request: LlmRequest, context: Context, ask: Callable[[Ask], Reply], *, host: Host) -> msgspec.Struct:
    """Ask for what the request wants until the answer is valid, at most three times.

    `ask` makes one call of the model and raises the errors of the family; the result has the type that
    `request.returns` names. Raises Unavailable when no answer was valid: another model may do better, so the
    next provider is asked.
    """
    context.raise_if_cancelled()
    kind = kind_of(request, host)
    messages = [Message(role="user", text=request.prompt)]
    faults: list[str] = []
    for number in range(1, ROUNDS + 1):
        asked = Ask(messages=tuple(messages), schema=kind.schema, schema_name=request.returns, round=number)
        say(asked, context, "corrects its answer" if number > 1 else "")
        reply = ask(asked)
        context.raise_if_cancelled()
        try:
            result, faults = kind.read(reply)
        except NoAnswer as error:
            result, faults = None, [str(error)]
        if result is not None and not faults:
            context.progress(ROUNDS, ROUNDS, "written")
            return kind.finished(result, context)
        context.log.info("round %d of %d: %s", number, ROUNDS, " ".join(faults))
        messages = [
            Message(role="user", text=request.prompt),
            Message(role="assistant", text=reply.text),
            Message(role="user", text=_correction(faults)),
        ]
    raise Unavailable(
        f"the model was asked {ROUNDS} times and wrote no valid {request.returns}",
        remedy="let a larger model write, or ask for something shorter",
        detail=" ".join(faults)[:_DETAIL],
    )


def _correction(faults: list[str]) -> str:
    listed = "\n".join(f"- {fault}" for fault in faults[:_QUOTED])
    wanted = "Correct exactly this, keep what was right, and give the whole answer again."
    return f"This answer was refused:\n{listed}\n\n{wanted}"
