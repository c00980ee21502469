"""The catalog survives every plugin, and says what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from coursewright.catalog import Catalog, PluginFailure, catalog_of, installed
from coursewright.providers import Provider

Install = Callable[..., None]

PROVIDER = """
import msgspec
from coursewright.hookspecs import hookimpl
from coursewright.providers import Provider

class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rate_wpm: int = 160

class Fake(Provider):
    capability, name, summary, version = "tts", "fake", "says nothing", "1"
    Options = Options
    def run(self, request, context):
        raise NotImplementedError

@hookimpl
def coursewright_providers():
    return [Fake]
"""


def reasons(catalog: Catalog, plugin: str) -> list[str]:
    return [failure.reason for failure in catalog.failures if failure.plugin == plugin]


def test_a_plugin_is_found_by_its_entry_point(install: Install) -> None:
    install("coursewright-tts-fake", PROVIDER)

    offer = installed().offers["tts.fake"]

    assert (offer.id, offer.plugin) == ("tts.fake", "coursewright-tts-fake")
    assert installed().provider("tts.fake").summary == "says nothing"


BROKEN = {
    "import": ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
    "syntax": ("def", "SyntaxError: invalid syntax (coursewright_tts_broken.py, line 1)"),
    "exit": ("raise SystemExit('no licence')", "SystemExit: no licence"),
    "silent": ("raise RuntimeError", "RuntimeError"),
    "misspelt hook": (
        PROVIDER.replace("def coursewright_providers", "def coursewright_provider"),
        "PluginValidationError: unknown hook 'coursewright_provider' in plugin",
    ),
    "hook that raises": (
        PROVIDER.replace("return [Fake]", "raise ValueError('out of order')"),
        "ValueError: out of order",
    ),
    "hook with arguments": (
        PROVIDER.replace("coursewright_providers()", "coursewright_providers(catalog)"),
        "PluginValidationError: Plugin 'coursewright-tts-broken:it' for hook 'coursewright_providers'",
    ),
    "an instance": (
        PROVIDER.replace("return [Fake]", "return [Fake()]"),
        "TypeError: coursewright_providers() returned <coursewright_tts_broken.Fake object at",
    ),
    "another class": (
        PROVIDER.replace("return [Fake]", "return [Options]"),
        "TypeError: coursewright_providers() returned <class 'coursewright_tts_broken.Options'>, "
        "which is not a Provider class",
    ),
    "nothing": (PROVIDER.replace("return [Fake]", "pass"), "TypeError: 'NoneType' object is not iterable"),
    "no version": (
        PROVIDER.replace('"says nothing", "1"', '"says nothing", 1'),
        "TypeError: provider Fake does not say its version",
    ),
    "unknown capability": (
        PROVIDER.replace('"tts", "fake"', '"speech", "fake"'),
        "TypeError: provider Fake is of capability 'speech'; known are: document, llm, tts, ",
    ),
    "an option that no pipeline can give": (
        PROVIDER.replace("rate_wpm: int = 160", "folder: __import__('pathlib').Path | None = None"),
        "TypeError: Generating JSON schema for custom types requires either:",
    ),
    "options of an unknown type": (
        PROVIDER.replace("rate_wpm: int = 160", "rate_wpm: 'Speed' = 160"),
        "NameError: name 'Speed' is not defined",
    ),
    "no run": (PROVIDER.replace("def run", "def serve"), "TypeError: provider Fake has no run() method"),
    "options of another kind": (
        PROVIDER.replace("    Options = Options", "    Options = dict"),
        "TypeError: provider Fake: Options must be a msgspec Struct",
    ),
    "options that are fields of the request": (
        PROVIDER.replace("rate_wpm: int = 160", "voice: str = ''\n    text: str = ''"),
        "TypeError: provider Fake: options text, voice are fields of the capability's request",
    ),
    "option without default": (
        PROVIDER.replace("rate_wpm: int = 160", "rate_wpm: int"),
        "TypeError: provider Fake: options rate_wpm have no default",
    ),
}


@pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_reported_and_the_others_still_serve(install: Install, source: str, reason: str) -> None:
    install("coursewright-tts-broken", source)
    install("coursewright-tts-fake", PROVIDER)

    catalog = installed()

    [said] = reasons(catalog, "coursewright-tts-broken")
    assert said.startswith(reason)
    assert "tts.fake" in catalog.offers
    assert catalog.offers["tts.fake"].plugin == "coursewright-tts-fake"


def test_an_entry_point_that_leads_nowhere_is_reported(install: Install) -> None:
    install("coursewright-tts-fake", PROVIDER, entry_point="coursewright_tts_gone")

    assert reasons(installed(), "coursewright-tts-fake") == [
        "ModuleNotFoundError: No module named 'coursewright_tts_gone'"
    ]


def test_two_plugins_with_one_provider_are_both_refused(install: Install) -> None:
    install("coursewright-tts-fake", PROVIDER)
    install("another-voice", PROVIDER)

    catalog = installed()

    reason = "'tts.fake' is offered by another-voice and coursewright-tts-fake; uninstall one of them"
    assert "tts.fake" not in catalog.offers
    assert set(catalog.failures) >= {
        PluginFailure("another-voice", reason),
        PluginFailure("coursewright-tts-fake", reason),
    }


def test_the_most_preferred_comes_first() -> None:
    def voice(name: str, preference: int) -> type[Provider]:  # type: ignore[type-arg]  # of whatever request
        fields = {"capability": "tts", "name": name, "preference": preference, "run": lambda *_: None}
        return type(name, (Provider,), fields)

    catalog = catalog_of({"voices": [voice("b", 0), voice("a", 0), voice("c", 5)]})

    assert [provider.name for provider in catalog.of("tts")] == ["c", "a", "b"]
    assert list(catalog.offers) == ["tts.a", "tts.b", "tts.c"]
