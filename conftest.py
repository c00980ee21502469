"""What holds for all tests: the programs that they start need not compile every module again."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Many machines that test say PYTHONDONTWRITEBYTECODE, as images for containers do. Prefect alone then takes 3 s instead
# of 1 s to import, in some hundred processes. A folder of our own keeps the wish that lies behind it: clean folders.
if sys.dont_write_bytecode:
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(Path(__file__).parent / ".cache" / "pycache")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
