"""Make the virtual environment of the S3 server that the store's tests talk to: `python tools/swift.py`.

OpenStack Swift gets an environment of its own, `.cache/swift`, because it pins its own libraries. Does nothing when
the environment is there already and fits the requirements.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".cache" / "swift"
REQUIREMENTS = ROOT / "engine" / "tests" / "store" / "swift-requirements.txt"


def main() -> None:
    """Make it, or say in one line why not."""
    stamp = ENVIRONMENT / "ready"
    wanted = hashlib.sha256(f"{sys.version} {ENVIRONMENT}".encode() + REQUIREMENTS.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    try:
        install()
    except (subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"the test server Swift could not be installed into {ENVIRONMENT}: {error}")
    stamp.write_text(wanted)


def install() -> None:
    """With the environment's own pip, or with uv where the system keeps ensurepip in a package of its own."""
    python = ENVIRONMENT / "bin" / "python"
    what = ["--quiet", "--require-hashes", "-r", str(REQUIREMENTS)]
    try:
        venv.create(ENVIRONMENT, clear=True, with_pip=True, symlinks=True)
    except subprocess.CalledProcessError:
        venv.create(ENVIRONMENT, clear=True, symlinks=True)
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "pip", "install", "--python", python, *what], check=True)
    else:
        subprocess.run([python, "-m", "pip", "--disable-pip-version-check", "install", *what], check=True)


if __name__ == "__main__":
    main()
