"""`coursewright serve`. Imports nothing heavy: `coursewright --help` loads this module."""

from __future__ import annotations

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
