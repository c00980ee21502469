"""Every mistake in mistakes.md gives the whole message that stands beneath it there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from coursewright.catalog import Catalog, PluginFailure
from coursewright.compile import CheckResult
from coursewright.document.codes import CODES

MISTAKES = (Path(__file__).parent / "mistakes.md").read_text("utf-8")
_BLOCK = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.M | re.S)


class Mistake(msgspec.Struct):
    """A section: the pipeline, its prompt files, how it is compiled, and what is reported."""

    name: str
    pipeline: str
    reported: str
    files: dict[str, str]
    circumstances: dict[str, Any]


def read_sections(text: str) -> list[Mistake]:
    found = []
    for section in re.split(r"^## ", text, flags=re.M)[1:]:
        blocks = _BLOCK.findall(section)
        by_kind = {kind: body for kind, _, body in blocks}
        files = {path: body for kind, path, body in blocks if kind == "jinja"}
        circumstances = json.loads(by_kind.get("json", "{}"))
        name = section.split("\n", 1)[0]
        found.append(Mistake(name, by_kind["yaml"], by_kind["text"].rstrip("\n"), files, circumstances))
    return found


SECTIONS = read_sections(MISTAKES)


def compiled(mistake: Mistake, check: Any, catalog: Catalog) -> CheckResult:
    how = dict(mistake.circumstances)
    without, failures = how.pop("without", None), how.pop("failures", [])
    offers = {key: offer for key, offer in catalog.offers.items() if offer.provider.capability != without}
    found = Catalog(offers, tuple(PluginFailure(*failure) for failure in failures))
    result: CheckResult = check(mistake.pipeline, mistake.files, found, **how)
    return result


@pytest.mark.parametrize("mistake", SECTIONS, ids=lambda mistake: mistake.name)
def test_mistake_is_explained(mistake: Mistake, check: Any, catalog: Catalog) -> None:
    result = compiled(mistake, check, catalog)
    assert "\n".join(map(str, result.problems)) == mistake.reported
    assert (result.plan is None) == any(problem.severity == "error" for problem in result.problems)


def test_every_code_is_explained_by_a_mistake() -> None:
    shown = set(re.findall(r"\[(CW\d{3})\]$", MISTAKES, flags=re.M))
    assert set(CODES) - shown == _TOO_LARGE_FOR_A_PAGE


# these need bytes, a file of 256 kB or a thousand steps: test_document_reading and test_compile_limits have them
_TOO_LARGE_FOR_A_PAGE = {"CW001", "CW110"}
