"""Bytes of a text file → str."""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import NamedTuple

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x1b\x1a")) + b"\x7f"
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")

_CANDIDATES = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "koi8_r",
    "cp932", "euc_jp", "gb18030", "big5", "cp949", "mac_roman",
]  # fmt: skip
"""The encodings that text files are really found in, besides Unicode's own."""
_SAMPLE_BYTES = 100_000


class Decoded(NamedTuple):
    """The text with LF line ends; `guessed` names the encoding when nothing in the file says it."""

    text: str
    guessed: str = ""


def is_text(head: bytes) -> bool:
    """Could the file that begins so be text in some encoding?"""
    if any(head.startswith(bom) for bom, _ in _BOMS) or _utf16_without_bom(head):
        return True
    controls = sum(head.count(byte) for byte in _CONTROLS)
    # a stray control character happens in old notes; in binary data a tenth of the bytes are such
    return controls <= len(head) // 500 if b"\0" not in head else False


def decode(data: bytes) -> Decoded:
    """Decode what `is_text` accepted. Never fails: damaged characters become U+FFFD."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            body = data.removeprefix(bom) if encoding == "utf-8" else data
            return Decoded(_clean(body.decode(encoding, "replace")))
    if encoding := _utf16_without_bom(data[:8192]):
        return Decoded(_clean(data.decode(encoding, "replace")))
    try:
        return Decoded(_clean(data.decode("utf-8")))
    except UnicodeDecodeError as error:
        # a few bad bytes in what is otherwise UTF-8 (a file cut in the middle, a pasted fragment)
        text = data.decode("utf-8", "replace")
        if text.count("\ufffd") <= _valid_multibyte(text) // 20 or error.start >= len(data) - 3:
            return Decoded(_clean(text))
    encoding = _guess(data)
    return Decoded(_clean(data.decode(encoding, "replace")), guessed=encoding)


def _clean(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n")
    return unicodedata.normalize("NFC", _NOT_TEXT.sub("", text))


def _valid_multibyte(text: str) -> int:
    return sum(1 for character in text if character > "\x7f" and character != "\ufffd")


def _utf16_without_bom(head: bytes) -> str:
    """Half of the bytes of Latin text in UTF-16 are NUL, all on one side."""
    if len(head) < 4 or b"\0" not in head:
        return ""
    pairs = len(head) // 2
    even, odd = head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    if odd > 0.4 * pairs and even < 0.02 * pairs:
        return "utf-16-le"
    if even > 0.4 * pairs and odd < 0.02 * pairs:
        return "utf-16-be"
    return ""


def _guess(data: bytes) -> str:
    """The likeliest 8-bit or East Asian encoding; Windows-1252 when in doubt, as browsers do."""
    if _accents_in_words(data):
        return "cp1252"
    from charset_normalizer import from_bytes

    best = from_bytes(data[:_SAMPLE_BYTES], cp_isolation=_CANDIDATES, preemptive_behaviour=False).best()
    return best.encoding if best else "cp1252"


_WESTERN = bytes(range(0xC0, 0x100)) + b"\x80\x82\x84\x85\x91\x92\x93\x94\x95\x96\x97\xa0\xa7\xa9\xab\xae\xb0\xb4\xbb"
_COMMON_ACCENTS = frozenset("äöüßÄÖÜéèêëàâçîïôùûÉÈÀÇñáíóúÑÁÍÓÚ¿¡åøæÅØÆãõ")


def _accents_in_words(data: bytes) -> bool:
    """Western European text: accents are few, stand alone among ASCII letters, and are the common ones."""
    high = bytes(byte for byte in data[:_SAMPLE_BYTES] if byte >= 0x80)
    if len(high) > 0.3 * min(len(data), _SAMPLE_BYTES) or high.translate(None, _WESTERN):
        return False
    letters = [character for character in high.decode("cp1252", "ignore") if character.isalpha()]
    return sum(character in _COMMON_ACCENTS for character in letters) >= 0.8 * len(letters)
