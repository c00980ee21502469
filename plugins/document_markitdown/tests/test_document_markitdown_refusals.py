from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from coursewright.capabilities.document import DocumentRequest, DocumentText
from coursewright.errors import BadInput, Cancelled
from coursewright.testing import Bench
from coursewright_document_markitdown import MarkitdownDocument
from coursewright_document_markitdown.convert import bounded_memory
from coursewright_document_markitdown.kinds import MAX_BYTES, kind_of

Read = Callable[..., DocumentText]

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504


def zipped(**files: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name.replace("__", "/").replace("_xml", ".xml"))  # of 1980: the same bytes always
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def refusal(read: Read, data: bytes, name: str = "notes.docx") -> str:
    with pytest.raises(BadInput) as caught:
        read(data, name)
    assert caught.value.field == "file"
    assert caught.value.remedy
    return caught.value.message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b" \r\n\t ", "the file is empty"),
        (b"\xef\xbb\xbf \n", "the file has no text in it"),
        (b"-- ** --", "the file has no text in it"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0" * 50, "this is a picture (.png), not a document"),
        (b"MZ\x90\0\x03\0\0\0" + b"\0" * 80, "this is a program, not a document"),
        (b"ID3\x04\0\0\0\0\0\x00" + b"\0" * 50, "this is a sound recording (.mp3), not a document"),
        (b"\x01\x02\x03\x04" * 50, "this is data of an unknown kind, not a document"),
        (b"{\\rtf1 Hello}", "this is a rich-text (.rtf) document"),
        (
            OLE + "EncryptedPackage".encode("utf-16-le"),
            "the document is protected by a password",
        ),
        (OLE + "WordDocument".encode("utf-16-le"), "this is a Word document in the format before 2007 (.doc)"),
        (OLE + "PowerPoint Document".encode("utf-16-le"), "this is a presentation in the format before 2007 (.ppt)"),
        (OLE, "this is a file in an Office format before 2007"),
        (zipped(xl__workbook_xml=""), "this is an Excel workbook"),
        (zipped(mimetype="application/vnd.oasis.opendocument.text"), "this is an OpenDocument file"),
        (zipped(mimetype="application/epub+zip"), "this is an e-book (.epub)"),
        (zipped(a="", b=""), "this is a ZIP archive, not a document"),
        (
            zipped(word__document_xml="")[:60],
            "the document is damaged: it is incomplete or its parts cannot be unpacked",
        ),
        (zipped(word__document_xml="<w:doc"), "the document cannot be read as DOCX: it is damaged"),
        (zipped(ppt__presentation_xml="<p/>"), "the document cannot be read as PPTX: it is damaged"),
        (b"%PDF-1.7\nnothing follows", "the document cannot be read as PDF: it is damaged"),
    ],
)
def test_what_is_no_readable_document_is_refused(read: Read, data: bytes, message: str) -> None:
    assert refusal(read, data) == message


def test_a_zip_bomb_is_refused_before_it_is_unpacked(read: Read) -> None:
    bomb = zipped(word__document_xml="a" * 120_000_000)

    assert len(bomb) < 200_000
    assert refusal(read, bomb).startswith("the document unpacks to 120 MB in 1 parts")


def test_entities_that_multiply_are_refused(read: Read, word: Any) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    document = f'<!DOCTYPE d [<!ENTITY e0 "lol">{entities}]><w:document>&e11;</w:document>'

    assert refusal(read, zipped(word__document_xml=document)) == "the document cannot be read as DOCX: it is damaged"


def test_a_locked_pdf(read: Read) -> None:
    # a user password that is not empty: PDFium cannot derive the key from these values (ISO 32000-1, 7.6.3)
    secret = "(" + "x" * 32 + ")"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>",
        f"<< /Filter /Standard /V 1 /R 2 /O {secret} /U {secret} /P -4 >>",
    ]
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n".encode()
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    trailer = "<< /Size 5 /Root 1 0 R /Encrypt 4 0 R /ID [<00><00>] >>"
    body += f"xref\n0 5\n0000000000 65535 f \n{table}trailer\n{trailer}\nstartxref\n{len(body)}\n%%EOF".encode()

    assert refusal(read, body) == "the PDF is protected by a password"


def test_a_scanned_pdf(read: Read, pdf: Any, png: Any, tmp_path: Path) -> None:
    (tmp_path / "scan.png").write_bytes(png(200, 300))

    assert refusal(read, pdf('#image("scan.png")')) == "the PDF has pictures of pages but no text"


def test_a_file_over_the_limit_is_not_even_opened(desk: Bench) -> None:
    artifact = desk.store.put_bytes(b"x", name="a.txt", media_type="text/plain")
    request = DocumentRequest(file=type(artifact)(**{**artifact_fields(artifact), "size_bytes": MAX_BYTES + 1}))
    provider = MarkitdownDocument()

    with pytest.raises(BadInput, match="the file has 50 MB, the limit is 50 MB"):
        provider.run(request, desk.context(provider))


def artifact_fields(artifact: Any) -> dict[str, Any]:
    return {name: getattr(artifact, name) for name in artifact.__struct_fields__}


def test_more_words_than_a_course_can_hold(read: Read) -> None:
    assert refusal(read, b"word " * 400_001, "x.txt") == (
        "the file has 400,001 words in 2,000,005 characters, the limit is 400,000 words"
    )


def test_a_conversion_is_given_up_when_the_run_is_cancelled(desk: Bench, word: Any) -> None:
    provider = MarkitdownDocument()
    context = desk.context(provider)
    context.cancel.set()
    data = word.make(word.paragraph("Soil."))

    with pytest.raises(Cancelled):
        provider.run(
            DocumentRequest(file=desk.store.put_bytes(data, name="a.docx", media_type="application/zip")), context
        )


def test_memory_of_a_conversion_is_bounded() -> None:
    with bounded_memory(50_000_000), pytest.raises(MemoryError):
        bytearray(200_000_000)

    assert len(bytearray(200_000_000)) == 200_000_000


def test_the_name_says_nothing_about_the_kind(tmp_path: Path, word: Any) -> None:
    path = tmp_path / "notes.pdf"
    path.write_bytes(word.make(word.paragraph("Soil.")))

    assert kind_of(path) == "docx"
