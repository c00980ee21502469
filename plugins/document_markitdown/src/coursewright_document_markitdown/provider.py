"""`document.markitdown`: the provider."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from coursewright.capabilities.document import DocumentRequest, DocumentText
from coursewright.providers import Context, Estimate, Provider

from coursewright_document_markitdown.convert import Converted, convert
from coursewright_document_markitdown.kinds import ACCEPTED, MAX_BYTES, Kind, is_html, kind_of, refused
from coursewright_document_markitdown.texts import decode

MAX_WORDS = 400_000
"""Two thick books; a course of 40 hours."""
_MAX_CHARACTERS = 10 * MAX_WORDS

_FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t#]*$", re.M)
_MARKS = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[*_`\\]")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_TITLE_LENGTH = 200


class MarkitdownDocument(Provider[DocumentRequest, DocumentText]):
    """Text and Markdown as they are; HTML and DOCX by markitdown; PDF and PPTX by their layout."""

    capability = "document"
    name = "markitdown"
    summary = "text, Markdown, HTML, PDF, DOCX and PPTX → Markdown, on this machine"
    version = "1"

    def estimate(self, request: DocumentRequest) -> Estimate:
        """Text is there at once; others are read at some 5 MB a second, after a process has started."""
        plain = request.file.media_type in ("text/plain", "text/markdown")
        return Estimate(seconds=0.1 if plain else 1.0 + request.file.size_bytes / 5e6, money=0.0)

    def run(self, request: DocumentRequest, context: Context) -> DocumentText:
        context.raise_if_cancelled()
        if request.file.size_bytes > MAX_BYTES:
            raise refused(
                f"the file has {request.file.size_bytes / 1e6:,.0f} MB, the limit is {MAX_BYTES / 1e6:,.0f} MB",
                "split it, or leave out pictures",
            )
        path = context.store.fetch(request.file)
        found = self._converted(kind_of(path), path, context)
        for notice in found.notices:
            context.notice(notice)
        markdown = found.markdown.strip() + "\n"
        words = count_words(markdown)
        if not words:
            raise refused("the file has no text in it", f"choose the file that has your notes in it ({ACCEPTED})")
        if words > MAX_WORDS or len(markdown) > _MAX_CHARACTERS:
            raise refused(
                f"the file has {words:,} words in {len(markdown):,} characters, the limit is {MAX_WORDS:,} words",
                "give the chapter that the course is about",
            )
        images = [
            context.store.put_bytes(picture.data, name=picture.name, media_type=picture.media_type)
            for picture in found.pictures
        ]
        title = title_of(markdown, found.title, request.file.name)
        return DocumentText(markdown=markdown, title=title, images=images, words=words)

    def _converted(self, kind: Kind, path: Path, context: Context) -> Converted:
        if kind != "text":
            return context.in_process(convert, kind, path)
        decoded = decode(path.read_bytes())
        if decoded.guessed:
            context.notice(
                f"the file does not say its encoding; it was read as {decoded.guessed}. "
                "If letters look wrong, save it as UTF-8"
            )
        if is_html(decoded.text):
            return context.in_process(convert, "html", decoded.text)
        return Converted(decoded.text)


def count_words(text: str) -> int:
    """Words as people count them; in scripts without spaces every character is one."""
    unspaced, rest = len(_UNSPACED.findall(text)), _UNSPACED.sub(" ", text)
    return unspaced + sum(1 for word in rest.split() if any(character.isalnum() for character in word))


def title_of(markdown: str, properties_title: str, file_name: str) -> str:
    """The first heading of level 1, else the document's own property, else any heading, else the file's name."""
    headings = _HEADING.findall(_FENCE.sub("", markdown))
    main = next((text for marks, text in headings if marks == "#"), "")
    found = main or properties_title or next((text for _, text in headings), "") or PurePosixPath(file_name).stem
    return " ".join(_MARKS.sub(r"\1", found).split())[:_TITLE_LENGTH]
