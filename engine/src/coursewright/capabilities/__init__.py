"""Capabilities: the kinds of work a step can be, each with one typed request and one typed result."""

from __future__ import annotations

import msgspec

from coursewright.capabilities.compose import Film, FilmRequest
from coursewright.capabilities.document import DocumentRequest, DocumentText
from coursewright.capabilities.export import ExportRequest, Package
from coursewright.capabilities.llm import RETURNS, LlmRequest, LlmText
from coursewright.capabilities.slides import Slide, SlideRequest
from coursewright.capabilities.tts import Speech, SpeechRequest
from coursewright.capabilities.video import Clip, ClipRequest


class Capability(msgspec.Struct, frozen=True):
    """One kind of work.

    `one_voice`: within one `for_each` every item must come from the same provider unless the author
    allows mixing, because a viewer hears or sees the change. `timeout_s` bounds one task where the
    pipeline sets none: generous, so that only a hanging provider meets it.
    """

    name: str
    request: type[msgspec.Struct]
    result: type[msgspec.Struct]
    summary: str
    one_voice: bool = False
    timeout_s: float = 900.0


CAPABILITIES: dict[str, Capability] = {
    capability.name: capability
    for capability in (
        Capability("document", DocumentRequest, DocumentText, "a file an author has → Markdown"),
        Capability("llm", LlmRequest, LlmText, "a prompt and data → text, a script or a quiz"),
        Capability("tts", SpeechRequest, Speech, "text → speech", one_voice=True),
        Capability(
            "video", ClipRequest, Clip, "portrait and speech → a speaking presenter", one_voice=True, timeout_s=3600.0
        ),
        Capability("slides", SlideRequest, Slide, "a scene → a slide image"),
        Capability("compose", FilmRequest, Film, "slides, speech, presenter → film with captions", timeout_s=7200.0),
        Capability("export", ExportRequest, Package, "a film → SCORM package, MP4, …", timeout_s=3600.0),
    )
}


def result_type(capability: str, returns: str | None = None) -> type[msgspec.Struct]:
    """The struct a step's result has; `returns` is the literal that an `llm` step asks for, if any.

    Raises KeyError for a capability or result name that does not exist.
    """
    if capability == "llm" and returns is not None:
        return RETURNS[returns]
    return CAPABILITIES[capability].result
