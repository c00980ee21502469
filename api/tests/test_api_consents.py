"""Consents: filed for portraits and voice samples, kept in step with what the engine asks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from coursewright.consent import STATEMENT, consents_for, revoke
from coursewright_api.auth.audit import Action
from coursewright_api.database.columns import now
from coursewright_api.database.states import AssetState, AssetType
from coursewright_api.database.tables import Asset, AuditEvent, Consent
from coursewright_api.problems import ApiError

pytestmark = pytest.mark.anyio

ASK: dict[str, Any] = {"person": "Ada Lovelace", "purpose": "narrating our courses"}


async def asset(api: Any, person: Any, data: bytes = b"a voice", **more: Any) -> str:
    """An asset of the person, as an upload leaves it."""
    artifact = api.service.store.put_bytes(data, name="me.wav", media_type="audio/wav")
    values: dict[str, Any] = {
        **{"type": AssetType.voice_sample, "state": AssetState.ready, "name": "My voice"},
        **{"file_name": "me.wav", "digest": artifact.digest, "media_type": "audio/wav", "size_bytes": len(data)},
        **{"created_at": now(), "updated_at": now(), **more},
    }
    row = Asset(id=uuid4(), owner=UUID(person.id), **values)
    await row.save()
    return str(row.id)


async def give(owner: Any, asset_id: str, **more: Any) -> Any:
    return await owner.ask("POST", f"/api/assets/{asset_id}/consents", json={**ASK, **more})


def granted(api: Any, data: bytes = b"a voice") -> list[str]:
    """The people who agreed to the use of these bytes, as the engine sees it."""
    digest = api.service.store.put_bytes(data, name="x", media_type="x/x").digest
    return [each.person for each in consents_for(api.service.store, digest)]


async def test_a_consent_is_filed_listed_and_revoked(api: Any) -> None:
    bob = await api.author()
    voice, paper = await asset(api, bob), await asset(api, bob, b"yes", type=AssetType.document)
    given_at = (now() - timedelta(days=3)).isoformat()
    assert await api.service.consents.missing(UUID(bob.id), [UUID(voice)]) == [UUID(voice)]

    made = await give(bob, voice, given_at=given_at, recording_id=paper)

    assert made.status_code == 201, made.text
    consent = made.json()
    assert (consent["person"], consent["asset_id"], consent["statement"]) == ("Ada Lovelace", voice, STATEMENT)
    assert consent["recording_id"] == paper
    assert (await bob.ask("GET", f"/api/assets/{voice}/consents")).json() == [consent]
    assert (await bob.ask("GET", "/api/consents")).json()["items"] == [consent]
    assert granted(api) == ["Ada Lovelace"]
    assert await api.service.consents.missing(UUID(bob.id), [UUID(voice)]) == []

    for _ in range(2):
        assert (await bob.ask("DELETE", f"/api/consents/{consent['id']}")).status_code == 204

    assert granted(api) == []
    assert await api.service.consents.missing(UUID(bob.id), [UUID(voice)]) == [UUID(voice)]
    assert (await bob.ask("GET", "/api/consents")).json()["items"][0]["revoked_at"]
    actions = await AuditEvent.select(AuditEvent.action).where(AuditEvent.action.like("consent%"))
    assert [each["action"] for each in actions] == [Action.consent_given, Action.consent_revoked]


async def test_two_owners_of_one_sample_do_not_take_each_others_consent(api: Any) -> None:
    bob, eve = await api.author(), await api.author("eve")
    first = (await give(bob, await asset(api, bob))).json()
    await give(eve, await asset(api, eve), person="Ada King")
    assert granted(api) == ["Ada Lovelace", "Ada King"]

    await bob.ask("DELETE", f"/api/consents/{first['id']}")

    assert granted(api) == ["Ada King"]


async def test_only_portraits_and_voices_that_are_ready_take_consents(api: Any) -> None:
    bob = await api.author()
    script = await asset(api, bob, type=AssetType.script)
    pending = await asset(api, bob, state=AssetState.processing)
    gone = await asset(api, bob, deleted_at=now())

    answers = [await give(bob, each) for each in (script, pending, gone, str(uuid4()))]

    codes = [(answer.status_code, answer.json()["code"]) for answer in answers]
    assert codes == [(422, "consent_not_needed"), (409, "asset_not_ready"), (404, "not_found"), (404, "not_found")]


async def test_what_is_wrong_is_named(api: Any) -> None:
    bob = await api.author()
    voice = await asset(api, bob)
    other = await asset(api, await api.author("eve"))
    wrong: dict[str, dict[str, Any]] = {
        "/person": {"person": " "},
        "/purpose": {"purpose": "a\0b"},
        "/statement": {"statement": ""},
        "/given_at": {"given_at": (now() + timedelta(days=1)).isoformat()},
        "/recording_id": {"recording_id": other},
        "/more": {"more": 1},
    }
    for pointer, fields in wrong.items():
        answer = await give(bob, voice, **fields)
        assert answer.status_code == 422, answer.text
        assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert granted(api) == []


async def test_somebody_elses_are_not_there(api: Any) -> None:
    bob, eve = await api.author(), await api.author("eve")
    voice = await asset(api, bob)
    consent = (await give(bob, voice)).json()["id"]

    assert (await give(eve, voice)).status_code == 404
    assert (await eve.ask("GET", f"/api/assets/{voice}/consents")).status_code == 404
    assert (await eve.ask("DELETE", f"/api/consents/{consent}")).status_code == 404
    assert (await eve.ask("GET", "/api/consents")).json()["items"] == []
    assert await api.service.consents.missing(UUID(eve.id), [UUID(voice)]) == []
    assert granted(api) == ["Ada Lovelace"]


async def test_pages_come_newest_first(api: Any) -> None:
    bob = await api.author()
    voice = await asset(api, bob)
    made = [(await give(bob, voice, person=f"Person {number}")).json()["id"] for number in range(3)]

    first = (await bob.ask("GET", "/api/consents?limit=2")).json()
    second = (await bob.ask("GET", f"/api/consents?limit=2&cursor={first['next_cursor']}")).json()

    assert [each["id"] for each in first["items"] + second["items"]] == made[::-1]
    assert second["next_cursor"] is None


async def test_a_grant_that_a_crash_kept_from_the_store_is_written_when_a_job_asks(api: Any) -> None:
    bob = await api.author()
    voice = await asset(api, bob)
    consent = (await give(bob, voice)).json()
    digest = api.service.store.put_bytes(b"a voice", name="x", media_type="x/x").digest
    revoke(api.service.store, digest, f"consent {consent['id']} of the service")
    assert granted(api) == []

    assert await api.service.consents.missing(UUID(bob.id), [UUID(voice)]) == []

    assert granted(api) == ["Ada Lovelace"]


async def test_a_store_that_fails_leaves_no_revoked_consent_granted(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bob = await api.author()
    consent = (await give(bob, await asset(api, bob))).json()

    def fails(key: str) -> None:
        raise ApiError(503, "store_unavailable", "the store is gone")

    with monkeypatch.context() as broken:
        broken.setattr(api.service.store, "delete_record", fails)
        assert (await bob.ask("DELETE", f"/api/consents/{consent['id']}")).status_code == 503
    row = await Consent.select(Consent.revoked_at).first()
    assert row == {"revoked_at": None}, "the person is told that it still holds"


async def test_consents_end_with_their_asset(api: Any) -> None:
    bob = await api.author()
    voice = await asset(api, bob)
    await give(bob, voice)

    assert (await bob.ask("DELETE", f"/api/assets/{voice}")).status_code == 204
    assert await api.service.assets.purge() == 0
    assert granted(api) == ["Ada Lovelace"], "the deletion may still be undone"
    await Asset.update({Asset.deleted_at: now() - timedelta(days=400)}).where(Asset.id == UUID(voice))
    assert await api.service.assets.purge() == 1

    assert granted(api) == []
    assert await Consent.count() == 0


async def test_drawings_and_documents_need_none(api: Any) -> None:
    bob = await api.author()
    drawing = await asset(api, bob, type=AssetType.portrait, media_type="image/svg+xml")
    photo = await asset(api, bob, type=AssetType.portrait, media_type="image/png")
    notes = await asset(api, bob, type=AssetType.document)

    missing = await api.service.consents.missing(UUID(bob.id), [UUID(each) for each in (drawing, photo, notes)])

    assert missing == [UUID(photo)]


async def test_the_usual_statement_is_told(api: Any) -> None:
    bob = await api.author()

    assert (await bob.ask("GET", "/api/consents/statement")).json() == {"statement": STATEMENT}
