"""Problems: a place, a sentence and a way out, reported all at once in file order."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable

import msgspec

from coursewright.document.codes import Code, Severity

MAX_PROBLEMS = 100
"""Nobody reads more at once; it bounds the time that a hopeless file can take."""
_FRAME_WIDTH = 100
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what YAML 1.1 counts as one


class Place(msgspec.Struct, frozen=True, order=True):
    """A stretch of the file: lines and columns count characters from 1; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong, and where. `line` 0 is for a problem that stands in no file.

    `frame` holds the source line with its number, and the line with the caret beneath it.
    """

    code: str
    severity: Severity
    message: str
    file: str
    line: int = 0
    column: int = 0
    end_line: int = 0
    end_column: int = 0
    frame: tuple[str, ...] = ()
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        kind = "" if self.severity == "error" else f"{self.severity}: "
        lines = [f"{place}: {kind}{self.message} [{self.code}]", *self.frame]
        if self.hint and self.frame:
            indent = "\n" + " " * (len(lines[-1]) + 1)
            lines[-1] += " " + self.hint.replace("\n", indent)
        elif self.hint:
            lines += ["  " + line for line in self.hint.split("\n")]
        return "\n".join(lines)


class Source:
    """A text file by name, for places in it."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.lines = _LINE_BREAK.split(text)

    def frame(self, line: int, column: int) -> tuple[str, ...]:
        """The source line and its caret; none when the file has no such line."""
        if not 0 < line <= len(self.lines):
            return ()
        source = self.lines[line - 1]
        start = max(0, column - 1 - _FRAME_WIDTH // 2) if len(source) > _FRAME_WIDTH else 0
        shown = source[start : start + _FRAME_WIDTH].rstrip()
        before = _printable(shown[: column - 1 - start])
        number = f"  {line} | " + ("…" if start else "")
        return (number + _printable(shown)).rstrip(), " " * (len(number) + _cells(before)) + "^"

    def find_all(self, place: Place, needle: str) -> list[Place]:
        """The places of every `needle` in the source of the value at `place`, in order."""
        found = []
        for line in range(place.line, min(place.end_line, len(self.lines)) + 1):
            column = place.column - 1 if line == place.line else 0
            while (column := self.lines[line - 1].find(needle, column)) >= 0:
                found.append(Place(line, column + 1, line, column + 1 + len(needle)))
                column += len(needle)
        return found


class Abandoned(Exception):
    """Checking ends here; what the report holds says why."""


class Report:
    """Collects problems, each anchored at a place of the pipeline file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._found: dict[Problem, Place] = {}

    def add(self, code: Code, at: Place, message: str, hint: str = "") -> None:
        """A problem in the pipeline file itself. Raises Abandoned past `MAX_PROBLEMS` errors."""
        self._keep(_problem(code, self.source, at, message, hint), at)

    def add_elsewhere(self, code: Code, source: Source, place: Place, message: str, hint: str, *, at: Place) -> None:
        """A problem in another file, which the pipeline names at `at`."""
        self._keep(_problem(code, source, place, message, hint), at)

    def add_all(self, other: Report, *, at: Place) -> None:
        """The problems of another file, which the pipeline names at `at`."""
        for problem in other.problems():
            self._keep(problem, at)

    def add_placeless(self, code: Code, label: str, message: str, hint: str = "") -> None:
        """A problem that stands in no file, such as one on the command line."""
        problem = Problem(code=code.id, severity=code.severity, message=message, file=label, hint=hint)
        self._keep(problem, Place(0, 0, 0, 0))

    def _keep(self, problem: Problem, at: Place) -> None:
        alike = sum((problem.severity == "error") == (other.severity == "error") for other in self._found)
        if alike < MAX_PROBLEMS:
            self._found.setdefault(problem, at)
        elif problem.severity == "error":
            raise Abandoned

    @property
    def failed(self) -> bool:
        """Is there an error among the problems?"""
        return any(problem.severity == "error" for problem in self._found)

    def problems(self) -> tuple[Problem, ...]:
        """In file order, without repetitions; where there are too many, errors before others."""
        kept = sorted(self._found, key=lambda problem: problem.severity != "error")[:MAX_PROBLEMS]
        return tuple(sorted(kept, key=lambda problem: (self._found[problem], problem.line, problem.code)))


def _problem(code: Code, source: Source, at: Place, message: str, hint: str) -> Problem:
    return Problem(
        code=code.id,
        severity=code.severity,
        message=message,
        file=source.name,
        line=at.line,
        column=at.column,
        end_line=at.end_line,
        end_column=at.end_column,
        frame=source.frame(at.line, at.column),
        hint=hint,
    )


def quoted(word: str) -> str:
    """The user's own word in quotes, shortened and safe to print."""
    return f"'{_printable(word if len(word) <= 60 else word[:59] + '…')}'"


def listed(names: Iterable[str], limit: int = 12) -> str:
    """`a, b, c`, cut short with `…` past `limit`."""
    known = list(names)
    return ", ".join(known[:limit]) + (", …" if len(known) > limit else "")


def did_you_mean(wrong: str, known: Iterable[str], *, what: str = "known") -> str:
    """The closest names, or all of them under the word `what`; empty when there are none."""
    names = sorted(known)
    if close := near(wrong, names):
        return meant(close)
    return f"{what}: {listed(names)}" if names else ""


def meant(names: Iterable[str]) -> str:
    """The question after one or two names."""
    return "did you mean " + " or ".join(f"'{name}'" for name in names) + "?"


def near(wrong: str, known: Iterable[str]) -> list[str]:
    """The one or two names that the word is probably meant to be."""
    if len(wrong) > 64:  # difflib is quadratic, and no name is so long
        return []
    close = difflib.get_close_matches(wrong.lower(), sorted(known), n=2, cutoff=0.65)
    if len(close) == 2 and _likeness(wrong, close[1]) < _likeness(wrong, close[0]) - 0.1:
        return close[:1]
    return close


def _likeness(wrong: str, name: str) -> float:
    return difflib.SequenceMatcher(None, wrong.lower(), name).ratio()


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " if char == "\t" else "�" for char in text)


def _cells(text: str) -> int:
    """Columns that a terminal gives the text: East Asian wide characters take two, combining marks none."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)
