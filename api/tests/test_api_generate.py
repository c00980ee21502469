"""`POST /api/generate/…`: each parameter goes to the pipeline of the same name."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from coursewright_api.database.columns import now
from coursewright_api.database.states import AssetState, AssetType
from coursewright_api.database.tables import Asset

PIPELINES = Path(__file__).parents[2] / "pipelines"
pytestmark = pytest.mark.anyio
on_sqlite = pytest.mark.parametrize("ready_url", ["sqlite"], indirect=True)  # no row is of interest here


@pytest.fixture
async def service(start: Any) -> Any:
    api = await start(pipelines_dir=str(PIPELINES))
    await api.service.pipelines.refresh()
    return api


async def asset(service: Any, person: Any, type: AssetType, name: str, media_type: str) -> str:
    """With the consent of whoever is to be seen or heard."""
    artifact = service.service.store.put_bytes(name.encode(), name=name, media_type=media_type)
    values: dict[str, Any] = {
        **{"type": type, "state": AssetState.ready, "name": name, "file_name": name, "digest": artifact.digest},
        **{"media_type": media_type, "size_bytes": len(name), "created_at": now(), "updated_at": now()},
    }
    row = Asset(id=uuid4(), owner=UUID(person.id), **values)
    await row.save()
    if type in (AssetType.portrait, AssetType.voice_sample):
        body = {"person": "Ada", "purpose": "courses"}
        assert (await person.ask("POST", f"/api/assets/{row.id}/consents", json=body)).status_code == 201
    return str(row.id)


@on_sqlite
async def test_settings_of_a_video(service: Any) -> None:
    bob = await service.author()
    files = {
        "portrait_asset_id": await asset(service, bob, AssetType.portrait, "me.png", "image/png"),
        "audio_asset_id": await asset(service, bob, AssetType.voice_sample, "me.wav", "audio/wav"),
    }

    async def ask(**settings: Any) -> Any:
        return await bob.ask("POST", "/api/generate/video", json={**files, **settings})

    plain = (await ask(fps=30)).json()
    assert (plain["pipeline"], plain["inputs"]["fps"]) == ("video_generation", 30)
    own = {"preprocess": "full", "still": False, "pose_style": 3, "enhancer": "gfpgan"}
    made = (await ask(**own)).json()
    assert made["pipeline"] == "sadtalker_video"
    assert {name: made["inputs"][name] for name in own} == own
    for wrong in ({"fps": 5}, {"enhancer": "x"}, {"pose_style": 47}, {"still": "yes"}, {"preprocess": ""}):
        answer = await ask(**wrong)
        assert answer.status_code == 422
        assert [each["pointer"] for each in answer.json()["errors"]] == [f"/{name}" for name in wrong]
    answer = await ask(enhancer="gfpgan", providers={"video": "portrait"})
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/providers/video"]


@on_sqlite
async def test_settings_of_a_script_and_of_speech(service: Any) -> None:
    bob = await service.author()
    voice = await asset(service, bob, AssetType.voice_sample, "me.wav", "audio/wav")
    script = {"topic": "Tides", "prompt": "Be brief.", "language": "de", "duration": 3, "style": "academic"}
    more = {"target_audience": "sailors", "additional_context": "They know the moon.", "title": "T", "priority": "high"}
    made = (await bob.ask("POST", "/api/generate/script", json={**script, **more})).json()
    assert (made["pipeline"], made["title"], made["priority"]) == ("script_generation", "T", "high")
    wanted = {"topic": "Tides", "language": "de", "minutes": 3, "style": "academic", "audience": "sailors"}
    assert made["inputs"] == {**wanted, "context": "Be brief.\n\nThey know the moon."}
    for path in ("text-to-speech", "tts"):
        spoken = (await bob.ask("POST", f"/api/generate/{path}", json={"text": "Hello.", "language": "fr"})).json()
        assert (spoken["pipeline"], spoken["inputs"]) == ("text_to_speech", {"text": "Hello.", "language": "fr"})
    cloned = await bob.ask("POST", "/api/generate/tts", json={"text": "Hello.", "voice_asset_id": voice})
    assert cloned.json()["pipeline"] == "voice_clone"
