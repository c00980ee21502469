"""Written values are read as the type their place wants, and as nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from coursewright.document.nodes import Scalar
from coursewright.document.problems import Place
from coursewright.document.scalars import NotOfType, boolean, duration_s, integer, number, untyped


def plain(text: str) -> Scalar:
    return Scalar(text, True, Place(1, 1, 1, 1))


def quoted(text: str) -> Scalar:
    return Scalar(text, False, Place(1, 1, 1, 1))


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (integer, "012", 12),
        (integer, "-3", -3),
        (integer, "+7", 7),
        (number, "1e3", 1000.0),
        (number, ".5", 0.5),
        (number, "-2.25", -2.25),
        (boolean, "true", True),
        (boolean, "false", False),
        (duration_s, "500ms", 0.5),
        (duration_s, "5s", 5.0),
        (duration_s, "5m", 300.0),
        (duration_s, "1h30m", 5400.0),
        (duration_s, "1.5s", 1.5),
        (duration_s, "1m500ms", 60.5),
    ],
)
def test_read_as_wanted(read: Callable[[Scalar], Any], text: str, value: Any) -> None:
    assert read(plain(text)) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (integer, "1:30"), (integer, "0x10"), (integer, "1_000"), (integer, "5.0"), (integer, "five"), (integer, "٣"),
        (integer, ""), (integer, "9" * 30), (number, "nan"), (number, ".inf"), (number, "1e999"), (number, "1,5"),
        (boolean, "yes"), (boolean, "on"), (boolean, "True"), (boolean, "1"), (boolean, ""),
        (duration_s, "90"), (duration_s, "1:30"), (duration_s, ""), (duration_s, "5 m"), (duration_s, "m"),
        (duration_s, "30m1h"), (duration_s, "-5s"),
    ],
)  # fmt: skip
def test_refused(read: Callable[[Scalar], Any], text: str) -> None:
    with pytest.raises(NotOfType):
        read(plain(text))


@pytest.mark.parametrize(("read", "text"), [(integer, "5"), (number, "2.5"), (boolean, "true")])
def test_quotes_make_text(read: Callable[[Scalar], Any], text: str) -> None:
    with pytest.raises(NotOfType, match="quotes"):
        read(quoted(text))


def test_a_duration_may_stand_in_quotes() -> None:
    assert duration_s(quoted("5m")) == 300.0


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5), ("-2.5", -2.5), ("1e3", 1000.0), ("true", True), ("null", None), ("", None), ("no", "no"), ("~", "~"),
        ("012", "012"), ("1:30", "1:30"), ("0x10", "0x10"), ("2024-01-01", "2024-01-01"), ("1e999", "1e999"),
        ("9" * 40, "9" * 40), ("True", "True"),
    ],
)  # fmt: skip
def test_untyped_values_are_read_as_json_would(text: str, value: Any) -> None:
    found = untyped(plain(text))
    assert found == value
    assert type(found) is type(value)
    assert untyped(quoted(text)) == text
