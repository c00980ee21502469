"""What a text to be spoken or shown must not hold. Each fault is a sentence that a model can act on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from coursewright.kit.languages import LANGUAGE_NAMES, contradiction

_DIRECTIONS = (
    "pause|pauses|beat|silence|music|sound|sfx|applause|laugh|laughs|laughing|smile|smiles|smiling|sigh|sighs|whisper|"
    "whispers|gesture|gestures|gesturing|points? (?:at|to)|pointing|nods?|show|shows|slide|slides|scene|cut to|fade|"
    "fades|camera|zoom|voice-?over|on[- ]screen|animation|image|b-roll|transition|click|clicks|"
    "musik|lacht|lächelt|zeigt|folie|musique|rire|sourit|montre|música|risas|sonríe|muestra|musica|ride|sorride|mostra"
)
SPOKEN = "Narration is plain spoken sentences: no Markdown, no HTML, no lists, no stage directions, no speakers' names."
ADDRESSES = "No web or mail address that does not stand in the material."

_SPEAKERS = (
    "narrator|presenter|host|speaker|instructor|teacher|voice-?over|vo|sprecher|sprecherin|narrateur|narratrice|"
    "présentateur|présentatrice|narrador|narradora|presentador|presentadora|apresentador|apresentadora|narratore|narratrice"
)
_MARKUP: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("code", re.compile(r"`[^`\n]*`|```")),
    ("a heading", re.compile(r"^ {0,3}#{1,6} \S.*$", re.M)),
    ("a list", re.compile(r"^[ \t]*[-*+•▪◦●] \S.*$", re.M)),
    ("a list", re.compile(r"^[ \t]*\d{1,2}[.)] \S.*\n{1,2}[ \t]*\d{1,2}[.)] \S.*$", re.M)),
    ("a table", re.compile(r"^[ \t]*\|.*\|[ \t]*$", re.M)),
    ("a link", re.compile(r"!?\[[^\]\n]{0,300}\]\([^)\n]{0,2000}\)")),
    ("emphasis", re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__|(?<![\w*])\*(?=\S)[^*\n]*[^*\s]\*(?![\w*])")),
    ("emphasis", re.compile(r"(?<![\w_])_(?=[^\W_])[^_\n]*[^\W_]_(?![\w_])")),
    ("HTML", re.compile(r"</?[a-zA-Z][^<>\n]{0,200}>|<!--|&(?:[a-zA-Z]{2,8}|#\d{1,6}|#x[0-9a-fA-F]{1,6});")),
    ("a stage direction", re.compile(r"\[[^\[\]\n]{1,200}\]|【[^】\n]{1,200}】")),
    ("a stage direction", re.compile(rf"\((?:{_DIRECTIONS})\b[^()\n]{{0,80}}\)", re.I)),
    ("a speaker's name", re.compile(rf"^[ \t]*(?:{_SPEAKERS}) ?[:：]", re.M | re.I)),
)

# Lengths are bounded, so that a model that repeats itself without end is judged in linear time.
# A bare name counts as an address only with an ending that is no common word or file type.
_ADDRESS = re.compile(
    r"(?i:\bhttps?://[^\s<>\"'”’)\]}]+|\bwww\.[^\s<>\"'”’)\]}]+|\b[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{1,200})"
    r"|(?<![\w@/.])(?:[A-Za-z0-9-]{1,63}\.){1,8}(?:com|org|net|edu|gov|int|info)\b(?:/[^\s<>\"'”’)\]}]*)?"
)
_QUOTED = 60


def markup(text: str, where: str) -> Iterator[str]:
    """A fault for each kind of markup in a text that is spoken."""
    seen: set[str] = set()
    for what, pattern in _MARKUP:
        found = pattern.search(text)
        if found and what not in seen:
            seen.add(what)
            yield f"{where} holds {what}, “{_shortened(found[0])}”: write plain spoken sentences without any markup."


def invented_addresses(text: str, where: str, sources: str) -> Iterator[str]:
    """A fault for each web or mail address that stands nowhere in the `sources` (see `addresses_in`)."""
    for address in dict.fromkeys(map(_bare, _ADDRESS.findall(text))):
        if not re.search(rf"(?<![\w.-]){re.escape(address)}(?![\w-])", sources):
            yield f"{where} names the address “{_shortened(address)}”, which the material does not have: leave it out."


def material(data: Any) -> str:
    """All texts of the request's data, as addresses are looked for in it."""
    return "\n".join(_texts(data)).lower().replace("www.", "")


def in_language(what: str, language: str | None) -> list[str]:
    """The rule, as told beforehand; none when no language was asked for."""
    return [f"{what} in {language_name(language)}."] if language else []


def wrong_language(text: str, language: str | None) -> Iterator[str]:
    """A fault when script or commonest words say that the text cannot be in that language; silent when unsure."""
    if language and (other := contradiction(text, language)):
        yield f"The text looks {other}: write all of it in {language_name(language)}."


def language_name(language: str) -> str:
    """`German (de)`, for a model."""
    name = LANGUAGE_NAMES.get(language.partition("-")[0])
    return f"{name} ({language})" if name else f"the language with the tag {language}"


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _bare(address: str) -> str:
    """Without what may differ in the same address: scheme, `www.`, case, and the marks of the sentence around it."""
    return re.sub(r"^(?:https?://)?(?:www\.)?", "", address.lower()).rstrip(".,;:!?/…。，")


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _QUOTED else line[: _QUOTED - 1] + "…"
