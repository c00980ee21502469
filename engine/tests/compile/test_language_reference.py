"""The language reference is complete, and its pipelines compile."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from coursewright.catalog import installed
from coursewright.compile import check_pipeline, drafts, front_matter, inputs, pipeline
from coursewright.compile.describing import capabilities
from coursewright.document.codes import CODES, table
from coursewright.sandbox import FILTERS, TESTS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "pipeline-language.md").read_text("utf-8")
PIPELINES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)


def prompt(path: str) -> str | None:
    file = ROOT / "pipelines" / path
    return file.read_text("utf-8") if file.is_file() else None


@pytest.mark.parametrize("text", PIPELINES, ids=range(len(PIPELINES)))
def test_every_pipeline_compiles_without_a_word(text: str) -> None:
    result = check_pipeline(text, name="example.yaml", catalog=installed(), read=prompt)
    assert "\n".join(map(str, result.problems)) == ""
    assert result.plan is not None


def test_there_are_pipelines() -> None:
    assert len(PIPELINES) >= 6


def test_the_table_of_codes_is_the_one_in_the_code() -> None:
    assert PAGE.endswith("| code | severity | meaning |\n|---|---|---|\n" + table())


def test_the_capabilities_are_those_in_the_code() -> None:
    between = PAGE.partition("<!-- capabilities: begin -->\n")[2].partition("<!-- capabilities: end -->")[0]
    assert between == "\n" + capabilities() + "\n"


def test_codes_are_unique_and_in_order() -> None:
    ids = list(CODES)
    assert ids == sorted(ids)
    source = Path(pipeline.__file__).parents[1].joinpath("document", "codes.py").read_text("utf-8")
    assert len(re.findall(r'"CW\d{3}"', source)) == len(ids)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("key of a pipeline", pipeline.KEYS),
        ("key of a step", drafts.KEYS),
        ("key of an input", inputs.KEYS),
        ("type of an input", inputs.TYPES),
        ("key of front matter", [*front_matter.KEYS, *front_matter.INPUT_KEYS]),
        ("type of a prompt's input", front_matter.TYPES),
        ("filter", FILTERS),
        ("test", [f"is {name}" for name in TESTS]),
    ],
)
def test_every_word_is_explained(kind: str, words: Iterable[str]) -> None:
    named = set(re.findall(r"`([^`\n]+)`", PAGE)) | {
        word.partition("(")[0] for word in re.findall(r"`([^`\n]+)`", PAGE)
    }
    shown = set(re.findall(r"\b(\w+):", "".join(PIPELINES)))
    assert [word for word in words if word not in named | shown] == []
