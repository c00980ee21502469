"""The commands of the pages in `docs/`, for tests to run as they stand there."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tools.swift import ROOT

API_PAGE = ROOT / "docs" / "api.md"
_SHOWN_URL = "http://127.0.0.1:8400"
_PATIENCE_S = 150


def blocks(page: Path, language: str) -> list[str]:
    """The page's blocks of code in that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def need_curl() -> None:
    """Skip the test where the page's programs are not installed; they are where tests decide what lands."""
    for program in ("curl", "jq"):
        if shutil.which(program) is None:
            reason = f"{program} is not installed"
            pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


def run_api_page(token: str, *urls: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """All curl commands of `docs/api.md`, each to the next of the service's addresses. `token` sets it up."""
    following = itertools.cycle(urls)
    script = "\n".join(block for block in blocks(API_PAGE, "text") if "curl " in block)
    script = re.sub(r'"\$URL', lambda _: f'"{next(following)}', script).replace(_SHOWN_URL, urls[0])
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"TOKEN={token}\n{script}"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
