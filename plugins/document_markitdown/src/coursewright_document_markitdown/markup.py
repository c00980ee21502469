"""HTML and DOCX → Markdown, by markitdown's converters."""

from __future__ import annotations

import base64
import binascii
import io
import os
import re
import zipfile
from pathlib import Path
from typing import Any

from coursewright_document_markitdown.convert import Converted
from coursewright_document_markitdown.pictures import Pictures

_NOT_CONTENT = ["script", "style", "nav", "aside", "form", "noscript", "template", "iframe", "svg", "button", "dialog"]
_EMBEDDED = re.compile(r"!\[((?:[^\]\\]|\\.)*)\]\(data:[^;,)]*;base64,([A-Za-z0-9+/=\s]*)[^)]*\)")
_FOOTNOTE_MARK = re.compile(r"\[\\?\[\d+\\?\]\]\(#(?:foot|end)note-[^)]*\)")
_FOOTNOTE_LINE = re.compile(r"^\s*\d+\. .*\[↑\]\(#(?:foot|end)note-ref-[^)]*\)\s*$", re.M)
_CONTENTS_LINE = re.compile(r"^\s*(?:[-*]\s+)?\[[^\]]*\]\(#_Toc[^)]*\)\s*$", re.M)
_STYLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => p:fresh"


def read_html(text: str) -> Converted:
    """The main content of a page, without its navigation. Nothing it links to is fetched."""
    from bs4 import BeautifulSoup

    _keep_to_this_machine()
    from markitdown.converters import HtmlConverter

    soup: Any = BeautifulSoup(text, "html.parser")
    title = " ".join(soup.title.get_text().split()) if soup.title else ""
    for element in soup(_NOT_CONTENT):
        element.decompose()
    main = soup.find("main") or soup.find("article") or soup
    markdown = HtmlConverter().convert_string(str(main), keep_data_uris=True).markdown
    return _with_pictures(markdown, title)


def read_docx(path: Path) -> Converted:
    """A Word document; its embedded pictures are kept, linked ones are not fetched."""
    _keep_to_this_machine()
    from markitdown import StreamInfo
    from markitdown.converters import DocxConverter

    stream = io.BytesIO(path.read_bytes())
    result = DocxConverter().convert(stream, StreamInfo(extension=".docx"), style_map=_STYLES, keep_data_uris=True)
    markdown = result.markdown
    for noise in (_FOOTNOTE_LINE, _FOOTNOTE_MARK, _CONTENTS_LINE):
        markdown = noise.sub("", markdown)
    return _with_pictures(markdown, _core_title(path))


def _keep_to_this_machine() -> None:
    """markitdown imports onnxruntime (unused here), which since 1.29 reports every import unless this is set."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def _with_pictures(markdown: str, title: str) -> Converted:
    pictures = Pictures()

    def keep(match: re.Match[str]) -> str:
        try:
            name = pictures.add(base64.b64decode(match[2]))
        except (binascii.Error, ValueError):
            return ""
        return f"![{match[1]}]({name})" if name else ""

    markdown = _EMBEDDED.sub(keep, markdown)
    return Converted(markdown, title, pictures.found, pictures.notices())


def _core_title(path: Path) -> str:
    """`dc:title` of the package's core properties (ECMA-376 part 2, 11)."""
    import defusedxml.ElementTree as ElementTree

    with zipfile.ZipFile(path) as archive:
        if "docProps/core.xml" not in archive.namelist():
            return ""
        root = ElementTree.fromstring(archive.read("docProps/core.xml"))
    return str(root.findtext("{http://purl.org/dc/elements/1.1/}title") or "").strip()
