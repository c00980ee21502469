"""A catalog of providers that do nothing, and the compiler in the words of its tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import msgspec
import pytest
from coursewright.catalog import Catalog, catalog_of
from coursewright.compile import CheckResult, check_pipeline
from coursewright.providers import Context, Provider
from msgspec import Meta


class LlamaOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    temperature: Annotated[float, Meta(ge=0, le=2, description="How freely it writes.")] = 0.7
    stop: list[str] = []
    seed: int | str | None = None


class EspeakOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rate_wpm: Annotated[int, Meta(ge=80, le=300)] = 160
    accent: Annotated[str, Meta(pattern="^[a-z]+$", max_length=12)] = "none"


class PiperOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    speaker: int = 0
    whisper: bool = False


class ScormOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Literal["1.2", "2004"] = "1.2"


def provider(provider_id: str, options: type[msgspec.Struct] | None = None, preference: int = 0) -> Any:
    capability, name = provider_id.split(".")

    def run(self: object, request: object, context: Context) -> None:
        raise AssertionError("the compiler runs nothing")

    def check(self: object) -> None:
        raise AssertionError("the compiler asks no provider for its health")

    members: dict[str, Any] = {
        "capability": capability,
        "name": name,
        "summary": name,
        "version": "1",
        "preference": preference,
        "run": run,
        "check": check,
    }
    if options is not None:
        members["Options"] = options
    return type(name.title(), (Provider,), members)


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return catalog_of(
        {
            "fakes": [
                provider("document.reader"),
                provider("llm.llama", LlamaOptions, preference=10),
                provider("llm.outline"),
                provider("tts.espeak", EspeakOptions),
                provider("tts.piper", PiperOptions, preference=5),
                provider("video.portrait"),
                provider("slides.typst"),
                provider("compose.film"),
                provider("export.scorm", ScormOptions),
                provider("export.mp4"),
            ]
        }
    )


Check = Callable[..., CheckResult]


@pytest.fixture(scope="session")
def check(catalog: Catalog) -> Check:
    """`check(text, files={path: text}, overrides=…, preferred=…, catalog=…)`; the file is called lesson.yaml."""

    def run(
        text: str | bytes, files: Mapping[str, str] | None = None, catalog: Catalog = catalog, **more: Any
    ) -> CheckResult:
        return check_pipeline(text, name="lesson.yaml", catalog=catalog, read=(files or {}).get, **more)

    return run
