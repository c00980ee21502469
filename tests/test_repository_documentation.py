"""The documentation is true: its commands are accepted, its pipelines compile, its links lead somewhere."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
import yaml
from coursewright.catalog import Catalog, installed
from coursewright.cli import cli, main, providers
from coursewright.cli.files import beside, read_pipeline
from coursewright.compile import check_pipeline
from coursewright.providers import NoService
from coursewright.run.hosting import hosted
from coursewright.settings import settings_from

from tools import provider_pages

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/README.md")])
FENCED = re.compile(r"^(?P<indent> *)```(?P<language>\w+)[^\n]*\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]+\]\((?P<target>[^)#\s]+)")


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    found = []
    for page in PAGES:
        text = page.read_text("utf-8")
        for match in FENCED.finditer(text):
            if match["language"] in languages:
                inside = re.sub(rf"^{match['indent']}", "", match["text"], flags=re.MULTILINE)
                found.append(Block(page, text.count("\n", 0, match.start()) + 1, match["language"], inside))
    return found


def commands(block: Block) -> list[list[str]]:
    """The commands of a block, as words. In a `console` block they follow `$ `; the rest is output."""
    lines = block.text.replace("\\\n", " ").splitlines()
    if block.language == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


COMMANDS = [
    pytest.param(words, id=f"{block} {' '.join(words[:2])}")
    for block in blocks("console", "sh", "bash")
    for words in commands(block)
]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return installed()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a reader stands: a copy of what the commands name, and nothing that they could spoil."""
    for name in ("pipelines", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_of_the_documentation_works(
    words: list[str], folder: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, *arguments = words
    match program.removeprefix(".venv/bin/"):
        case "make":
            check_make(arguments)
        case "coursewright" if arguments[0] == "run":
            check_run(arguments[1:], catalog)
        case "coursewright" if arguments[0] == "serve":
            check_serve(arguments[1:])
        case "coursewright" if arguments[:2] == ["providers", "test"]:
            check_providers_test(arguments[2:], catalog)
        case "export":
            check_export(arguments, catalog)
        case "coursewright":
            check_coursewright(arguments, folder, monkeypatch)
        case "pip" if arguments[0] == "install":
            check_pip(arguments[1:])
        case _:
            pytest.fail(f"nothing here knows how to try `{shlex.join(words)}`")


def check_make(arguments: list[str]) -> None:
    """The targets exist; making them is what this run of the tests does."""
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert {word for word in arguments if "=" not in word} <= set(targets)


def check_serve(arguments: list[str]) -> None:
    """The options exist. It does not end by itself; the tests of docs/api.md start it and use it."""
    command = cli.get_command(click.Context(cli), "serve")
    assert command is not None
    command.make_context("serve", arguments)


def check_run(arguments: list[str], catalog: Catalog) -> None:
    """The options exist, the pipeline compiles, and it has the inputs that are given. Nothing is made."""
    command = cli.get_command(click.Context(cli), "run")
    assert command is not None
    given = command.make_context("run", arguments).params
    text, read = read_pipeline(given["file"])
    plan = check_pipeline(text, name=given["file"], catalog=catalog, read=read).plan
    assert plan is not None
    assert {pair.partition("=")[0] for pair in given["inputs"]} <= {spec.name for spec in plan.inputs}
    steps = {step.name for step in plan.steps}
    assert {given["from_step"], given["until_step"]} - {None} <= steps
    assert {pair.partition("=")[0].partition("[")[0] for pair in given["supplied"]} <= steps


def check_providers_test(arguments: list[str], catalog: Catalog) -> None:
    """The provider exists and the options are understood. Nobody is called."""
    given = providers.test.make_context("test", arguments).params
    assert given["provider_id"] in catalog.offers
    names = {pair.partition("=")[0] for pair in given["options"]}
    assert names <= set(catalog.offers[given["provider_id"]].provider.Options.__struct_fields__)


def check_export(arguments: list[str], catalog: Catalog) -> None:
    """The variables mean something to Coursewright, and no real secret is among them."""
    settings = settings_from({"COURSEWRIGHT_DATA_DIR": ".", **dict(each.split("=", 1) for each in arguments)})
    assert len(settings.secrets) + len(settings.services) == len(arguments)
    assert all(len(value) < 16 for value in settings.secrets.values())
    for provider_id in settings.services:
        hosted(catalog.offers[provider_id].provider, settings)


def check_coursewright(arguments: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs, and ends well."""
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("COURSEWRIGHT_DATA_DIR", str(folder / "data"))
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert not ended.value.code


def check_pip(arguments: list[str]) -> None:
    """What is installed from here exists; installing it is the work of set-up."""
    for name in arguments:
        if name.startswith("./"):
            assert list(ROOT.glob(name.removeprefix("./"))), name


PIPELINES = [Block(path, 1, "yaml", path.read_text("utf-8")) for path in sorted(ROOT.glob("pipelines/*.yaml"))]


@pytest.mark.parametrize("block", PIPELINES + blocks("yaml"), ids=str)
def test_a_pipeline_compiles_without_a_warning(block: Block, catalog: Catalog) -> None:
    """A block that begins with a name is a whole pipeline; any other is a part of one, and is at least YAML."""
    if not re.search(r"^name:", block.text, re.MULTILINE):
        assert yaml.safe_load(block.text) is not None
        return
    result = check_pipeline(block.text, name=str(block), catalog=catalog, read=beside(ROOT / "pipelines"))
    assert [str(problem) for problem in result.problems] == []


@pytest.mark.parametrize("block", blocks("toml", "json", "python"), ids=str)
def test_code_of_the_documentation_is_well_formed(block: Block) -> None:
    match block.language:
        case "toml":
            tomllib.loads(block.text)
        case "json":
            json.loads(block.text)
        case _:
            compile(block.text, str(block), "exec")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_files_lead_somewhere(page: Path) -> None:
    targets = [match["target"] for match in LINK.finditer(page.read_text("utf-8")) if "://" not in match["target"]]

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "providers").glob("*_*.md")), ids=lambda page: page.stem)
def test_a_providers_page_tells_the_options_that_it_has(page: Path) -> None:
    assert provider_pages.written(page) == page.read_text("utf-8"), "run python tools/provider_pages.py"


def test_every_remote_provider_has_a_page(catalog: Catalog) -> None:
    remote = {
        offer.id.replace(".", "_") for offer in catalog.offers.values() if offer.provider.Service is not NoService
    }
    pages = {page.stem for page in (ROOT / "docs" / "providers").glob("*_*.md")}
    assert remote <= pages
