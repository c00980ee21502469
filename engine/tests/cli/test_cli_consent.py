"""`coursewright consent`: filed, shown, taken back."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from coursewright.consent import STATEMENT

if TYPE_CHECKING:
    from engine.tests.conftest import Ended

Command = Callable[..., "Ended"]


@pytest.fixture
def sample(coursewright: Command) -> str:
    """A file in the folder of the command."""
    Path("me.wav").write_bytes(b"a voice")
    return "me.wav"


def test_a_consent_is_filed_shown_and_taken_back(coursewright: Command, sample: str) -> None:
    Path("yes.txt").write_text("Yes, I agree.")
    filed = coursewright(
        *("consent", sample, "--person", "Ada Lovelace", "--purpose", "our courses"),
        *("--statement", "@yes.txt", "--recording", "yes.txt", "--json"),
    )
    [consent] = json.loads(filed.out)["consents"]
    assert json.loads(filed.out)["digest"] == hashlib.sha256(b"a voice").hexdigest()
    assert (consent["person"], consent["statement"], consent["granted_by"]) == (
        "Ada Lovelace",
        "Yes, I agree.",
        "command line",
    )
    assert consent["recording"]["digest"] == hashlib.sha256(b"Yes, I agree.").hexdigest()

    shown = coursewright("consent", sample, "--show")
    assert shown.out.splitlines()[:2] == ["me.wav may be used:", "  Ada Lovelace, for: our courses"]

    revoked = coursewright("consent", sample, "--revoke")
    assert (revoked.code, revoked.out) == (0, "no consent to the use of me.wav: no voice is cloned from it\n")
    assert coursewright("consent", sample, "--revoke").out.startswith("no consent was filed by this command\n")


def test_at_a_terminal_it_asks(coursewright: Command, sample: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal("Ada Lovelace\nour courses\ny\n"))
    asked = coursewright("consent", sample)
    assert STATEMENT.split(".", maxsplit=1)[0] in asked.out
    assert "  Ada Lovelace, for: our courses" in asked.out

    monkeypatch.setattr("sys.stdin", Terminal("Ada Lovelace\nothers\nn\n"))
    assert coursewright("consent", sample).code == 130
    assert "for: our courses" in coursewright("consent", sample, "--show").out


def test_without_a_statement_the_usual_text_is_agreed_to(coursewright: Command, sample: str) -> None:
    filed = coursewright("consent", sample, "--person", "Ada", "--purpose", "courses", "--json")

    assert [each["statement"] for each in json.loads(filed.out)["consents"]] == [STATEMENT]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["me.wav"], "--person is missing"),
        (["me.wav", "--person", "Ada"], "--purpose is missing"),
        (["me.wav", "--person", " ", "--purpose", "x"], "--person is missing"),
        (["me.wav", "--person", "A" * 201, "--purpose", "x"], "the consent cannot be filed"),
        (["none.wav", "--show"], "none.wav cannot be read"),
        (["me.wav", "--show", "--revoke"], "exclude each other"),
        (["me.wav", "--person", "A", "--purpose", "x", "--statement", "@none"], "none cannot be read"),
        (["me.wav", "--person", "A", "--purpose", "x", "--recording", "none"], "there is no file none"),
    ],
)
@pytest.mark.usefixtures("sample")
def test_what_is_wrong_is_said(coursewright: Command, arguments: list[str], message: str) -> None:
    ended = coursewright("consent", *arguments)

    assert ended.code == 2
    assert message in ended.err
