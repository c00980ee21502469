"""The lock files hold what the distributions ask for, by hash, and name no host."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PINNED = re.compile(
    r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ]+)(?: ; [^\\]+)? \\\n(?P<hashes>(?:    --hash=sha256:\w{64}.*\n?)+)", re.M
)


def pins(lock: str) -> dict[str, str]:
    return {match["name"]: match["version"] for match in PINNED.finditer((ROOT / lock).read_text("utf-8"))}


def groups() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    return found


def asked_for() -> list[tuple[str, str]]:
    """(lock file, requirement) of every distribution and every group."""
    wanted = [
        ("requirements.lock", requirement)
        for file in sorted([*ROOT.glob("*/pyproject.toml"), *ROOT.glob("plugins/*/pyproject.toml")])
        for requirement in tomllib.loads(file.read_text("utf-8"))["project"]["dependencies"]
        if not requirement.startswith("coursewright")
    ]
    wanted += [("requirements.lock", requirement) for requirement in groups()["build"]]
    wanted += [(f"requirements-{group}.lock", line) for group in ("dev", "uv", "node") for line in groups()[group]]
    return sorted(set(wanted))


@pytest.mark.parametrize(("lock", "wanted"), asked_for())
def test_the_lock_holds_what_is_asked_for(lock: str, wanted: str) -> None:
    requirement = Requirement(wanted)

    version = pins(lock).get(canonicalize_name(requirement.name))

    assert version is not None, "run `make lock`"
    assert requirement.specifier.contains(version), "run `make lock`"


@pytest.mark.parametrize("lock", sorted(path.name for path in ROOT.glob("requirements*.lock")))
def test_every_line_of_a_lock_is_a_pin_with_hashes(lock: str) -> None:
    assert PINNED.sub("", (ROOT / lock).read_text("utf-8")).strip() == ""
