"""Fonts: Roboto from its package, Typst's own, and the machine's where a text needs them."""

from __future__ import annotations

import functools
import importlib.resources
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import typst

_PREFERRED = {
    "zh-Hant": ("Noto Sans CJK TC", "Noto Sans TC", "Source Han Sans TC", "Microsoft JhengHei", "PingFang TC"),
    "zh": ("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC"),
    "ja": ("Noto Sans CJK JP", "Noto Sans JP", "Source Han Sans JP", "Yu Gothic", "Hiragino Sans"),
    "ko": ("Noto Sans CJK KR", "Noto Sans KR", "Source Han Sans KR", "Malgun Gothic", "Apple SD Gothic Neo"),
}
"""Han characters are drawn differently in each of these languages, so the language chooses the font."""

_HAN = {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH"}
_VISIBLE = re.compile("[LNPS]|Co")
"""Unicode's categories that have a glyph of their own; marks and controls do not."""

# One character a page: a page whose drawing contains the first page's glyph shows "no such glyph".
_PROBE = b"""#let d = json(bytes(sys.inputs.at("probe")))
#set page(width: 40pt, height: 40pt, margin: 0pt)
#set text(font: (..d.families, (name: "DejaVu Sans Mono", covers: regex("[^\\p{L}]"))), fallback: d.fallback)
#d.characters.map(c => [#c]).join(pagebreak())
"""
_GLYPH = re.compile(rb'href="#(g[0-9A-F]+)"')
_NO_CHARACTER = "\U0010ffff"


class FontChoice(msgspec.Struct, frozen=True):
    """Families in order of preference, and the characters that none has a glyph for."""

    fonts: Any
    families: tuple[str, ...]
    missing: str = ""


@functools.cache
def _packaged() -> Any:
    folder = importlib.resources.files("font_roboto") / "files"
    return typst.Fonts(include_system_fonts=False, font_paths=[str(folder)])


@functools.cache
def _installed() -> Any:
    """Reading the machine's fonts takes 60 ms for thirty fonts and seconds for thousands: only when needed."""
    folder = importlib.resources.files("font_roboto") / "files"
    return typst.Fonts(include_system_fonts=True, font_paths=[str(folder)])


def choose(texts: Iterable[str], language: str, wanted: str = "") -> FontChoice:
    """The fonts for these texts; the machine's own only when Roboto lacks a character or `wanted` asks for one."""
    packaged = FontChoice(_packaged(), ("Roboto",))
    characters = sorted({c for text in texts for c in text if c > "~" and _VISIBLE.match(unicodedata.category(c))})
    if not wanted and not _missing(characters, packaged, fallback=False):
        return packaged
    present = set(_installed().families())
    preferred = _PREFERRED.get("zh-Hant" if re.match("zh-(Hant|TW|HK|MO)", language) else language[:2], ())
    families = [family for family in (wanted, "Roboto", *preferred, "DejaVu Sans") if family in present]
    choice = FontChoice(_installed(), tuple(families))
    return msgspec.structs.replace(choice, missing="".join(_missing(characters, choice, fallback=True)))


def missing_notice(characters: str) -> str:
    """What is missing and what to install, for the author."""
    scripts: list[str] = []
    for character in characters:
        word = unicodedata.name(character, "SYMBOL").split()[0]
        if word in _HAN:
            script = "CJK"
        elif unicodedata.category(character)[0] == "L":
            script = word.title()
        else:
            script = "Symbols"
        if script not in scripts:
            scripts.append(script)
    shown = " ".join(characters[:20]) + (" …" if len(characters) > 20 else "")
    names = " and ".join(f"Noto Sans {script}" for script in scripts)
    return f"no installed font has the characters {shown}: install {names}, then run again with --from and this step"


def _missing(characters: Sequence[str], choice: FontChoice, *, fallback: bool) -> list[str]:
    if not characters:
        return []
    probe = {"families": choice.families, "fallback": fallback, "characters": [_NO_CHARACTER, *characters]}
    pages: Any = typst.compile(_PROBE, format="svg", font_paths=choice.fonts, sys_inputs={"probe": json.dumps(probe)})
    none, *drawn = (set(_GLYPH.findall(page)) for page in pages)
    return [character for character, glyphs in zip(characters, drawn, strict=True) if glyphs & none]
