"""Markdown notes → sections of spoken sentences with the points to show beside them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from coursewright_llm_outline.blocks import Block, blocks_of
from coursewright_llm_outline.sentences import capitalised, has_stop, sentences, with_stop, without_stop
from coursewright_llm_outline.vocabulary import SPEAKER_NOTES

_MAX_TITLE = 120
_FRONT_MATTER = re.compile(r"\A\ufeff?\s*---[ \t]*\n(.{0,20000}?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
_FIELD = re.compile(r"^(title|lang|language)[ \t]*:[ \t]*[\"']?(.+?)[\"']?[ \t]*$", re.M | re.I)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SPECIAL_BULLET = re.compile(r"^([ \t]*)[•▪◦‣●○■□·∙–][ \t]+(?=\S)", re.M)
_NUMBERING = re.compile(r"\A(?:\d{1,3}(?:\.\d{1,3})*[.)]\s+|\d{1,3}(?:\.\d{1,3})+\s+|[IVX]{1,5}[.)]\s+)(?=\S)")

_FRAGMENT_WORDS = 7
_NAME_WORDS = 3
"""An item that begins with a capital and is longer than a name is read as a sentence of its own."""
_JOINED_ITEMS = 8
_JOINED_LENGTH = 400
_SHOWN_LENGTH = 90
"""A longer list item is shown by its first sentence."""
_SMALL_TABLE = (8, 4, 60)
"""Rows, columns, and characters in a cell, up to which a table can be followed by ear."""

_FIGURE = re.compile(r"[-+−±~≈<>≤≥$€£¥]*\s?\d")


@dataclass(slots=True)
class Sentence:
    """Something said in one breath."""

    text: str
    opens: bool = False
    """Does it begin a paragraph?"""
    points: tuple[str, ...] = ()
    """The author's list items it says, to be shown."""
    listed: bool = False


@dataclass(slots=True)
class Section:
    """What stands under one heading. Level 0 is what comes before the first heading."""

    title: str = ""
    level: int = 0
    sentences: list[Sentence] = field(default_factory=list)
    unspoken: list[str] = field(default_factory=list)
    """Code, large tables and footnotes, for the author's eyes."""
    pictures: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Notes:
    """An author's notes. `title` and `language` are from the front matter."""

    sections: list[Section]
    title: str = ""
    language: str = ""


def read(markdown: str, language: str = "en") -> Notes:
    """Take notes apart. Any text gives a result; time and memory grow in proportion to its length."""
    text = markdown.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n").replace("\u2028", "\n")
    text = unicodedata.normalize("NFC", _CONTROL.sub("", text))
    fields: dict[str, str] = {}
    if (front := _FRONT_MATTER.match(text)) and re.search(r"^\w[\w -]*:", front[1], re.M):
        fields = {match[1].lower()[:4]: match[2] for match in _FIELD.finditer(front[1])}
        text = text[front.end() :]
    sections = [Section()]
    for block in blocks_of(_SPECIAL_BULLET.sub(r"\1- ", text)):
        if block.kind == "heading":
            sections.append(Section(heading_text(block.text), block.level))
        else:
            _add(sections[-1], block, language)
    return Notes(_with_speaker_notes(sections), fields.get("titl", ""), fields.get("lang", ""))


def heading_text(text: str) -> str:
    """A heading as a title: without its number and final stop, at most `_MAX_TITLE` characters."""
    text = without_stop(_NUMBERING.sub("", text)) or text
    return (
        text
        if len(text) <= _MAX_TITLE
        else text[: text.rfind(" ", _MAX_TITLE // 2, _MAX_TITLE)].strip() or text[:_MAX_TITLE]
    )


def _add(section: Section, block: Block, language: str) -> None:
    section.pictures += block.pictures
    if block.kind == "prose":
        for number, text in enumerate(_said(block.text, language)):
            section.sentences.append(Sentence(text, opens=number == 0))
    elif block.kind == "list":
        _add_list(section, block, language)
    elif block.kind == "table":
        _add_table(section, block, language)
    elif block.text:
        section.unspoken.append(block.text)


def _said(text: str, language: str) -> list[str]:
    """The sentences with something to say in them; the last one gets a stop if it has none."""
    *others, last = sentences(text, language) or [""]
    found = [*others, last if has_stop(last) else with_stop(last)]
    return [sentence for sentence in found if any(map(str.isalnum, sentence))]


def _add_list(section: Section, block: Block, language: str) -> None:
    texts = [item for _, item in block.items]
    flat = all(depth == 0 for depth, _ in block.items)
    if (
        flat
        and 1 < len(texts) <= _JOINED_ITEMS
        and all(map(_is_fragment, texts))
        and sum(map(len, texts)) < _JOINED_LENGTH
    ):
        stripped = [without_stop(text) for text in texts]
        wide = any("\u3040" <= text[-1] <= "\u9fff" for text in stripped if text)
        comma = "、" if wide else "، " if "\u0600" <= stripped[0][-1:] <= "\u06ff" else ", "
        said = with_stop((("；" if wide else "; ") if any("," in text for text in stripped) else comma).join(stripped))
        if section.sentences and section.sentences[-1].text.endswith((":", "：")):
            intro = section.sentences[-1]
            intro.text = f"{intro.text}{'' if wide else ' '}{said}"
            intro.points, intro.listed = tuple(stripped), True
        else:
            shown = tuple(_begun(text, block, language) for text in stripped)
            section.sentences.append(Sentence(_begun(said, block, language), opens=True, points=shown, listed=True))
        return
    for number, (depth, item) in enumerate(block.items):
        texts = _said(item, language)
        for index, (before, rest) in enumerate(zip([".", *texts], texts, strict=False)):
            text = _begun(rest, block, language) if has_stop(before) else rest
            whole = _begun(item, block, language) if len(item) <= _SHOWN_LENGTH else text
            shown = (without_stop(whole),) if index == depth == 0 else ()
            section.sentences.append(Sentence(text, opens=number == 0 and index == 0, points=shown, listed=True))


def _begun(text: str, block: Block, language: str) -> str:
    """What began as an item or a row, as a sentence begins."""
    return text if text.split(" ")[0].rstrip(",;:.") in block.verbatim else capitalised(text, language)


def _is_fragment(text: str) -> bool:
    return (
        bool(text)
        and not has_stop(text.rstrip(";,"))
        and ":" not in text
        and len(text.split()) <= (_NAME_WORDS if text[0].isupper() else _FRAGMENT_WORDS)
        and len(text) < 60
    )


def _add_table(section: Section, block: Block, language: str) -> None:
    rows, columns, characters = _SMALL_TABLE
    header, body = block.rows[0], block.rows[1:]
    if len(body) > rows or len(header) > columns or any(len(cell) > characters for row in block.rows for cell in row):
        section.unspoken.append(block.text)
        return
    for number, row in enumerate(body or [header]):
        names = header if body else [""] * len(row)
        said, shown = (_begun(text, block, language) for text in _row(names, row))
        if said:
            section.sentences.append(Sentence(with_stop(said), opens=number == 0, points=(shown,), listed=True))


def _row(names: Sequence[str], cells: Sequence[str]) -> tuple[str, str]:
    """A row as it is said and as it is shown. Figures mean nothing without their column's name; words often do."""
    label = cells[0]
    others = [(name, cell) for name, cell in zip(names[1:], cells[1:], strict=False) if cell]
    shown = ", ".join(f"{name} {cell}".strip() if _FIGURE.match(cell) else cell for name, cell in others)
    if label and shown:
        shown = f"{without_stop(label)}: {shown}"
    if all(_FIGURE.match(cell) for _, cell in others):
        return shown or label, shown or label
    named = [f"{name}: {cell}" if name else cell for name, cell in others]
    return ", ".join([label, *named] if label else named), shown


def _with_speaker_notes(sections: list[Section]) -> list[Section]:
    """A subsection called "Notes" is what its slide's author wants said; the slide's own list is then only shown."""
    kept: list[Section] = []
    for section in sections:
        if kept and section.title.lower() in SPEAKER_NOTES and section.level > kept[-1].level and section.sentences:
            slide = kept[-1]
            points = tuple(point for sentence in slide.sentences for point in sentence.points)
            said = [sentence for sentence in slide.sentences if not sentence.listed] + section.sentences
            said[0].points = points + said[0].points
            slide.sentences = said
            slide.pictures += section.pictures
            slide.unspoken += section.unspoken
        else:
            kept.append(section)
    return kept
