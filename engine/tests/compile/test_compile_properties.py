"""Whatever the bytes: problems or a plan, in bounded time and memory, and never an exception."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from coursewright.compile import CheckResult
from coursewright.document.problems import MAX_PROBLEMS
from coursewright.document.reader import MAX_BYTES
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

COURSE = (Path(__file__).parent / "course.yaml").read_text("utf-8")
PROMPT = {"prompts/course.md": "Write about {{ notes }} in {{ minutes }} minutes, in {{ language }}."}
LONGEST_S = 5.0
"""Of processor time; the worst file takes under half of it, a runaway takes minutes."""

relaxed = settings(
    max_examples=150, deadline=10_000, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
_PIECES = [
    "${", "}", "${inputs.notes}", "${item}", "|", "*a", "&a ", "<<: *a", "- ", ": ", "'", '"', "\t", "\n", "  ", "{",
    "}", "[", "]", "!!str ", "#", "---", "? ", "> ", "null", "~", "no", "012", "1e999", "inputs", "steps:", "with:",
    "uses: tts", "for_each:", "when:",
    "\x00", "\ud800", "\u2028", "🙂", "é" * 50, "${" * 20, "((((", "default(", "not ", "0x10",
]  # fmt: skip

_TAGS = ["{{", "}}", "{%", "%}", "{#", "for x in topic", "if", "endif", "endfor", "{% set a = 1 %}", "{% raw %}"]


def sound(result: CheckResult) -> None:
    failed = any(problem.severity == "error" for problem in result.problems)
    assert failed == (result.plan is None)
    assert len(result.problems) <= MAX_PROBLEMS
    for problem in result.problems:
        assert problem.message
        assert str(problem).isprintable() or "\n" in str(problem)


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """The sample course with a few characters or lines gone, doubled, moved or replaced."""
    text = COURSE
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        piece = draw(st.sampled_from(_PIECES) | st.text(max_size=8))
        kind = draw(st.sampled_from(["replace", "insert", "double", "drop line", "move line"]))
        lines = text.split("\n")
        line = draw(st.integers(0, len(lines) - 1))
        if kind == "replace":
            text = text[:start] + piece + text[end:]
        elif kind == "insert":
            text = text[:start] + piece + text[start:]
        elif kind == "double":
            text = text[:end] + text[start:end] + text[end:]
        else:
            taken = lines.pop(line)
            if kind == "move line":
                lines.insert(draw(st.integers(0, len(lines))), taken)
            text = "\n".join(lines)
    return text


def test_the_sample_course_is_sound(check: Any) -> None:
    assert check(COURSE, PROMPT).problems == ()


@relaxed
@given(st.binary(max_size=400))
@example(b"\xff\xfes\x00t\x00")
@example(b"\xef\xbb\xbfsteps: {}")
@example(b"steps: \xc3")
def test_any_bytes(check: Any, data: bytes) -> None:
    sound(check(data))


@relaxed
@given(st.lists(st.sampled_from(_PIECES) | st.text(max_size=5), max_size=40).map("".join))
def test_any_text(check: Any, text: str) -> None:
    sound(check(text))


@settings(relaxed, max_examples=400)
@given(mutations())
def test_any_mutation_of_a_pipeline(check: Any, text: str) -> None:
    sound(check(text, PROMPT))


@relaxed
@given(st.lists(st.sampled_from(_PIECES) | st.text(max_size=5), max_size=25).map("".join))
def test_any_expression(check: Any, source: str) -> None:
    quoted = source.replace("'", "''").replace("\n", " ")
    sound(check("steps:\n  say: {uses: tts, with: {text: '${" + quoted + "}'}}\noutputs: {a: '${say}'}\n"))


@relaxed
@given(
    st.lists(st.sampled_from(["{{", "}}", "{%", "%}", "{#", "for x in topic", "if", "endif", *_PIECES])).map("".join)
)
def test_any_prompt(check: Any, source: str) -> None:
    course = "steps:\n  w: {uses: llm, with: {prompt: p.md, data: {topic: [a]}}}\noutputs: {a: '${w.text}'}\n"
    sound(check(course, {"p.md": source}))


def everyone_reads_everyone(steps: int = 120) -> str:
    data = ", ".join(f'k{i}: "${{s{i}}}"' for i in range(steps))
    return "steps:\n" + "".join(f" s{i}: {{uses: llm, with: {{data: {{{data}}}}}}}\n" for i in range(steps))


FULL = MAX_BYTES - 100
BOMBS = {
    "open brackets": "[" * FULL,
    "open braces": "{a: " * (FULL // 4),
    "nested lists by indentation": "".join(" " * i + "-\n" for i in range(700)),
    "aliases of aliases": "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 4000)).replace(
        "*a0", "x"
    ),
    "merges of merges": "a0: &a0 {k: v}\n"
    + "".join(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}], k{i}: v}}\n" for i in range(1, 3000)),
    "an alias in itself": "a: &a {b: *a}\n",
    "one long scalar": "title: " + "x" * FULL,
    "one long key": "x" * FULL + ": y",
    "many keys": "".join(f"k{i}: v\n" for i in range(FULL // 9)),
    "one key many times": "k: v\n" * (FULL // 5),
    "many anchors": "".join(f"k{i}: &a{i} v\n" for i in range(FULL // 16)),
    "many steps": "steps:\n" + "".join(f" s{i}: {{uses: tts, with: {{text: a}}}}\n" for i in range(FULL // 40)),
    "many wrong steps": "steps:\n" + "".join(f" s{i}: {{usse: tss}}\n" for i in range(FULL // 30)),
    "every step reads every other": everyone_reads_everyone(),
    "a long chain": "steps:\n s0: {uses: llm}\n"
    + "".join(f' s{i}: {{uses: llm, with: {{data: {{a: "${{s{i - 1}}}"}}}}}}\n' for i in range(1, 990))
    + 'outputs: {a: "${s989}"}',
    "a long circle": "steps:\n"
    + "".join(f' s{i}: {{uses: llm, with: {{data: {{a: "${{s{(i + 1) % 990}}}"}}}}}}\n' for i in range(990)),
    "references without end": "title: '" + "${" * (FULL // 2) + "'",
    "many references": "steps: {a: {uses: tts, with: {text: '" + "${x}" * (FULL // 5) + "'}}}",
    "many good references": "inputs: {a: {type: text}}\nsteps: {a: {uses: tts, with: {text: '"
    + "${inputs.a}" * (FULL // 12)
    + "'}}}",
    "a deep expression": "steps: {a: {uses: tts, with: {text: '${" + "(" * 50_000 + "}'}}}",
    "a long expression": "steps: {a: {uses: tts, with: {text: '${" + "1+" * 50_000 + "1}'}}}",
    "a huge number": "steps: {a: {uses: tts, timeout: " + "9" * FULL + "s}}",
    "wide and combining characters": "title: " + "宽\u0301" * (FULL // 6) + "\n x",
    "question marks": "? " * (FULL // 2),
    "dashes": "- " * (FULL // 2),
    "quotes": '"' * FULL,
    "line breaks": "\n" * FULL,
    "too large": "#" * (20 * MAX_BYTES),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_harmless(check: Any, name: str) -> None:
    text = BOMBS[name]
    started = time.process_time()
    sound(check(text))
    assert time.process_time() - started < LONGEST_S
    sound(check(text.encode()))


@pytest.mark.parametrize("name", ["open brackets", "aliases of aliases", "many keys", "many references", "too large"])
def test_memory_is_bounded(check: Any, name: str) -> None:
    text = BOMBS[name]
    check("steps: {}")
    tracemalloc.start()
    try:
        check(text)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60 * 2**20
