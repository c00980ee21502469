"""The service's commands. Imports nothing heavy: `coursewright --help` loads this module."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
from coursewright.cli import epilog


@click.command(
    "serve",
    short_help="Serve the API, with a Prefect server of its own.",
    epilog=epilog(
        "coursewright serve",
        "coursewright serve --port 9000",
        "coursewright serve --host 0.0.0.0        # for other machines as well",
        "coursewright serve --api-only            # with a Prefect server of your own",
    ),
)
@click.option("--host", metavar="ADDRESS", help="The address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), metavar="PORT", help="The port; 0 takes any.  [default: 8400]")
@click.option(
    "--api-only", is_flag=True, help="Start no Prefect server: use the one that PREFECT_API_URL names, if any."
)
def serve(host: str | None, port: int | None, api_only: bool) -> int:
    """Serve the API, with all that it needs.

    Accounts are kept in SQLite in the data folder, or in PostgreSQL. While there is no admin, a link is printed
    by which the first one opens an account. Ctrl-C stops the service. More is set by COURSEWRIGHT_SERVER_…
    variables, or under [server] in the settings file: the database, how browsers come, who may register.
    """
    from coursewright.cli.options import environment_settings

    from coursewright_api.serve import run

    return run(environment_settings(), host=host, port=port, api_only=api_only)


_without_files = click.option(
    "--without-files",
    is_flag=True,
    help="Leave out artifacts, records, inputs and results: their store has a backup of its own.",
)


@click.command(
    "backup",
    short_help="Put everything into one file.",
    epilog=epilog(
        "coursewright backup /srv/backups                       # the file is named by the time",
        "coursewright backup courses.tar --force",
        "coursewright backup /srv/backups --without-files",
    ),
)
@click.argument("target", type=click.Path(path_type=Path), metavar="FOLDER|FILE.tar")
@_without_files
@click.option("--force", is_flag=True, help="Replace a file of that name.")
def backup(target: Path, without_files: bool, force: bool) -> None:
    """Put everything into one file: accounts, jobs, artifacts, the signing key, Prefect's own database.

    The service may go on. The file appears when it is complete; it holds secrets, so only you may read it. Settings and
    secrets that you set yourself are not in it.
    """
    from coursewright.cli.options import environment_settings

    from coursewright_api.backup.making import make
    from coursewright_api.backup.telling import tell_made

    tell_made(asyncio.run(make(environment_settings(), target, with_files=not without_files, force=force)))


@click.command(
    "restore",
    short_help="Bring back what `coursewright backup` wrote.",
    epilog=epilog(
        "coursewright restore /srv/backups/courses.tar",
        "coursewright restore courses.tar --force",
    ),
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True), metavar="FILE.tar")
@_without_files
@click.option("--force", is_flag=True, help="Replace what is there.")
def restore(file: Path, without_files: bool, force: bool) -> None:
    """Bring back what `coursewright backup` wrote, into the database and the store that the settings name.

    Stop the service and its workers first. The whole file is checked before anything is touched. The database may be
    another than the one that the backup was made of: SQLite and PostgreSQL hold the same.
    """
    from coursewright.cli.options import environment_settings

    from coursewright_api.backup.restoring import restore
    from coursewright_api.backup.telling import tell_restored

    tell_restored(asyncio.run(restore(environment_settings(), file, with_files=not without_files, force=force)))


@click.group(
    "storage",
    short_help="Make the store ready for browsers.",
    epilog=epilog("coursewright storage init"),
)
def storage() -> None:
    """Make the store ready for the service."""


@storage.command("init", epilog=epilog("coursewright storage init"))
def init() -> None:
    """Make the bucket if there is none, and let the service's pages use it.

    Browsers send files to an S3 store and fetch them from there, which the store must allow to pages of public_url
    and of allowed_origins. Says so where the server cannot be told. Nothing that is stored is touched, and it may be
    run again. A store in a folder needs none of this.
    """
    from coursewright.cli.options import environment_settings
    from coursewright.store import open_store

    from coursewright_api.settings import server_settings

    settings = environment_settings()
    server = server_settings(settings)
    direct = open_store(settings).direct
    if direct is None:
        click.echo(f"the store is the folder {settings.local_store}; there is nothing to do")
        return
    for said in direct.prepare([server.url, *server.allowed_origins]):
        click.echo(said)
