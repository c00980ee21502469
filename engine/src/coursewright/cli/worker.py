"""`coursewright worker`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from pathlib import Path

import click

from coursewright.cli import epilog
from coursewright.cli.options import environment_settings
from coursewright.run.bundles import INPUTS, RESULTS
from coursewright.run.forking import fork_server
from coursewright.run.server import environment, prefect_api

_POLL_S = 1
"""Prefect's own 10 s would be the longest part of a short run."""
_RETRIES = 200
"""At most 4 s apart (`coursewright.run.outlasting`): Prefect's server may be gone for ten minutes. Runs inherit it."""
_WATCH_S = 0.5


@click.command("worker", epilog=epilog("coursewright worker", "coursewright worker --at-once 4"))
@click.option("--at-once", type=click.IntRange(1, 100), default=2, show_default=True, help="Runs at the same time.")
@click.option("--with-parent", is_flag=True, hidden=True, help="Stop when the process that started this one is gone.")
def command(at_once: int, with_parent: bool) -> int:
    """Run deployed pipelines: from Prefect's pages, their schedules, or an API.

    Without a Prefect server in the settings the embedded one is used, and kept running. Ctrl-C stops the worker; its
    runs are given back and go on where they stopped as soon as there is a worker again.
    """
    if with_parent:
        _end_with(os.getppid())
    settings = environment_settings()
    for folder in (INPUTS, RESULTS):
        (settings.data_dir / folder).mkdir(parents=True, exist_ok=True)
    with prefect_api(settings) as api:
        os.environ.update(environment(settings, api.url))
        os.environ["PREFECT_WORKER_QUERY_SECONDS"] = str(_POLL_S)
        os.environ["PREFECT_CLIENT_MAX_RETRIES"] = str(_RETRIES)
        os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        from coursewright.run.worker import work, worker_name

        api.wait()
        with worker_name(settings.data_dir / "workers") as name, fork_server():
            click.echo(f"worker {name} is ready; Prefect: {api.url.removesuffix('/api')}", err=True)
            click.echo(f"  files that runs may name: {settings.data_dir / INPUTS}", err=True)
            click.echo(f"  results: {settings.data_dir / RESULTS}", err=True)
            asyncio.run(work(name, at_once))
    click.echo("stopped", err=True)
    return 0


def _end_with(parent: int) -> None:
    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_S)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
