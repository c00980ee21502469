"""What all tests share: modules that are compiled once, and one Prefect server for each of pytest's processes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Many machines that test say PYTHONDONTWRITEBYTECODE, as images for containers do. Prefect alone then takes 3 s instead
# of 1 s to import, in some hundred processes. A folder of our own keeps the wish that lies behind it: clean folders.
if sys.dont_write_bytecode:
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(Path(__file__).parent / ".cache" / "pycache")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder for the session, so that one Prefect server serves the runs of all files."""
    from coursewright.run.server import stop
    from coursewright.settings import Settings

    folder = tmp_path_factory.mktemp("data")
    yield folder
    stop(Settings(data_dir=folder))
