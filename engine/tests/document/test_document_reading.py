"""Bytes become a tree with places, by libyaml and by PyYAML's own parser alike."""

from __future__ import annotations

import pytest
import yaml
from coursewright.document import reader
from coursewright.document.nodes import Mapping, Node, Scalar, Sequence
from coursewright.document.problems import Place, Problem
from coursewright.document.reader import MAX_BYTES, read


@pytest.fixture(params=["CSafeLoader", "SafeLoader"], autouse=True)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_LOADER", getattr(yaml, request.param))


def tree(text: str | bytes) -> Mapping:
    report, root = read(text, "a.yaml")
    assert report.problems() == ()
    assert root is not None
    return root


def at(root: Mapping, *keys: str | int) -> Node:
    node: Node = root
    for key in keys:
        node = node.entries[str(key)].value if isinstance(node, Mapping) else node.items[int(key)]  # type: ignore[union-attr]  # a test names what is there
    return node


def only_problem(text: str | bytes) -> Problem:
    report, _ = read(text, "a.yaml")
    (problem,) = report.problems()
    return problem


def test_places_count_characters_from_one() -> None:
    root = tree("título: {ключ: [a, 'b c']}\n")
    assert at(root, "título").place == Place(1, 9, 1, 27)
    assert at(root, "título", "ключ", 1) == Scalar("b c", False, Place(1, 20, 1, 25))


def test_a_byte_order_mark_and_other_line_breaks_do_not_move_places() -> None:
    root = tree("\ufeffa: 1\r\nb: 2\u2028c: 3\n".encode())
    assert [entry.value.place.line for entry in root.entries.values()] == [1, 2, 3]


def test_values_have_no_type() -> None:
    root = tree("a: no\nb: 1:30\nc: 012\nd: ~\ne: 1e3\nf: 'x'\ng:\nh: 2024-01-01\n")
    values = [entry.value for entry in root.entries.values()]
    assert [value.text for value in values if isinstance(value, Scalar)] == [
        "no", "1:30", "012", "~", "1e3", "x", "", "2024-01-01",
    ]  # fmt: skip
    assert [value.plain for value in values if isinstance(value, Scalar)] == [True] * 5 + [False, True, True]


def test_aliases_share_and_merges_do_not_override() -> None:
    root = tree("base: &base {a: 1, b: 2}\nother: {<<: *base, b: 3}\nboth: {<<: [*base, {c: 4}]}\nlist: [*base]\n")
    assert at(root, "list", 0) is at(root, "base")
    other, both = at(root, "other"), at(root, "both")
    assert isinstance(other, Mapping)
    assert isinstance(both, Mapping)
    assert {key: entry.value.text for key, entry in other.entries.items() if isinstance(entry.value, Scalar)} == {
        "a": "1",
        "b": "3",
    }
    assert list(both.entries) == ["a", "b", "c"]


def test_a_quoted_merge_key_is_an_ordinary_key() -> None:
    assert list(tree("'<<': 1\n").entries) == ["<<"]


def test_block_text_keeps_its_lines() -> None:
    node = at(tree("a: |\n  one\n  two\n"), "a")
    assert isinstance(node, Scalar)
    assert (node.text, node.plain) == ("one\ntwo\n", False)


@pytest.mark.parametrize(
    ("data", "line", "column", "code"),
    [
        (b"a: b\nc: \xff\n", 2, 4, "CW001"),
        ("a: b\x00".encode("utf-16"), 1, 1, "CW001"),
        (b"a: b\nc: \x1b[31m\n", 2, 4, "CW001"),
        ("a: \ud800", 1, 4, "CW001"),
        (b"", 1, 1, "CW004"),
        (b"--- \n...\n", 1, 1, "CW004"),
        (b"a: 1\n--- \nb: 2", 2, 1, "CW005"),
        (b"text", 1, 1, "CW103"),
        (b"%YAML 9.9\n---\na: b", 1, 1, "CW003"),
        (b"a: [1, 2", 1, 9, "CW003"),
    ],
)
def test_what_is_no_pipeline_is_placed(data: str | bytes, line: int, column: int, code: str) -> None:
    problem = only_problem(data)
    assert (problem.line, problem.code) == (line, code)
    assert problem.column == pytest.approx(column, abs=1)  # the two parsers differ by one at the end of a line


def test_size_is_limited_to_the_byte() -> None:
    exactly = "a: " + "x" * (MAX_BYTES - 3)
    assert read(exactly, "a.yaml")[1] is not None
    assert only_problem(exactly + "x").code == "CW002"
    assert only_problem((exactly + "é").encode()).code == "CW002"
    assert only_problem(exactly.encode() + b"\xff" * 9).code == "CW002"


def test_depth_counts_through_aliases() -> None:
    half = "[" * 15 + "]" * 15
    assert read(f"a: {half}", "a.yaml")[1] is not None
    assert only_problem(f"a: &a {half}\nb: {'[' * 15}*a{']' * 15}").code == "CW002"


def test_control_characters_never_reach_a_terminal() -> None:
    assert "\x1b" not in str(only_problem(b"a: \x1b[2J"))


def test_lists_and_mappings_end_where_they_end() -> None:
    root = tree("a:\n  - 1\n  - 2\nb: {}\n")
    assert isinstance(at(root, "a"), Sequence)
    assert at(root, "a").place.line == 2
    assert at(root, "b").place == Place(4, 4, 4, 6)
