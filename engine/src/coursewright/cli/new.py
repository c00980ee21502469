"""`coursewright new`: a pipeline or a provider to begin with."""

from __future__ import annotations

import re
from pathlib import Path

import click
import msgspec

from coursewright import __version__
from coursewright.capabilities import CAPABILITIES
from coursewright.catalog import installed
from coursewright.cli import epilog
from coursewright.cli.scaffold import rendered, write_files
from coursewright.document.problems import did_you_mean, quoted
from coursewright.errors import InputError

_NAME = re.compile("[a-z][a-z0-9]*(_[a-z0-9]+)*")
_MAX_NAME = 40
_ROLES = {
    "document": "Document",
    "llm": "Writer",
    "tts": "Voice",
    "video": "Presenter",
    "slides": "Slides",
    "compose": "Composer",
    "export": "Export",
}
"""What a class of each capability is called."""
_LIBRARIES = {"slides": ["pillow>=10.1"], "video": ["av>=14"], "compose": ["av>=14"]}
_WITH_OPTIONS = {"document", "tts", "slides"}


class Created(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints: the id of the provider, or the name of the pipeline; and the files made for it."""

    name: str
    files: list[str]


@click.group(
    "new",
    epilog=epilog(
        "coursewright new pipeline my_course.yaml",
        "coursewright new provider tts.mine",
    ),
)
def command() -> None:
    """Begin a pipeline or a provider plugin of your own."""


@command.command(
    "pipeline",
    epilog=epilog(
        "coursewright new pipeline my_course.yaml",
        "coursewright new pipeline my_course.yaml --force",
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite the file if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON: name, files.")
def new_pipeline(file: Path, force: bool, as_json: bool) -> None:
    """Write a commented pipeline that runs offline as it is."""
    if file.suffix not in (".yaml", ".yml") or not file.name.isprintable():
        raise InputError(f"{quoted(file.name)} is no pipeline file", field="file", remedy="give it a name in .yaml")
    name = re.sub("[^a-z0-9]+", "_", file.stem.lower()).strip("_")
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{quoted(file.stem)} is no name for a pipeline",
            field="file",
            remedy="begin with a letter, and use the letters a–z, digits and _, as in my_course.yaml",
        )
    title = name.replace("_", " ").capitalize()
    write_files(
        {file: rendered("pipeline.yaml.j2", {"name": name, "title": title, "file": _shown(Path(file.name))})},
        force=force,
    )
    _report(Created(name=name, files=[str(file)]), as_json, f"coursewright check {_shown(file)}")


@command.command(
    "provider",
    epilog=epilog(
        "coursewright new provider tts.mine",
        "coursewright new provider export.archive --folder my_plugins/archive",
    ),
)
@click.argument("provider_id", metavar="CAPABILITY.NAME")
@click.option("--folder", type=click.Path(path_type=Path), help="Where to put it. [default: coursewright-<…>, here]")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON: name, files.")
def new_provider(provider_id: str, folder: Path | None, force: bool, as_json: bool) -> None:
    """Make a plugin with a small provider that works, and its tests.

    \b
    CAPABILITY: document, llm, tts, video, slides, compose or export.
    NAME: what pipelines call it; letters a–z, digits and _.
    """
    capability, name = _parts(provider_id)
    offer = installed().offers.get(provider_id)
    if offer is not None and not force:
        raise InputError(
            f"{provider_id} is offered by {offer.plugin} already",
            field="provider_id",
            remedy="choose another name; --force is for a plugin that you make anew",
        )
    distribution = f"coursewright-{capability}-{name}".replace("_", "-")
    folder = folder or Path(distribution)
    _report(
        Created(name=provider_id, files=_write_plugin(capability, name, distribution, folder, force=force)),
        as_json,
        f'pip install -e "{folder}[test]" && coursewright plugins {provider_id}',
    )


def _parts(provider_id: str) -> tuple[str, str]:
    capability, _, name = provider_id.partition(".")
    if capability not in CAPABILITIES:
        raise InputError(
            f"there is no capability {quoted(capability)}",
            field="provider_id",
            remedy=did_you_mean(capability, CAPABILITIES, what="capabilities are"),
        )
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME:
        raise InputError(
            f"{quoted(name)} is no name for a provider",
            field="provider_id",
            remedy=f"begin with a letter, and use at most {_MAX_NAME} letters a–z, digits and _: {capability}.mine",
        )
    return capability, name


def _write_plugin(capability: str, name: str, distribution: str, folder: Path, *, force: bool) -> list[str]:
    slug = f"{capability}_{name}"
    module = f"coursewright_{slug}"
    stem = "".join(part.capitalize() for part in name.split("_"))
    values = {
        "id": f"{capability}.{name}",
        "capability": capability,
        "capability_summary": CAPABILITIES[capability].summary,
        "name": name,
        "slug": slug,
        "module": module,
        "distribution": distribution,
        "provider_class": f"{stem}{_ROLES[capability]}",
        "options_class": f"{stem}Options",
        "libraries": ["msgspec>=0.20"] * (capability in _WITH_OPTIONS) + _LIBRARIES.get(capability, []),
        "engine_version": __version__,
    }
    source = folder / "src" / module
    templates = {
        folder / "pyproject.toml": "pyproject.toml.j2",
        folder / "README.md": "README.md.j2",
        source / "__init__.py": "init.py.j2",
        source / "provider.py": f"{capability}.py.j2",
        folder / "tests" / f"test_{slug}.py": f"test_{capability}.py.j2",
    }
    files = {path: rendered(f"provider/{template}", values) for path, template in templates.items()}
    write_files({**files, source / "py.typed": ""}, force=force)
    return [str(path) for path in files]


def _report(created: Created, as_json: bool, next_command: str) -> None:
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(created), indent=2))
        return
    for file in created.files:
        click.echo(f"made {file}")
    click.echo(f"next: {next_command}")


def _shown(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))
