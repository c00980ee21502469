from __future__ import annotations

import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.compose import Film, FilmScene
from coursewright.capabilities.export import ExportRequest
from coursewright.testing import Bench
from coursewright.testing.contract import ProviderContract
from coursewright_export_mp4.provider import Mp4Export


class TestMp4Export(ProviderContract):
    @pytest.fixture
    def provider(self) -> Mp4Export:
        return Mp4Export()

    @pytest.fixture
    def valid_request(self, bench: Bench) -> ExportRequest:
        def stored(name: str, media_type: str) -> Artifact:
            return bench.store.put_bytes(name.encode(), name=name, media_type=media_type)

        film = Film(
            title="Tides",
            language="en",
            duration_s=2.0,
            video=stored("film.mp4", "video/mp4"),
            audio=stored("film.m4a", "audio/mp4"),
            captions=stored("captions.vtt", "text/vtt"),
            chapters=stored("chapters.vtt", "text/vtt"),
            transcript=stored("transcript.md", "text/markdown"),
            scenes=[FilmScene(id="tides", title="Tides", start_s=0.0, end_s=2.0)],
        )
        return ExportRequest(film=film, title="Tides, and why")

    @pytest.fixture
    def bad_requests(self, bench: Bench) -> list[ExportRequest]:
        return []  # it opens none of the film's files and takes any title
