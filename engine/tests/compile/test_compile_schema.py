"""The schema for editors agrees with the checker as far as a schema can."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from coursewright.catalog import Catalog, installed
from coursewright.compile.schema import pipeline_schema

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
COURSE = (HERE / "course.yaml").read_text("utf-8")
PIPELINES = sorted((ROOT / "pipelines").glob("*.yaml"))


@pytest.fixture(scope="module")
def accepts(catalog: Catalog) -> Any:
    schema = pipeline_schema(catalog)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    return lambda text: validator.is_valid(yaml.safe_load(text))


def test_it_is_plain_json(catalog: Catalog) -> None:
    schema = pipeline_schema(catalog)
    assert json.loads(json.dumps(schema)) == schema


def test_the_sample_course_is_accepted(accepts: Any) -> None:
    assert accepts(COURSE)


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.name)
def test_our_pipelines_are_accepted_for_what_is_installed(path: Path) -> None:
    validator = jsonschema.Draft202012Validator(pipeline_schema(installed()))
    validator.validate(yaml.safe_load(path.read_text("utf-8")))


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("steps:", "stpes:"),
        ("uses: document", "uses: documnet"),
        ("uses: document", "use: document"),
        ("file: ", "flie: "),
        ("timeout: 1h30m", "timeout: 90"),
        ("attempts: 3", "attempts: 11"),
        ("attempts: 3", "atempts: 3"),
        ("type: document", "type: documents"),
        ("minimum: 1", "minimal: 1"),
        ("temperature: 0.2", "temperature: 9"),
        ("temperature: 0.2", "temprature: 0.2"),
        ("rate_wpm: 150", "rate_wpm: fast"),
        ("returns: script", "returns: skript"),
        ("version: 1.2", "version: 1.3"),
        ("optional: true", "optional: perhaps"),
        ("{scene: ", "{scenes: "),
        ("provider: {llm:", "provider: {lmm:"),
        ("  film:\n", "  item:\n"),
        ("  film:\n", "  the film:\n"),
    ],
)
def test_slips_are_refused(accepts: Any, check: Any, good: str, bad: str) -> None:
    assert good in COURSE
    text = COURSE.replace(good, bad, 1)
    assert not accepts(text)
    assert check(text, {"prompts/course.md": "{{ notes }}"}).plan is None


@pytest.mark.parametrize(
    "step",
    [
        "uses: tts\n    with: {text: 012, language: no}",
        "uses: tts.zyphra\n    with: {text: a}",
        "uses: tts\n    provider: [zyphra, espeak]\n    with: {text: a}",
        "uses: slides\n    with: {scene: {id: a, title: b, narration: c, image: '${inputs.photo}'}}",
        "uses: llm\n    with: {seed: many, data: {a: [1, {b: '${inputs.x}'}]}, stop: ['${inputs.x}']}",
        "uses: tts\n    foreach: ${inputs.x}\n    with: {text: a}",
    ],
)
def test_what_the_checker_may_accept_is_accepted(accepts: Any, step: str) -> None:
    assert accepts(f"steps:\n  one:\n    {step}\n")


def test_fields_are_described(catalog: Catalog) -> None:
    schema = json.dumps(pipeline_schema(catalog))
    assert "Plain text, no markup." in schema
    assert "How freely it writes. (option of llm.llama)" in schema
    assert '"maximum": 300' in schema
