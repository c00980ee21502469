from __future__ import annotations

import msgspec
import pytest
from coursewright.capabilities.compose import Film
from coursewright.capabilities.export import ExportRequest
from coursewright.testing import Bench
from coursewright.testing.contract import ProviderContract
from coursewright_export_scorm.provider import ScormExport


class TestScormExport(ProviderContract):
    @pytest.fixture
    def bench(self, workbench: Bench) -> Bench:
        workbench.progress.clear()
        return workbench

    @pytest.fixture
    def provider(self) -> ScormExport:
        return ScormExport()

    @pytest.fixture
    def valid_request(self, film: Film) -> ExportRequest:
        return ExportRequest(film=film, title="How tides work")

    @pytest.fixture
    def bad_requests(self, film: Film, bench: Bench) -> list[ExportRequest]:
        captions = bench.store.put_bytes(b"no captions", name="film.vtt", media_type="text/vtt")
        return [ExportRequest(film=msgspec.structs.replace(film, captions=captions), title="How tides work")]
