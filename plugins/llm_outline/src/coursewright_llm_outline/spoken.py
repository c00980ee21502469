"""Inline Markdown → what is said and shown: plain words without markup, addresses, marks and emoji."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from markdown_it.token import Token

from coursewright_llm_outline.sentences import has_stop
from coursewright_llm_outline.vocabulary import TEX_SYMBOLS

_REMOVED = re.compile(
    r"""
      \[\^[^\]\s]+\]                                   # footnote mark
    | \[@[^\]]{0,200}\]                                   # Pandoc citation
    | [ ]?\[\d{1,3}(?:\s?[,–-]\s?\d{1,3})*\]           # numbered reference
    | \{\{.{0,200}?\}\} | \{%.{0,200}?%\} | \{[:#.][^}]{0,100}\}   # templates and attributes
    | \A\[+_?toc_?\]+\Z                                # table of contents
    | (?<![\w:]):[a-z][a-z0-9_+-]+:(?![\w:])           # :emoji:
    | \A\[[ xX]\]\s+                                   # task
    | \A\[![A-Z]+\]\s*                                 # kind of a call-out
    | \A(?:!!!|:::).*                                  # admonition
    | \*\*|__|==|~~
    """,
    re.X | re.I,
)
_ADDRESS = re.compile(
    r"<?(?:https?://|www\.)(?:www\.)?([^\s<>()\[\]/]{1,100})(?:/(?:[^\s<>()\[\]]|\([^\s<>()]{0,100}\))*)?>?", re.I
)
_ADDRESS_BESIDE = re.compile(rf"\(\s*{_ADDRESS.pattern}\s*\)", re.I)
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\U0001fb00-\U0001fbff\u2600-\u27bf\u2b00-\u2bff\u2300-\u23ff\ufe0e\ufe0f\u200d\u20e3"
    "\U000e0020-\U000e007f\ue000-\uf8ff\u200b\u2060\ufeff\u00ad]"
)
_WIKI_LINK = re.compile(r"\[\[(?:[^\]|\[]*\|)?([^\]\[]*)\]\]")
_DISPLAY_MATHS = re.compile(r"\$\$.{1,2000}?\$\$|\\\[.{1,2000}?\\\]", re.S)
_MATHS = re.compile(r"(?<![\\$\w])\$([^\s$](?:[^$\n]*[^\s$])?)\$(?![\d$])")
_EMPTY = re.compile(r"[(\[] ?[,;:]? ?[)\]]|[“„«] ?[”“»]")
_SPACE_BEFORE_MARK = re.compile(r" (?=[,.)\]](?: |\Z))")  # not ;!? — French sets a space there
_TAG_BREAKS = re.compile(r"</?(?:br|p|div|li|tr|td|th|h[1-6]|hr)\b", re.I)
_BROKEN_WORD = re.compile(r"(?<=[^\W\d_])-\n(?=[^\W\d_])")
_WIDE = re.compile("[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")
_WIDE_BREAK = re.compile(rf"(?<={_WIDE.pattern})\n(?={_WIDE.pattern})")
_FILLED = 0.8
_LEAD = 0.6
"""A line shorter than these shares of its paragraph's longest was ended by hand; a heading is shorter still."""
_NARROW = 45
"""No program wraps notes as narrow as this."""
_WORD_LENGTH = 40
"""Longer words are not looked up whole."""


def spoken(inline: Token, compounds: frozenset[str] = frozenset()) -> str:
    """The words of a paragraph, heading, item or cell. `compounds` are words the notes write with a hyphen."""
    return clean(_text(inline.children or []), compounds)


def lines(inline: Token, compounds: frozenset[str] = frozenset()) -> list[str]:
    """The paragraph, divided where its author ended a line on purpose: after a heading, or after every statement.

    Text that is only wrapped has lines of about one length, and most of them begin in the middle of a sentence.
    """
    raw = [line.strip() for line in _text(inline.children or []).split("\n")]
    raw = [line for line in raw if line]
    longest = max(map(len, raw), default=0)
    ends = [_on_purpose(line, after, longest) for line, after in itertools.pairwise(raw)]
    narrow = longest <= _NARROW and not any(_WIDE.search(line) for line in raw)
    statements = not any(line[0].islower() for line in raw[1:]) and (any(ends) or narrow)
    parts: list[list[str]] = [raw[:1]]
    for number, line in enumerate(raw[1:]):
        heading = number == 0 and ends[0] and len(raw[0]) <= _LEAD * longest
        if (statements or heading) and not has_stop(raw[number]):
            parts.append([line])
        else:
            parts[-1].append(line)
    return [text for part in parts if (text := clean("\n".join(part), compounds))]


def _on_purpose(line: str, after: str, longest: int) -> bool:
    """Would the next word have fitted, with room to spare?"""
    word = 1 if _WIDE.match(after) else len(after.partition(" ")[0])
    room = _FILLED * longest - len(line) - 1 - word
    return room >= 0 and line[-1] not in ",-،，、(" and not after[0].islower()


def formulas(inline: Token) -> list[str]:
    """The formulas that stand alone; they are not said."""
    return _DISPLAY_MATHS.findall(inline.content)


def pictures(inline: Token) -> list[str]:
    """The sources of the pictures in it."""
    return [str(child.attrs.get("src", "")) for child in inline.children or [] if child.type == "image"]


def clean(text: str, compounds: frozenset[str] = frozenset()) -> str:
    """Plain words from text in which only the Markdown proper has been resolved."""
    text = _BROKEN_WORD.sub(lambda match: _whole(match, compounds), text)
    text = _WIDE_BREAK.sub("", text)
    text = _DISPLAY_MATHS.sub(" ", text)
    text = _MATHS.sub(_plain_maths, text)
    text = _WIKI_LINK.sub(r"\1", text)
    if _ADDRESS.fullmatch(text.strip()):
        return ""
    text = _ADDRESS.sub(_site, _ADDRESS_BESIDE.sub("", text))
    text = " ".join(_EMOJI.sub("", _REMOVED.sub("", text)).split())
    return _SPACE_BEFORE_MARK.sub("", " ".join(_EMPTY.sub("", text).split()))


def _text(tokens: Sequence[Token]) -> str:
    parts: list[str] = []
    struck = 0
    for token in tokens:
        if token.type in ("s_open", "s_close"):
            struck += token.nesting
        elif struck:
            continue
        elif token.type in ("text", "code_inline"):
            parts.append(token.content)
        elif token.type in ("softbreak", "hardbreak") or (
            token.type == "html_inline" and _TAG_BREAKS.match(token.content)
        ):
            parts.append("\n")
    return "".join(parts)


def _site(match: re.Match[str]) -> str:
    """An address as one says it: the site, with the mark that ended the sentence."""
    ending = re.search(r"[.,;:!?]*\Z", match[0].rstrip(">"))
    return match[1].rstrip(".,;:!?") + (ending[0] if ending else "")


def _whole(match: re.Match[str], compounds: frozenset[str]) -> str:
    """What stands for the hyphen of a word divided at the end of a line; a true compound keeps it."""
    before = re.search(r"\w+\Z", match.string[max(0, match.start() - _WORD_LENGTH) : match.start()])
    after = re.match(r"\w+", match.string[match.end() : match.end() + _WORD_LENGTH])
    if before is None or after is None:
        return "-"
    compound = f"{before[0]}-{after[0]}"
    return "-" if compound.lower() in compounds or after[0][0].isupper() else ""


def _plain_maths(match: re.Match[str]) -> str:
    tex = match[1]
    tex = re.sub(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r"\1/\2", tex)
    tex = re.sub(r"\\(?:text|mathrm|mathbf|mathit|operatorname|vec|hat|bar)\s*\{([^{}]*)\}", r"\1", tex)
    tex = re.sub(r"\\sqrt\s*\{([^{}]*)\}", r"√\1", tex)
    tex = re.sub(r"\\([A-Za-z]+)", lambda name: TEX_SYMBOLS.get(name[1], name[1]), tex)
    tex = tex.replace("^2", "²").replace("^3", "³").replace("^{2}", "²").replace("^{3}", "³")
    return re.sub(r"[\\{}_^]|\bleft\b|\bright\b", "", tex)
