"""`coursewright store`."""

from __future__ import annotations

import re

import click
import msgspec

from coursewright.capabilities.artifacts import Artifact
from coursewright.cli import epilog
from coursewright.cli.options import environment_settings
from coursewright.cli.output import counted, print_json, size
from coursewright.store import open_store
from coursewright.store.gc import GRACE_S, Swept, collect, usage

_DAY_S = 24 * 3600.0
_DURATION_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": _DAY_S, "w": 7 * _DAY_S}
_SIZE_BYTES = {
    "b": 1,
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)},
}


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What `store verify --json` prints. `damaged` are the digests that were removed."""

    artifacts: int
    artifact_bytes: int
    damaged: list[str]


_DURATION = re.compile("([0-9]{1,6}[smhdw])+")
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,3})?) ?([kmgt]?i?b)")


def seconds(text: str) -> float:
    """`30d`, `12h`, `1w2d` in seconds. Raises BadParameter."""
    if not _DURATION.fullmatch(text.lower()):
        raise click.BadParameter(f"'{text}' is no duration; write 30d, 12h, 90m or 1w")
    return sum(int(number) * _DURATION_S[unit] for number, unit in re.findall(r"(\d+)(\w)", text.lower()))


def in_bytes(text: str) -> int:
    """`5GB`, `500 MB`, `2GiB` in bytes. Raises BadParameter."""
    found = _SIZE.fullmatch(text.lower())
    if found is None or found[2] not in _SIZE_BYTES:
        raise click.BadParameter(f"'{text}' is no size; write 5GB, 500MB or 2GiB")
    return int(float(found[1]) * _SIZE_BYTES[found[2]])


@click.group(
    "store",
    epilog=epilog(
        "coursewright store usage",
        "coursewright store verify",
        "coursewright store gc --older-than 30d --dry-run",
    ),
)
def command() -> None:
    """Look after the artifact store, where results are kept for the next run."""


_json_option = click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")


@command.command(
    "usage",
    epilog=epilog("coursewright store usage", "coursewright store usage --json"),
)
@_json_option
def show_usage(as_json: bool) -> None:
    """Say how much the store holds."""
    settings = environment_settings()
    used = usage(open_store(settings))
    if as_json:
        print_json(used)
        return
    where = f"bucket {settings.s3.bucket} at {settings.s3.endpoint}" if settings.s3 else settings.local_store
    click.echo(f"{counted(used.artifacts, 'artifact')}, {size(used.artifact_bytes)}")
    click.echo(f"{counted(used.records, 'finished step')}")
    click.echo(f"in {where}")


@command.command(
    "verify",
    epilog=epilog("coursewright store verify", "coursewright store verify --json"),
)
@_json_option
def verify(as_json: bool) -> int:
    """Read everything that is stored, and remove what is damaged.

    Exits with 1 when something was. The next run makes it again.
    """
    store = open_store(environment_settings())
    known = [(digest, size_bytes) for digest, size_bytes, _ in store.digests()]
    damaged = [
        digest
        for digest, size_bytes in known
        if not store.verify(
            Artifact(digest=digest, media_type="application/octet-stream", size_bytes=size_bytes, name=digest)
        )
    ]
    verified = Verified(artifacts=len(known), artifact_bytes=sum(each for _, each in known), damaged=damaged)
    if as_json:
        print_json(verified)
    else:
        click.echo(f"{counted(verified.artifacts, 'artifact')}, {size(verified.artifact_bytes)} read")
        for digest in damaged:
            click.echo(f"damaged, removed: {digest}")
        click.echo(
            f"{counted(len(damaged), 'artifact')} damaged; the next run makes them again" if damaged else "all good"
        )
    return 1 if damaged else 0


@command.command(
    "gc",
    epilog=epilog(
        "coursewright store gc --dry-run",
        "coursewright store gc --older-than 30d",
        "coursewright store gc --older-than 1w --max-size 5GB --json",
    ),
)
@click.option(
    "--older-than",
    "older_than_s",
    type=seconds,
    metavar="TIME",
    default="90d",
    show_default=True,
    help="Forget results that no run used for so long: 30d, 12h, 1w.",
)
@click.option(
    "--max-size",
    "max_bytes",
    type=in_bytes,
    metavar="SIZE",
    help="Remove what was used least recently as well, until the rest fits: 5GB, 500MB.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@_json_option
def gc(older_than_s: float, max_bytes: int | None, dry_run: bool, as_json: bool) -> None:
    """Remove results that nobody used for long, without asking.

    What was used within the last day always stays: a run may be about to need it.
    """
    swept = collect(open_store(environment_settings()), older_than_s=older_than_s, max_bytes=max_bytes, dry_run=dry_run)
    if as_json:
        print_json(swept)
    else:
        _report(swept, max_bytes)


def _report(swept: Swept, max_bytes: int | None) -> None:
    goes = "would go" if swept.dry_run else "removed"
    stays = "would stay" if swept.dry_run else "left"
    click.echo(f"{goes}: {_held(swept.artifacts, swept.artifact_bytes, swept.records)}")
    if swept.leftovers:
        click.echo(f"{goes}: {counted(swept.leftovers, 'unfinished file')} of runs that were killed")
    click.echo(f"{stays}: {_held(swept.kept.artifacts, swept.kept.artifact_bytes, swept.kept.records)}")
    if max_bytes is not None and swept.kept.artifact_bytes > max_bytes:
        click.echo(f"more than {size(max_bytes)} {stays}: what was used in the last {GRACE_S / 3600:g} hours is kept")


def _held(artifacts: int, artifact_bytes: int, records: int) -> str:
    return f"{counted(artifacts, 'artifact')}, {size(artifact_bytes)}, of {counted(records, 'finished step')}"
