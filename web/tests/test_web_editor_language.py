"""What the editor of pipelines knows of the language, tried by Node.js on what is installed."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import msgspec
import pytest
from coursewright.capabilities import CAPABILITIES
from coursewright.capabilities.llm import RETURNS
from coursewright.catalog import Catalog, installed
from coursewright.compile.schema import pipeline_schema
from coursewright.compile.types import ANY, ARTIFACTS, Type, artifact, fields_of, fits, list_of, struct_type
from coursewright.sandbox import FILTERS
from coursewright.settings import Settings
from coursewright_api.generate.listing import providers_of

from web.tests.test_web_build import WEB, hatch_build


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return installed()


def all_types() -> dict[str, Type]:
    """Every type that the words of the API can name, by its name."""
    structs = [kind for each in CAPABILITIES.values() for kind in (each.request, each.result)]
    found = {str(each): each for each in (ANY, *map(artifact, ARTIFACTS))}
    left = [struct_type(kind) for kind in (*structs, *RETURNS.values())]
    while left:
        kind = left.pop()
        if str(kind) in found:
            continue
        found[str(kind)] = kind
        left += [kind.item] if kind.item is not None else [list_of(kind)]
        left += [field.type for field in fields_of(kind.struct).values()] if kind.struct else []
    return found


def test_completion_offers_what_fits(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = itertools.product(all_types().items(), repeat=2)
    facts = {
        "providers": msgspec.to_builtins(providers_of(catalog, Settings(data_dir=tmp_path), with_failures=False)),
        "schema": pipeline_schema(catalog),
        "filters": sorted(FILTERS),
        "fitting": [(one, other, fits(given, wanted)) for (one, given), (other, wanted) in pairs],
    }
    (tmp_path / "facts.json").write_text(json.dumps(facts), "utf-8")
    monkeypatch.setenv("COURSEWRIGHT_TEST_FACTS", str(tmp_path / "facts.json"))
    hatch_build._run(["node", "--test", "tests/editor.test.mjs"], WEB, "the language part of the editor is wrong")
