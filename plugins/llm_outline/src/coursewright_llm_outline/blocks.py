"""Markdown → blocks: headings, prose, lists, tables and what cannot be said."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

from coursewright_llm_outline.sentences import capitalised, has_stop, with_stop
from coursewright_llm_outline.spoken import clean, formulas, lines, pictures, spoken

_MAX_HEADING = 120
"""Longer "headings" are paragraphs over a line of dashes."""
_MAX_PSEUDO_HEADING = 80
_FOOTNOTE = re.compile(r"\A\[\^[^\]\s]+\]:")
_TAGS = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style|head)\b.*?(?:</\1\s*>|\Z)|<[^<>]{0,1000}>", re.S | re.I)
_BLOCK_END = re.compile(r"</(?:p|div|li|h[1-6]|tr|dd|dt|blockquote|section)\s*>|<br\b[^<>]{0,100}>", re.I)
_PAGE_NUMBER = re.compile(
    r"\W*(?:(?:page|seite|página|pagina|p\.|s\.)\s*)?\d{1,5}(?:\s*(?:/|of|von|de|sur|di)\s*\d{1,5})?\W*", re.I
)
_COMPOUND = re.compile(r"(?<![\w-])[^\W\d_]{1,30}-[^\W\d_]{1,30}(?![\w-])")


@dataclass(slots=True)
class Block:
    """One block. `items` of a list are (depth, text); `rows` of a table start with its header."""

    kind: Literal["heading", "prose", "list", "table", "unspoken"]
    text: str = ""
    level: int = 0
    bold: bool = False
    ordered: bool = False
    items: list[tuple[int, str]] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    verbatim: set[str] = field(default_factory=set)
    """First words of items and cells that are code, so their letters matter."""


def blocks_of(markdown: str) -> list[Block]:
    """The blocks in their order. Headings written as plain or bold lines count where there are no others."""
    # plain-text notes are often indented, so only fences make code
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).disable("code")
    compounds = frozenset(match[0].lower() for match in _COMPOUND.finditer(markdown))
    found = _rejoined(_Reader(parser.parse(markdown), compounds).blocks())
    if any(block.kind == "heading" for block in found):
        return _with_bold_headings(found)
    return _with_plain_headings(found)


class _Reader:
    def __init__(self, tokens: Sequence[Token], compounds: frozenset[str]) -> None:
        self._tokens = tokens
        self._compounds = compounds

    def blocks(self) -> list[Block]:
        found: list[Block] = []
        lists = 0
        for index, token in enumerate(self._tokens):
            if token.type in ("bullet_list_open", "ordered_list_open"):
                lists += 1
                if lists == 1:
                    found.append(Block("list", ordered=token.type == "ordered_list_open"))
            elif token.type in ("bullet_list_close", "ordered_list_close"):
                lists -= 1
            elif token.type == "table_open":
                found.append(Block("table"))
            elif token.type == "tr_open":
                found[-1].rows.append([])
            elif token.type == "inline" and lists and self._tokens[index - 1].type == "paragraph_open":
                self._item(found, token, lists - 1, new=self._tokens[index - 2].type == "list_item_open")
            elif token.type == "inline":
                self._inline(found, token, self._tokens[index - 1])
            elif token.type == "fence" and token.content.strip():
                found.append(Block("unspoken", token.content.strip()))
            elif token.type == "html_block" and (text := self._html(token.content)):
                found.append(Block("prose", text))
        return [block for block in map(_finished, found) if block is not None]

    def _item(self, found: list[Block], token: Token, depth: int, *, new: bool) -> None:
        """A list's item, or a further paragraph of it."""
        if found[-1].kind != "list":  # after code or a table inside the list
            found.append(Block("list"))
        *parts, last = lines(token, self._compounds) or [""]
        text, items = " ".join([*map(with_stop, parts), last]), found[-1].items
        found[-1].pictures += pictures(token)
        if text and (new or not items):
            items.append((depth, text))
            found[-1].verbatim |= _leading_code(token)
        elif text:
            items[-1] = (items[-1][0], f"{with_stop(items[-1][1])} {text}")

    def _inline(self, found: list[Block], token: Token, opener: Token) -> None:
        if opener.type in ("th_open", "td_open"):
            found[-1].rows[-1].append(spoken(token, self._compounds))
            found[-1].verbatim |= _leading_code(token)
            return
        parts, shown = lines(token, self._compounds), pictures(token)
        if opener.type == "heading_open" and sum(map(len, parts)) <= _MAX_HEADING:
            if parts:
                found.append(Block("heading", " ".join(parts), int(opener.tag[1]), pictures=shown))
        elif _FOOTNOTE.match(token.content):
            found.append(Block("unspoken", token.content))
        elif parts or shown or formulas(token):
            found += [Block("unspoken", formula) for formula in formulas(token)]
            if len(parts) > 1 and not any(map(has_stop, parts)):
                found.append(Block("list", items=[(0, part) for part in parts], pictures=shown))
            else:
                found += [Block("prose", part) for part in parts[:-1]]
                found.append(Block("prose", parts[-1] if parts else "", bold=_all_bold(token), pictures=shown))

    def _html(self, content: str) -> str:
        return clean(_TAGS.sub("", _BLOCK_END.sub(" ", content)), self._compounds)


def _finished(block: Block) -> Block | None:
    if block.kind == "list" and not block.items and not block.pictures:
        return None
    if block.kind == "table":
        block.rows = [row for row in block.rows if any(row)]
        block.text = "\n".join(" | ".join(row) for row in block.rows)
        return block if block.rows else None
    return block


def _leading_code(token: Token) -> set[str]:
    first = next((child for child in token.children or [] if child.content.strip()), None)
    if first is None or first.type != "code_inline":
        return set()
    return {first.content.split()[0].rstrip(",;:.")}


def _all_bold(token: Token) -> bool:
    inside = [child for child in token.children or [] if child.type != "text" or child.content.strip()]
    bold = [child.type == "strong_open" for child in inside]
    return len(inside) > 2 and bold[0] and sum(bold) == 1 and inside[-1].type == "strong_close"


def _rejoined(blocks: Sequence[Block]) -> list[Block]:
    """Drop page numbers that stand alone, and join paragraphs that a page's end has broken in two."""
    kept: list[Block] = []
    for block in blocks:
        if block.kind == "prose" and _PAGE_NUMBER.fullmatch(block.text):
            continue
        before = kept[-1] if kept else None
        if before is not None and before.kind == block.kind == "prose" and _broken(before.text, block.text):
            before.text = f"{before.text} {block.text}"
            before.pictures += block.pictures
        else:
            kept.append(block)
    return kept


def _broken(before: str, after: str) -> bool:
    return after[:1].islower() and (before[-1:].isalpha() or before.endswith(",")) and len(before) > _MAX_PSEUDO_HEADING


def _could_be_heading(block: Block) -> bool:
    text = block.text
    return (
        block.kind == "prose"
        and 0 < len(text) <= _MAX_PSEUDO_HEADING
        and not has_stop(text)
        and not text.endswith((",", ";", "，", "、", "-"))
        and not text[0].islower()
    )


def _with_bold_headings(blocks: list[Block]) -> list[Block]:
    """A paragraph that is one bold line is a heading of the lowest level, as word processors leave them."""
    return [Block("heading", block.text, 6) if block.bold and _could_be_heading(block) else block for block in blocks]


def _with_plain_headings(blocks: list[Block]) -> list[Block]:
    """In notes without any heading: bold lines, else short lines without a stop before text or a list."""
    if any(block.bold and _could_be_heading(block) for block in blocks):
        return [
            Block("heading", block.text, 2) if block.bold and _could_be_heading(block) else block for block in blocks
        ]
    found: list[Block] = []
    for block, after in itertools.zip_longest(blocks, blocks[1:]):
        if after is not None and _leads(block, after):
            found.append(Block("heading", capitalised(block.text), 2 if found else 1))
        elif after is not None and after.kind == "prose" and (text := _numbered_heading(block)):
            found.append(Block("heading", text, 2))
        else:
            found.append(block)
    return found


def _leads(block: Block, after: Block) -> bool:
    """Is it a heading, seeing what follows: a list, the sentences of a section, or another heading?"""
    if after.kind == "list" and block.kind == "prose":
        return len(block.text) <= _MAX_PSEUDO_HEADING and not block.text.endswith((".", ":", "。", "：", ",", ";"))
    return _could_be_heading(block) and (after.kind != "prose" or has_stop(after.text) or _could_be_heading(after))


def _numbered_heading(block: Block) -> str:
    """`1. First subject` with its text as a paragraph of its own is a list of one item to Markdown."""
    if block.kind != "list" or not block.ordered or len(block.items) != 1:
        return ""
    text = block.items[0][1]
    return text if len(text) <= _MAX_PSEUDO_HEADING and not has_stop(text) else ""
