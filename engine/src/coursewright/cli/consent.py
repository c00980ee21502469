"""`coursewright consent`."""

from __future__ import annotations

import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from coursewright.cli import epilog
from coursewright.cli.options import environment_settings
from coursewright.cli.output import print_json, wrapped
from coursewright.consent import STATEMENT, Consent, consents_for, grant, revoke
from coursewright.errors import InputError
from coursewright.run.inputs import read_file
from coursewright.store import open_store

HERE = "command line"
"""Who files what is filed by this command."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints: the consents that hold now."""

    digest: str
    consents: tuple[Consent, ...]


@click.command(
    "consent",
    epilog=epilog(
        'coursewright consent me.wav --person "Ada Lovelace" --purpose "narrating our courses"',
        'coursewright consent me.jpg --person "Ada Lovelace" --purpose "presenting" --recording yes.mp3',
        "coursewright consent me.wav --show",
        "coursewright consent me.wav --revoke",
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--person", metavar="NAME", help="Whose voice or face it is.")
@click.option("--purpose", metavar="TEXT", help="What it may be used for.")
@click.option("--statement", metavar="TEXT|@FILE", help="What they agree to; without it, a usual text.")
@click.option(
    "--recording", metavar="FILE", type=click.Path(path_type=Path), help="Them saying so, or the signed paper."
)
@click.option("--show", is_flag=True, help="Only show which consents there are.")
@click.option("--revoke", "revoking", is_flag=True, help="Take back the consent that was filed by this command.")
@click.option("--json", "as_json", is_flag=True, help="Print the consents that hold as JSON.")
def command(
    file: Path,
    person: str | None,
    purpose: str | None,
    statement: str | None,
    recording: Path | None,
    show: bool,
    revoking: bool,
    as_json: bool,
) -> None:
    """File that a person agrees to what is made from their voice or photo.

    Without it no voice is cloned from FILE, and no photo in FILE is given to a service. The consent is for the content
    of the file, whatever its name, and stays until it is revoked.
    """
    if show + revoking + bool(person or purpose or statement or recording) > 1:
        raise InputError("--show, --revoke and a new consent exclude each other", remedy="give one of them")
    store = open_store(environment_settings())
    digest = _digest(file)
    if revoking:
        if not revoke(store, digest, HERE) and not as_json:
            click.echo("no consent was filed by this command")
    elif not show:
        consent = _asked(file, person, purpose, statement)
        if recording is not None:
            consent = msgspec.structs.replace(consent, recording=read_file(recording, store, label="--recording"))
        grant(store, digest, consent)
    shown = Shown(digest=digest, consents=consents_for(store, digest))
    if as_json:
        print_json(shown)
    else:
        _tell(file, shown)


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", field="FILE", remedy="check the path") from None


def _asked(file: Path, person: str | None, purpose: str | None, statement: str | None) -> Consent:
    text = _text(statement)
    if not (person and purpose) and sys.stdin.isatty():
        click.echo(wrapped(text))
        person = person or click.prompt(f"Who agrees to this, in {file.name}")
        purpose = purpose or click.prompt("What may be made with it")
        if not click.confirm("Do they agree"):
            raise click.Abort
    for option, value in (("--person", person), ("--purpose", purpose)):
        if not (value or "").strip():
            raise InputError(f"{option} is missing", field=option, remedy='give --person "NAME" and --purpose "…"')
    wanted = {
        "person": person,
        "purpose": purpose,
        "statement": text,
        "granted_by": HERE,
        "given_at": datetime.now(UTC),
    }
    try:
        return msgspec.convert(wanted, Consent)
    except msgspec.ValidationError as error:
        raise InputError(f"the consent cannot be filed: {error}", remedy="shorten it") from None


def _text(statement: str | None) -> str:
    if statement is None:
        return STATEMENT
    if not statement.startswith("@"):
        return statement
    try:
        return Path(statement[1:]).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{statement[1:]} cannot be read: {error}", field="--statement", remedy="check the path"
        ) from None


def _tell(file: Path, shown: Shown) -> None:
    if not shown.consents:
        click.echo(f"no consent to the use of {file.name}: no voice is cloned from it")
        return
    click.echo(f"{file.name} may be used:")
    for consent in shown.consents:
        click.echo(wrapped(f"{consent.person}, for: {consent.purpose}", indent=2, hang=2))
        click.echo(wrapped(f"given {consent.given_at:%Y-%m-%d}, filed by {consent.granted_by}", indent=4))
