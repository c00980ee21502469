"""The conversions that need heavy libraries; they run in a worker process."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import msgspec
from coursewright.errors import BadInput

from coursewright_document_markitdown.kinds import Kind, refused

_MEMORY_BYTES = 2_000_000_000
"""What a conversion may take beyond what its process has already. The largest accepted DOCX took under half."""


class Picture(msgspec.Struct, frozen=True):
    """A picture found in a document; `name` is how the Markdown refers to it."""

    name: str
    media_type: str
    data: bytes


class Converted(msgspec.Struct, frozen=True):
    """What a converter returns. `title` is from the document's properties, `notices` for the author."""

    markdown: str
    title: str = ""
    pictures: list[Picture] = []
    notices: list[str] = []


def convert(kind: Kind, source: str | Path) -> Converted:
    """Convert the file (for `html`: the decoded text) to Markdown.

    Raises BadInput when the file is damaged, locked or needs more memory than a document should.
    """
    with bounded_memory(_MEMORY_BYTES), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries, about markup a teacher cannot change
        try:
            return _convert(kind, source)
        except BadInput:
            raise
        except (MemoryError, RecursionError) as error:
            raise refused(
                "the document is too large or too deeply nested to be read",
                "split it, or copy the text you need into a new document",
            ) from error
        except Exception as error:  # the converters raise whatever their parsers meet in a damaged file
            raise BadInput(
                f"the document cannot be read as {kind.upper()}: it is damaged",
                field="file",
                remedy="open it where it was made and save it anew, or save your notes as text",
                detail=f"{type(error).__name__}: {error}"[:500],
            ) from error


def _convert(kind: Kind, source: str | Path) -> Converted:
    if kind == "pdf":
        from coursewright_document_markitdown.pdf import read_pdf

        return read_pdf(Path(source))
    if kind == "pptx":
        from coursewright_document_markitdown.pptx import read_pptx

        return read_pptx(Path(source))
    from coursewright_document_markitdown import markup

    return markup.read_docx(Path(source)) if kind == "docx" else markup.read_html(str(source))


@contextlib.contextmanager
def bounded_memory(extra_bytes: int) -> Iterator[None]:
    """Let this process grow by at most `extra_bytes`; more raises MemoryError. Without effect off Linux."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        yield
        return
    import resource

    now_bytes = int(statm.read_text("ascii").split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    bound = now_bytes + extra_bytes
    resource.setrlimit(resource.RLIMIT_AS, (bound if hard == resource.RLIM_INFINITY else min(bound, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
