"""Types of pipelines: what they are derived from, and what may feed what."""

from __future__ import annotations

import enum
import importlib.metadata
import sys
import types
from typing import Annotated, Any, Literal

import msgspec
import pytest
from coursewright.capabilities import CAPABILITIES
from coursewright.capabilities.artifacts import Audio, Document, File, Image, Language
from coursewright.capabilities.llm import Scene
from coursewright.catalog import load
from coursewright.compile.types import Type, common, fields_of, fits, offers, struct_type, type_of
from coursewright.hookspecs import hookimpl
from coursewright.providers import Provider
from msgspec import Meta, inspect


class Pace(enum.Enum):
    SLOW = "slow"
    FAST = "fast"


def of(annotation: Any) -> Type:
    return type_of(inspect.type_info(annotation))


KINDS: dict[str, Type] = {
    "text": of(str),
    "language": of(Language),
    "integer": of(int),
    "number": of(float),
    "boolean": of(bool),
    "image": of(Image),
    "document": of(Document),
    "file": of(File),
    "list of text": of(list[str]),
    "list of integer": of(tuple[int, ...]),
    "scene": of(Scene),
    "mapping": of(dict[str, Any]),
    "one of fast, slow": of(Literal["slow", "fast"]),
    "any value": of(Any),
    "integer or text": of(int | str),
}
FITS = {
    ("language", "text"), ("integer", "number"), ("one of fast, slow", "text"), ("image", "file"), ("document", "file"),
    ("text", "integer or text"), ("integer", "integer or text"), ("language", "integer or text"),
    ("one of fast, slow", "integer or text"),
}  # fmt: skip


def test_types_are_called_what_people_call_them() -> None:
    assert {name: str(kind) for name, kind in KINDS.items()} == {name: name for name in KINDS}
    assert str(of(Pace)) == "one of slow, fast"
    assert of(Image | None).missing
    assert [of(Image).phrase, of(str).phrase, of(Audio).phrase, of(float).phrase] == [
        "an image",
        "text",
        "audio",
        "a number",
    ]


@pytest.mark.parametrize("given", KINDS)
def test_what_may_feed_what(given: str) -> None:
    found = {wanted for wanted in KINDS if fits(KINDS[given], KINDS[wanted])}
    if given == "any value":
        assert found == set(KINDS)
    else:
        assert found == {given, "any value"} | {wanted for source, wanted in FITS if source == given}


def test_limits_and_descriptions_come_from_the_annotations() -> None:
    class Options(msgspec.Struct):
        rate: Annotated[int, Meta(ge=1, le=9, description="How fast.")] = 3
        tags: Annotated[list[str], Meta(max_length=2)] = []

    fields = fields_of(Options)
    assert (fields["rate"].type.limits.ge, fields["rate"].type.limits.le, fields["rate"].default) == (1, 9, 3)
    assert fields["rate"].description == "How fast."
    assert fields["tags"].type.limits.max_length == 2
    assert not fields["tags"].required


def test_every_field_of_every_capability_has_a_type() -> None:
    for capability in CAPABILITIES.values():
        for struct in (capability.request, capability.result):
            assert all(field.type.kind != "any" for field in fields_of(struct).values())


def test_the_type_of_one_or_the_other() -> None:
    integer, number, text = KINDS["integer"], KINDS["number"], KINDS["text"]
    assert common(integer, number).kind == "number"
    assert common(number, integer).kind == "number"
    assert str(common(integer, text)) == "integer or text"
    assert common(text, of(str | None)).missing


def test_ports_are_listed_with_their_types() -> None:
    assert offers(struct_type(Scene)).startswith("id (text), title (text), bullets (list of text)")
    assert offers(KINDS["text"]) == ""


def test_a_plugin_with_options_that_cannot_be_checked_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    class Levels(msgspec.Struct):
        level: list[int] | set[int] = msgspec.field(default_factory=list)

    class Odd(Provider[Any, Any]):
        capability, name, summary, version = "tts", "odd", "odd", "1"
        Options = Levels

        def run(self, request: Any, context: Any) -> Any:
            raise NotImplementedError

    module = types.ModuleType("odd_plugin")
    module.coursewright_providers = hookimpl(lambda: [Odd], specname="coursewright_providers")  # type: ignore[attr-defined]  # a module made here
    monkeypatch.setitem(sys.modules, "odd_plugin", module)
    catalog = load([importlib.metadata.EntryPoint("odd", "odd_plugin", "coursewright")])
    assert catalog.offers == {}
    assert "more than one array-like" in catalog.failures[0].reason
