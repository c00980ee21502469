from __future__ import annotations

import pytest
from coursewright.capabilities.document import DocumentRequest
from coursewright.testing import Bench
from coursewright.testing.contract import ProviderContract
from coursewright_document_markitdown.provider import MarkitdownDocument


def asked(bench: Bench, data: bytes, name: str) -> DocumentRequest:
    return DocumentRequest(file=bench.store.put_bytes(data, name=name, media_type="application/octet-stream"))


class TestMarkitdownDocument(ProviderContract):
    @pytest.fixture
    def provider(self) -> MarkitdownDocument:
        return MarkitdownDocument()

    @pytest.fixture
    def valid_request(self, bench: Bench) -> DocumentRequest:
        page = b"<!doctype html><html><body><h1>Tides</h1><p>The Moon pulls the sea.</p></body></html>"
        return asked(bench, page, "notes.html")

    @pytest.fixture
    def bad_requests(self, bench: Bench) -> list[DocumentRequest]:
        return [asked(bench, b"\x7fELF" + bytes(200), "notes.md")]
