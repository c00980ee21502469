"""`coursewright schema`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import yaml

Call = Callable[..., Any]


def test_the_schema_accepts_a_new_pipeline_and_refuses_a_mistake(coursewright: Call) -> None:
    schema = json.loads(coursewright("schema").out)
    coursewright("new", "pipeline", "course.yaml")
    pipeline = yaml.safe_load(Path("course.yaml").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    assert [error.message for error in validator.iter_errors(pipeline)] == []
    pipeline["steps"]["voice"]["use"] = "tts"
    assert [error.json_path for error in validator.iter_errors(pipeline)] == ["$.steps.voice"]


def test_it_is_written_in_place_of_an_older_one(coursewright: Call) -> None:
    Path("pipeline.schema.json").write_text("old")

    ended = coursewright("schema", "-o", "pipeline.schema.json")

    assert (ended.code, ended.out) == (0, "made pipeline.schema.json\n")
    assert Path("pipeline.schema.json").read_text("utf-8") == coursewright("schema").out
    assert [path.name for path in Path().iterdir()] == ["pipeline.schema.json"]


def test_a_place_that_cannot_be_written_is_wrong_input(coursewright: Call) -> None:
    Path("folder").mkdir()

    ended = coursewright("schema", "-o", "folder")

    assert ended.code == 2
    assert ended.err == ("error: folder cannot be written: Is a directory\n  → choose a folder that you may write to\n")
    assert [path.name for path in Path().iterdir()] == ["folder"]
