"""Bring the catalogues up to date: `python web/messages.py jobs` writes what they lack to `locale/<language>/jobs.po`.

Taken are messages of files with `jobs` in their path, or of all files for the area `common`; the words of the pipelines
in `pipelines/` are the area `courses`, what the service and the engine answer people is the area `problems`, what the
plugins that come along say of themselves and of their results is the area `plugins`. They come untranslated, and are
printed. What no page says any more is taken out of every file.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import yaml
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.resolve()
PACKAGE = ROOT / "src" / "coursewright_web"
PIPELINES = ROOT.parent / "pipelines"
PLUGINS = ROOT.parent / "plugins"
API = ROOT.parent / "api" / "src" / "coursewright_api"
ENGINE = ROOT.parent / "engine" / "src" / "coursewright"
ANSWERING = (
    *(API / each for each in ("problems.py", "fields.py", "auth", "consents", "generate", "share")),
    *(API / each for each in ("assets", "jobs/link.py", "jobs/records.py", "jobs/scripts.py")),
    *(API / each for each in ("jobs/parts.py", "jobs/inputs.py")),
    *(API / each for each in ("pipelines/library.py", "pipelines/versions.py", "pipelines/given.py")),
    *(
        ENGINE / each
        for each in ("providers.py", "settings.py", "run/context.py", "run/processes.py", "run/serving.py")
    ),
    *(ENGINE / "kit" / each for each in ("clips", "gradio", "speech", "writing", "exchange.py", "replies.py")),
    *sorted(PLUGINS.glob("*/src")),
)
"""Whose errors people meet in pages."""
TELLING = (
    *(ENGINE / each for each in ("capabilities/__init__.py", "kit", "run/readiness.py", "cli/health.py")),
    *sorted(PLUGINS.glob("*/src")),
)
"""Whose words about themselves and their results people meet in pages."""
FOR_PROGRAMS = {"cookies.py", "forms.py", "keys.py", "middleware.py", "routes.py"}
"""What only programs and operators meet of it stays English."""
ERRORS = {
    *("ApiError", "FieldError", "_error", "conflict", "forbidden", "not_found", "refused", "too_many", "unauthorized"),
    *("AuthFailed", "BadInput", "Busy", "InputError", "QuotaExceeded", "TimedOut", "Unavailable", "Unsuited"),
    *("Need", "Validation", "unavailable"),
}
"""What makes an error of a message and its remedy, or tells of the state of a provider."""
ABOUT = {"summary", "sends", "licence"}
"""What the class of a provider says of it."""
TOLD = {"Capability": {"summary"}, "Health": {"reason", "remedy"}, "Meta": {"description"}}
"""What is said by those arguments."""
LEAST = 8
"""Letters of its own that a message with values needs, to be known again."""
NUMBERED = re.compile(r"%\(\d+\)s")
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}
METHODS = {".html": "jinja2.ext:babel_extract", ".js": "javascript", ".py": "python"}

OPTIONS = {".html": {"trimmed": "true", "silent": "false"}, ".js": {"parse_template_string": "true"}}

Key = str | tuple[str, ...]


def said() -> dict[Key, str]:
    """Every message of the pages, with the file that says it first."""
    found: dict[Key, str] = {}
    for path in sorted(each for each in PACKAGE.rglob("*") if each.suffix in METHODS and "dist" not in each.parts):
        for message in _messages_in(path):
            found.setdefault(message, path.relative_to(PACKAGE).as_posix())
    for path in sorted((API / "share" / "templates").iterdir()):
        for message in _messages_in(path):
            found.setdefault(message, f"sharing/{path.name}")
    for path in sorted(PIPELINES.glob("*.yaml")):
        for message in _shown_of(yaml.safe_load(path.read_text("utf-8"))):
            found.setdefault(message, f"courses/{path.name}")
    for area, places, messages_of in (
        ("problems", ANSWERING, _answered_by),
        ("plugins", TELLING, _told_by),
        ("assets", (API / "assets" / "pictures.py", API / "assets" / "sounds.py"), _told_by),
    ):
        for path in (each for place in places for each in _modules(place)):
            for message in messages_of(ast.parse(path.read_text("utf-8"))):
                found.setdefault(message, f"{area}/{path.name}")
    return found


def _modules(place: Path) -> list[Path]:
    found = [place] if place.is_file() else sorted(place.rglob("*.py"))
    return [path for path in found if path.name not in FOR_PROGRAMS]


def _answered_by(module: ast.Module) -> Iterator[str]:
    """Messages and remedies of the errors that a module makes; values in them become `%(1)s`, `%(2)s` …"""
    constants = _constants_of(module)
    for node in ast.walk(module):
        if not isinstance(node, ast.Call) or (name := _name_of(node.func)) not in ERRORS:
            continue
        given = [
            *node.args,
            *(each.value for each in node.keywords if each.arg in {"description", "message", "remedy"}),
        ]
        for part in given:
            for choice in _choices(part):
                text = _numbered(choice, constants)
                if name == "not_found":
                    yield f"there is no such {text}"
                elif " " in text and _is_known_again(text):
                    yield text


def _told_by(module: ast.Module) -> Iterator[str]:
    """What a module says of its providers, whom they ask, their options, how they are, their results, and of files."""
    constants = _constants_of(module)
    for node in ast.walk(module):
        for part in _told_at(node):
            for choice in _choices(part):
                if _is_known_again(text := _numbered(choice, constants)):
                    yield text


def _told_at(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.ClassDef(body=body):
            for each in body:
                match each:
                    case ast.Assign(targets=[ast.Name(id=name)], value=ast.expr() as value) if name in ABOUT:
                        yield value
                    case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if name in ABOUT:
                        yield value
        case ast.Assign(targets=[ast.Name(id="notices" | "what")], value=value):
            yield value
        case ast.keyword(arg="what", value=value):
            yield value
        case ast.FunctionDef(name=name) if name.endswith(("notice", "notices", "what")):
            yield from (each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="notices"), attr="append"), args=[value]):
            yield value
        case ast.Call(func=function, args=args, keywords=keywords) if (name := _name_of(function)) in TOLD:
            yield from (each.value for each in keywords if each.arg in TOLD[name])
            yield from args[3:4] if name == "Capability" else ()
        case ast.Call(func=function, args=[value] | [_, _, value]) if _name_of(function) in {"notice", "progress"}:
            yield value


def _constants_of(module: ast.Module) -> dict[str, ast.expr]:
    return {
        target.id: node.value
        for node in module.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _choices(node: ast.expr) -> Iterator[ast.expr]:
    """The texts that may stand there."""
    match node:
        case ast.IfExp(body=one, orelse=other):
            yield from (*_choices(one), *_choices(other))
        case ast.List(elts=several) | ast.Tuple(elts=several):
            for each in several:
                yield from _choices(each)
        case _:
            yield node


def _numbered(node: ast.expr, constants: dict[str, ast.expr]) -> str:
    pieces = "".join(_literals(node, constants)).split("\0")
    return pieces[0] + "".join(f"%({number})s{piece}" for number, piece in enumerate(pieces[1:], start=1))


def _is_known_again(text: str) -> bool:
    own = NUMBERED.sub("", text)
    return bool(own) and (own == text or sum(map(str.isalpha, own)) >= LEAST)


def _name_of(function: ast.expr) -> str:
    return getattr(function, "id", getattr(function, "attr", ""))


def _literals(node: ast.expr | None, constants: dict[str, ast.expr]) -> Iterator[str]:
    """The pieces of a text, with NUL where a value stands."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.Name(id=name) | ast.FormattedValue(value=ast.Name(id=name)) if name in constants:
            yield from _literals(constants[name], {})
        case ast.JoinedStr(values=parts):
            for part in parts:
                yield from _literals(part, constants)
        case _:
            yield "\0"


def _shown_of(pipeline: dict[str, Any]) -> Iterator[str]:
    """What pages show of a pipeline's own words: of inputs what their schema says, choices as in `lib/fields.js`."""
    for part in (pipeline, *pipeline["steps"].values()):
        yield from (part[key] for key in ("title", "description") if part.get(key))
    for name, about in pipeline.get("inputs", {}).items():
        yield about.get("title") or name.replace("_", " ").capitalize()
        yield from filter(None, [about.get("description"), about.get("unit")])
        yield from (choice[:1].upper() + choice[1:].replace("_", " ") for choice in about.get("choices", []))


def _messages_in(path: Path) -> Iterator[Key]:
    options = OPTIONS.get(path.suffix, {})
    with path.open("rb") as file:
        for _, message, _, _ in extract(METHODS[path.suffix], file, keywords=KEYWORDS, options=options):
            yield message if isinstance(message, str) else tuple(message)


def languages() -> list[Path]:
    """The folders of the languages that there are catalogues for."""
    return sorted(path for path in (ROOT / "locale").iterdir() if path.is_dir())


def read(path: Path) -> Catalog:
    """One file of a language."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.name.replace("-", "_"), abort_invalid=True)


def _write(path: Path, catalogue: Catalog) -> None:
    """Without dates, line numbers and order of discovery, so that only what is new changes the file."""
    plain = Catalog(locale=catalogue.locale, header_comment="", fuzzy=False)
    for message in sorted((each for each in catalogue if each.id), key=lambda each: str(each.id)):
        plain[message.id] = Message(message.id, message.string)
    text = BytesIO()
    write_po(text, plain, width=118, omit_header=True)
    head = f'msgid ""\nmsgstr ""\n"Language: {path.parent.name}\\n"\n"Plural-Forms: {plain.plural_forms}\\n"\n'
    head += '"Content-Type: text/plain; charset=utf-8\\n"\n\n'
    path.write_text(head + re.sub(r"^#, python-format\n", "", text.getvalue().decode(), flags=re.MULTILINE), "utf-8")


def update(language: Path, area: str) -> list[Key]:
    """Bring one language up to date; what it lacks still."""
    wanted = said()
    files = {path: read(path) for path in sorted(language.glob("*.po"))}
    target = language / f"{area}.po"
    files.setdefault(target, Catalog(locale=language.name.replace("-", "_")))
    known = {_key(message) for catalogue in files.values() for message in catalogue if message.id}
    for path, catalogue in files.items():
        gone = [message.id for message in catalogue if message.id and _key(message) not in wanted]
        for key in gone:
            catalogue.delete(key)
        mine = path == target
        new = [key for key, file in wanted.items() if mine and key not in known and (area == "common" or area in file)]
        for key in new:
            catalogue.add(key)
        if gone or new or not path.exists():
            _write(path, catalogue)
    return [_key(message) for catalogue in files.values() for message in catalogue if message.id and not done(message)]


def _key(message: Message) -> Key:
    return message.id if isinstance(message.id, str) else tuple(message.id)


def done(message: Message) -> bool:
    """Is every form of it translated?"""
    return all(message.string) if isinstance(message.string, tuple | list) else bool(message.string)


if __name__ == "__main__":
    chosen = sys.argv[1] if len(sys.argv) > 1 else "common"
    for folder in languages():
        for lacking in update(folder, chosen):
            print(f"{folder.name}: {lacking}")  # noqa: T201  # that is what it is for
