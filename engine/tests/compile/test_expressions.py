"""Evaluation keeps types, computes within limits, and reaches nothing but data."""

from __future__ import annotations

import time
from typing import Any

import pytest
from coursewright import plan
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.llm import Scene, Script
from coursewright.compile.filters import FILTER_TYPES
from coursewright.errors import BadInput
from coursewright.expressions import evaluate
from coursewright.sandbox import FILTERS, MAX_TEXT, NotAllowed, parse_expression, parse_template

SCRIPT = Script(
    title="Tides",
    scenes=[
        Scene(id="intro", title="Why", narration="The sea rises.", bullets=["Moon", "Sun"]),
        Scene(id="end", title="So", narration="The sea falls."),
    ],
)
NOTES = Artifact(digest="0" * 64, media_type="text/markdown", size_bytes=3, name="notes.md")
SCOPE = {
    "inputs": {"minutes": 5, "topic": None, "ratio": 2.0, "notes": NOTES, "aloud": True},
    "script": SCRIPT,
    "skipped": None,
    "item": SCRIPT.scenes[1],
    "index": 1,
}


def value_of(source: str, scope: Any = SCOPE) -> Any:
    return evaluate(plan.Expression(source, ()), scope)


def test_a_reference_gives_the_very_object() -> None:
    assert evaluate(plan.Ref(("script",)), SCOPE) is SCRIPT
    assert evaluate(plan.Ref(("script", "scenes", -1)), SCOPE) is SCRIPT.scenes[1]
    assert evaluate(plan.Ref(("inputs", "notes")), SCOPE) is NOTES


def test_a_name_on_a_list_maps_over_it() -> None:
    assert evaluate(plan.Ref(("script", "scenes", "title")), SCOPE) == ["Why", "So"]
    assert value_of("script.scenes.bullets") == [["Moon", "Sun"], []]


def test_members_of_what_is_missing_are_missing() -> None:
    assert evaluate(plan.Ref(("skipped", "audio", "name")), SCOPE) is None
    assert evaluate(plan.Ref(("script", "scenes", "image", "name")), SCOPE) == [None, None]


def test_a_reference_to_nothing_is_bad_input() -> None:
    with pytest.raises(BadInput, match=r"a list of 2 has no \[2\]") as caught:
        evaluate(plan.Ref(("script", "scenes", 2, "title")), SCOPE)
    assert caught.value.field == "${script.scenes[2].title}"


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("inputs.minutes * 60 + index", 301),
        ("inputs.minutes / 2", 2.5),
        ("inputs.minutes > 3 and not skipped", True),
        ("script.scenes[index].title", "So"),
        ("script['title']", "Tides"),
        ("inputs.topic | default('tides')", "tides"),
        ("skipped.audio | default(script.title)", "Tides"),
        ("inputs.topic is defined", False),
        ("inputs.topic is none", True),
        ("skipped is undefined", True),
        ("script.scenes | length", 2),
        ("script.scenes.title | join(' / ')", "Why / So"),
        ("script.scenes.title | join", "Why, So"),
        ("script.scenes | first", SCRIPT.scenes[0]),
        ("(script.scenes | last).title | upper", "SO"),
        ("[] | first", None),
        ("'Moon' in script.scenes[0].bullets", True),
        ("'long' if inputs.minutes > 9 else 'short'", "short"),
        ("'long' if inputs.minutes > 9", None),
        ("script.title ~ ' ' ~ inputs.ratio ~ inputs.aloud", "Tides 2true"),
        ("2.567 | round(1)", 2.6),
        ("2.567 | round", 3),
        ("script.title | replace('T', 'B') | lower | title | trim", "Bides"),
        ("'7' | int + 1", 8),
        ("inputs.minutes | string", "5"),
        ("-inputs.minutes | abs", 5),
        ("script.scenes[0].bullets | tojson", '["Moon","Sun"]'),
        ("index == 1 or nothing.here", True),
    ],
)
def test_expressions(source: str, value: Any) -> None:
    found = value_of(source)
    assert found == value
    assert type(found) is type(value)


def test_text_reads_well() -> None:
    parts = (plan.Literal("Part "), plan.Ref(("index",)), plan.Literal(" of "), plan.Ref(("inputs", "ratio")))
    assert evaluate(plan.Text(parts), SCOPE) == "Part 1 of 2"
    for path in (("script",), ("script", "scenes"), ("inputs", "topic")):
        with pytest.raises(BadInput):
            evaluate(plan.Text((plan.Literal("x"), plan.Ref(path))), SCOPE)


def test_nested_values() -> None:
    value = plan.Mapping({"a": plan.Sequence((plan.Literal(1), plan.Ref(("script", "title"))))})
    assert evaluate(value, SCOPE) == {"a": [1, "Tides"]}


ESCAPES = [
    "script.__class__",
    "script['__class__']",
    "script.__struct_fields__",
    "''.__class__.__mro__",
    "script.scenes.append",
    "'x'.format",
    "'{0.__class__}'.format(1)",
    "'%s' % script",
    "'%99999999d' % 1",
    "'a' * 10",
    "[1] * 10",
    "'a' + 'b'",
    "9 ** 9",
    "range(3)",
    "lipsum",
    "cycler",
    "namespace(a=1)",
    "self",
    "self._TemplateReference__context",
    "_rounds",
    "script.scenes[0:1]",
    "{'a': 1}",
    "(1, 2)",
    "inputs.items",
    "inputs.keys()",
    "dict(a=1)",
    "script | attr('title')",
    "script | map('x')",
    "script.scenes | selectattr('id')",
    "1 is callable",
    "'x' | default(value='y')",
    "[1] | join(attribute='x')",
    "1e999",
    "caller()",
    "varargs",
    "loop.index",
    "nothing",
    "script.nothing",
    "inputs.minutes.real",
    "true.real",
    "{% raw %}",
    "1 }}{{ 2",
    "script.scenes[true]",
    "script.scenes['0']",
    "1 / 0",
    "5 % 0",
    "'x' | int",
    "script.scenes | join",
    "None + 1",
    "skipped | upper",
    "inputs.minutes < script.title",
]


@pytest.mark.parametrize("source", ESCAPES)
def test_nothing_but_data_is_reached(source: str) -> None:
    with pytest.raises(BadInput):
        value_of(source)


@pytest.mark.parametrize(
    "source",
    [
        "(" * 900,
        "-" * 1500 + "1",
        "not " * 400 + "1",
        "1+" * 900 + "1",
        "a." * 900 + "a",
        "[" * 500 + "]" * 500,
        "x" * 5000,
        "'a'" + " | replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')" * 36,
        "*".join(["9" * 40] * 40) + " | string | length > 0 and x",
    ],
)
def test_large_expressions_end_soon(source: str) -> None:
    started = time.process_time()
    with pytest.raises(BadInput):
        value_of(source)
    assert time.process_time() - started < 2


def render(template: str, **data: Any) -> str:
    text: str = evaluate(plan.Template("prompts/p.md", template), data)
    return text


def test_prompts_are_rendered_from_data() -> None:
    template = (
        "About {{ topic }}{# aside #}\n"
        "{% for scene in script.scenes if scene.bullets %}{{ loop.index }}. {{ scene.title }}{% endfor %}\n"
        "{% if level is defined %}for {{ level }}{% else %}for all{% endif %}, {{ minutes }} min{{ missing }}\n"
    )
    text = render(template, topic="<tides>", script=SCRIPT, minutes=5.0, missing=None, level=None)
    assert text == "About <tides>\n1. Why\nfor all, 5 min\n"


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ nobody }}", "'nobody' is undefined"),
        ("{{ items }}", "cannot stand inside text"),
        ("{% for a in word %}{% endfor %}", "a loop goes over a list"),
        ("{% for a in items %}" * 4 + "{% endfor %}" * 4, "rounds"),
        ("{% for a in items %}{{ long }}{% endfor %}", f"longer than {MAX_TEXT}"),
        ("{% set a = 1 %}", "set is not allowed"),
        ("{% include 'x' %}", "include is not allowed"),
        ("{% macro a() %}{% endmacro %}", "macro is not allowed"),
        ("{% for a in items recursive %}{{ loop(a) }}{% endfor %}", "not allowed"),
        ("{{ items.__class__ }}", "there is no '__class__'"),
        ("{{ self }}", "'self' is not allowed"),
        ("{% for a in items %}{{ loop.cycle('a') }}{% endfor %}", "a call is not allowed"),
        ("{% if %}", "expected"),
        ("x" * 200_000, "characters"),
    ],
)
def test_prompts_stay_within_limits(template: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason) as caught:
        render(template, items=list(range(1000)), word="word", long="x" * 10_000)
    assert caught.value.field == "prompts/p.md"


def test_a_value_in_data_is_no_template() -> None:
    assert render("{{ notes }}", notes="{{ 7 * 7 }} ${x} {% raw %}") == "{{ 7 * 7 }} ${x} {% raw %}"


def test_parsing_says_where() -> None:
    with pytest.raises(NotAllowed) as caught:
        parse_template("one\ntwo\n{% include 'x' %}\n")
    assert caught.value.line == 3
    with pytest.raises(NotAllowed, match="a power"):
        parse_expression("2 ** 3")


def test_each_filter_has_a_type_and_an_implementation() -> None:
    assert set(FILTER_TYPES) == set(FILTERS)
