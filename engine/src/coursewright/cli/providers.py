"""`coursewright providers`."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from pathlib import Path

import click
import msgspec

from coursewright.catalog import Catalog, installed
from coursewright.cli import epilog
from coursewright.cli.display import Display
from coursewright.cli.options import environment_settings, pairs
from coursewright.cli.output import print_json
from coursewright.compile import compile_pipeline
from coursewright.document.problems import did_you_mean, quoted
from coursewright.errors import InputError, RunCancelled, RunFailed
from coursewright.plan import Plan
from coursewright.providers import Estimate
from coursewright.run.execute import Execution
from coursewright.run.hosting import hosted
from coursewright.run.inputs import read_inputs
from coursewright.run.outputs import OutputFolder
from coursewright.run.report import RunReport
from coursewright.settings import Settings
from coursewright.store import open_store

_PROMPT = "Answer with one sentence of five words about the sea, and nothing else.\n"
_HEAD = "name: provider_test\ntitle: Test of {id}\n"
_PIPELINES = {
    "llm": """\
steps:
  test: {{uses: {id}, with: {{prompt: prompt.md, data: {{}}, returns: text{options}}}}}
outputs: {{text: "${{test.text}}"}}
""",
    "tts": """\
inputs:
  text: {{type: text, default: This is a short test.}}
  language: {{type: language, default: en}}
  voice: {{type: audio, required: false}}
steps:
  test:
    uses: {id}
    with: {{text: "${{inputs.text}}", language: "${{inputs.language}}", voice: "${{inputs.voice}}"{options}}}
outputs: {{audio: "${{test.audio}}"}}
""",
    "video": """\
inputs:
  portrait: {{type: image, required: false}}
steps:
  speech: {{uses: tts.espeak, with: {{text: One two three.}}}}
  test:
    uses: {id}
    with: {{portrait: "${{inputs.portrait}}", speech: "${{speech}}"{options}}}
outputs: {{video: "${{test.video}}"}}
""",
}
_PLAYERS = (("ffplay", "-autoexit", "-loglevel", "quiet"), ("mpv", "--really-quiet"), ("afplay",), ("aplay", "-q"))


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints. `estimate` is what was expected before the call."""

    provider: str
    seconds: float
    estimate: Estimate
    files: list[str]
    text: str = ""
    notices: tuple[str, ...] = ()


@click.group("providers")
def command() -> None:
    """Try a provider. `coursewright plugins` lists them."""


@command.command(
    "test",
    epilog=epilog(
        "coursewright providers test tts.espeak",
        "coursewright providers test tts.zyphra -i voice=me.wav --play",
        "coursewright providers test video.kdtalker -i portrait=me.jpg",
        "coursewright providers test llm.openai --option model=llama3.2",
    ),
)
@click.argument("provider_id", metavar="PROVIDER")
@click.option("-i", "--input", "given", multiple=True, metavar="NAME=VALUE", help="text, language, voice or portrait.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="An option of the provider.")
@click.option("-o", "--output", default="provider-test", show_default=True, type=click.Path(path_type=Path))
@click.option("--play", is_flag=True, help="Play the result, where a player is installed.")
@click.option("--json", "as_json", is_flag=True, help="Print what came of it as JSON.")
def test(
    provider_id: str, given: tuple[str, ...], options: tuple[str, ...], output: Path, play: bool, as_json: bool
) -> int:
    """Make the smallest real call: a sentence, five spoken words, a clip of a second.

    It asks the service even when the result is known, and may cost what such a call costs.
    """
    catalog = installed()
    settings = environment_settings()
    plan = _plan(provider_id, catalog, pairs(options, "--option", "model=llama3.2"))
    store = open_store(settings)
    values = read_inputs(plan, pairs(given, "-i", "voice=me.wav"), store)
    folder = OutputFolder(output, force=True)
    expected = _expected(provider_id, catalog, settings)
    display = Display(plan, shown=not as_json)
    execution = Execution(
        plan, values, catalog=catalog, store=store, settings=settings, observer=display, no_cache=True
    )
    with display:
        report = asyncio.run(_interruptible(execution))
    if report.state == "cancelled":
        raise RunCancelled("cancelled")
    if report.state == "failed":
        cause = report.failures[0].cause
        detail = (
            f"\n       in its own words: {cause.detail}" if cause.detail and cause.detail not in cause.message else ""
        )
        raise RunFailed(f"{provider_id} did not serve: {cause.sentence}{detail}", report.failures, remedy=cause.remedy)
    files = [str(written.path) for written in folder.write(report, store)]
    tested = Tested(
        provider=provider_id,
        seconds=next(item.seconds for item in report.items if item.step == "test"),
        estimate=expected,
        files=files,
        text=report.outputs.get("text", ""),
        notices=report.notices,
    )
    if as_json:
        print_json(tested)
    else:
        _tell(tested)
    if play:
        _play(files)
    return 0


def _plan(provider_id: str, catalog: Catalog, options: dict[str, str]) -> Plan:
    offer = catalog.offers.get(provider_id)
    if offer is None:
        raise InputError(
            f"no provider is called {quoted(provider_id)}",
            field="PROVIDER",
            remedy=did_you_mean(provider_id, catalog.offers, what="there are"),
        )
    pipeline = _PIPELINES.get(offer.provider.capability)
    if pipeline is None:
        raise InputError(
            f"there is no small test for '{offer.provider.capability}'",
            field="PROVIDER",
            remedy=f"test a provider of {', '.join(_PIPELINES)}; the others work on this machine: run a pipeline",
        )
    more = "".join(f", {name}: {_scalar(value)}" for name, value in options.items())
    text = (_HEAD + pipeline).format(id=provider_id, options=more)
    return compile_pipeline(text, name="provider test", catalog=catalog, read=lambda _: _PROMPT)


def _scalar(value: str) -> str:
    """A value of the command line as YAML: a number or word as it stands, else a string."""
    return value if value.replace(".", "", 1).lstrip("-").isalnum() else msgspec.json.encode(value).decode()


def _expected(provider_id: str, catalog: Catalog, settings: Settings) -> Estimate:
    """What the call will take, as far as it was measured here."""
    provider = hosted(catalog.offers[provider_id].provider, settings)
    if provider.unit != "character":
        return Estimate()
    return provider.host.expected(float(len("This is a short test.")))


async def _interruptible(execution: Execution) -> RunReport:
    loop = asyncio.get_running_loop()
    for wanted in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(wanted, execution.cancel)
    return await execution.run()


def _tell(tested: Tested) -> None:
    expected = f" (expected: {tested.estimate.seconds:.1f} s)" if tested.estimate.seconds is not None else ""
    click.echo(f"{tested.provider} served in {tested.seconds:.1f} s{expected}")
    if tested.text:
        click.echo(f"  it wrote: {tested.text}")
    for notice in tested.notices:
        click.echo(f"  note: {notice}")
    for path in tested.files:
        click.echo(f"  {path}")


def _play(files: list[str]) -> None:
    player = next((command for command in _PLAYERS if shutil.which(command[0])), None)
    if player is None:
        click.echo(f"no player was found ({', '.join(command[0] for command in _PLAYERS)}); open the file", err=True)
        return
    for path in files:
        subprocess.run([*player, path], check=False, stdin=subprocess.DEVNULL, env=os.environ)
