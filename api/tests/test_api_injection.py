"""Texts that look like templates, expressions, formulas or addresses are texts: nothing evaluates or fetches them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from coursewright.catalog import installed
from coursewright_api.database.tables import Job
from coursewright_api.jobs.link import PrefectLink

PIPELINES = Path(__file__).parents[2] / "pipelines"
HOSTILE = [
    "${inputs.language}",
    "${'a' * 99}",
    "{{ 7 * 7 }}",
    "{% for a in range(9) %}{{ a }}{% endfor %}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ prefect.blocks.secret.key }}",
    "{{ $HOME }} $HOME $(id) `id`",
    "{0.__class__} %(language)s %s",
    "=HYPERLINK(\"http://evil.example\")",
    "<script>alert(1)</script>",
    "http://169.254.169.254/latest/meta-data/",
]  # fmt: skip
pytestmark = pytest.mark.anyio
on_sqlite = pytest.mark.parametrize("ready_url", ["sqlite"], indirect=True)  # no row is of interest here


@pytest.fixture
async def service(start: Any) -> Any:
    api = await start(pipelines_dir=str(PIPELINES))
    await api.service.pipelines.refresh()
    return api


class Recorder:
    """In the place of Prefect: keeps what it is told to run."""

    def __init__(self) -> None:
        self.submitted: asyncio.Queue[Any] = asyncio.Queue()

    async def deploy(self, *_: Any) -> UUID:
        return uuid4()

    async def submit(self, wanted: Any) -> Any:
        await self.submitted.put(wanted)
        return type("Run", (), {"id": uuid4()})


@pytest.fixture
def prefect(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()

    async def wait(_: PrefectLink) -> Recorder:
        return recorder

    monkeypatch.setattr(PrefectLink, "wait", wait)
    return recorder


@on_sqlite
async def test_what_is_given_goes_to_the_run_as_it_is(prefect: Recorder, service: Any) -> None:
    """By the form and by the table: the text, the title, the description."""
    bob = await service.author()
    for text in HOSTILE:
        await check_run(prefect, bob, text)


async def check_run(prefect: Recorder, bob: Any, text: str) -> None:
    body = {"pipeline": "text_to_speech", "inputs": {"text": text}, "title": text, "description": text}
    made = (await bob.ask("POST", "/api/jobs", json=body)).json()
    assert (made["title"], made["description"], made["inputs"]["text"]) == (text, text, text)
    table = "text\ttitle\tdescription\n" + "\t".join('"' + text.replace('"', '""') + '"' for _ in range(3))
    headers = {**bob.headers, "Content-Type": "text/csv"}
    answer = await bob.api.client.post("/api/jobs/batch?pipeline=text_to_speech", content=table, headers=headers)
    assert answer.status_code == 201, answer.text
    for _ in range(2):
        wanted = await asyncio.wait_for(prefect.submitted.get(), 30)
        assert wanted.parameters["text"] == text
        assert wanted.name.startswith(text[:60])
        row = await Job.select().where(Job.id == UUID(wanted.job)).first()
        assert row is not None
        assert (row["title"], row["description"]) == (text, text)


@on_sqlite
async def test_an_input_is_not_evaluated(service: Any) -> None:
    """The time of speaking goes by the length, so that another length would show."""
    bob = await service.author()

    async def estimate(text: str) -> float:
        body = {"pipeline": "text_to_speech", "inputs": {"text": text}}
        answer = await bob.ask("POST", "/api/jobs/estimate", json=body)
        assert answer.status_code == 200, answer.text
        return float(answer.json()["steps"][0]["seconds"])

    for text in HOSTILE:
        many = text * (9_000 // len(text))
        assert await estimate(many) == await estimate("a" * len(many)) < await estimate("a" * len(many) * 2)


@on_sqlite
async def test_no_input_is_an_object(service: Any) -> None:
    """Prefect's server evaluates some objects among a run's parameters."""
    bob = await service.author()
    variable = {"__prefect_kind": "workspace_variable", "variable_name": "x"}
    for value in ({"__prefect_kind": "jinja", "template": "{{ 7 }}"}, variable, ["a"], {}):
        inputs = {"language": "en", "text": value}
        for path in ("/api/jobs", "/api/jobs/estimate", "/api/pipelines/text_to_speech/estimate"):
            body = {"inputs": inputs} | ({} if "pipelines" in path else {"pipeline": "text_to_speech"})
            answer = await bob.ask("POST", path, json=body)
            assert answer.status_code == 422, answer.text
            assert [each["pointer"] for each in answer.json()["errors"]] == ["/inputs/text"]


@on_sqlite
async def test_only_the_operator_says_where_services_are(service: Any) -> None:
    """Of every provider that has one: neither a pipeline nor a job can name an address for it."""
    bob, asked = await service.author(), 0
    for offer in installed().offers.values():
        for field in msgspec.structs.fields(offer.provider.Service):
            text = f"name: x\nsteps:\n  a: {{uses: {offer.id}, with: {{{field.name}: 'http://169.254.169.254/'}}}}\n"
            answer = (await bob.ask("POST", "/api/pipelines/check", json={"text": text})).json()
            assert not answer["ok"]
            assert any(f"'{field.name}'" in each["message"] for each in answer["problems"]), (offer.id, answer)
            asked += 1
        own = {field.name for field in msgspec.structs.fields(offer.provider.Options)}
        assert not own & {"url", "address", "host", "endpoint", "proxy", "path", "folder"}, offer.id
    assert asked > 10
    for provider in ("http://169.254.169.254/", "openai@169.254.169.254", "openai\n", "../openai"):
        body = {"pipeline": "text_to_speech", "inputs": {"text": "x"}, "providers": {"tts": provider}}
        assert (await bob.ask("POST", "/api/jobs", json=body)).status_code == 422


@on_sqlite
async def test_a_line_ends_where_it_ends(service: Any) -> None:
    """No line feed, not even as the last character, where `$` in Python's patterns would let one pass."""
    bob = await service.author()
    job = {"pipeline": "text_to_speech", "inputs": {"text": "x"}}
    announced = {"type": "document", "file_name": "x.md", "size_bytes": 1}
    requests: list[tuple[str, str, dict[str, Any], str]] = [
        ("POST", "/api/jobs", {**job, "title": "a\n"}, "/title"),
        ("POST", "/api/jobs", {**job, "until": "speech\n"}, "/until"),
        ("PUT", "/api/auth/profile", {"full_name": "Ada\n"}, "/full_name"),
        ("PUT", "/api/auth/profile", {"full_name": "\u202eadA"}, "/full_name"),
        ("POST", "/api/assets/uploads", {**announced, "media_type": "text/markdown\n"}, "/media_type"),
    ]
    for method, path, body, pointer in requests:
        answer = await bob.ask(method, path, json=body)
        assert answer.status_code == 422, (body, answer.text)
        assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
