"""The product's main pipeline by remote services: switched by one line each, survived when they are down, secrets kept.

The services are the stand-ins of `coursewright.testing`; the command is run as a person runs it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from coursewright.run.server import stop
from coursewright.settings import Settings
from coursewright.store import open_store
from coursewright.testing.consents import agreed
from coursewright.testing.portraits import photo
from coursewright.testing.standins.chat import ChatServer, chat_server
from coursewright.testing.standins.loopback import free_port
from coursewright.testing.standins.spaces import SpaceServer, space
from coursewright.testing.standins.speech import StandIn, speech_server
from coursewright.testing.standins.zyphra import KEY as ZYPHRA_KEY
from coursewright.testing.standins.zyphra import ZyphraServer, zyphra_server

ROOT = Path(__file__).resolve().parents[1]
PIPELINE = ROOT / "pipelines" / "talking_head_course.yaml"
PATIENCE_S = 280
pytestmark = pytest.mark.timeout(PATIENCE_S + 20)

NOTES = """# Bread

Flour, water, salt and time are enough to bake bread.

## Dough

Mix flour and water, and let the dough rest for an hour. Salt slows the yeast down.
"""
NARRATION = (
    "Flour, water, salt and time are enough to bake bread.",
    "Mix flour and water, and let the dough rest for an hour. Salt slows the yeast down.",
)
SCRIPT = {
    "title": "Bread",
    "objectives": ["Know what bread is made of"],
    "scenes": [
        {
            "id": "bread",
            "title": "Bread",
            "bullets": ["Flour, water, salt", "Time"],
            "narration": NARRATION[0],
        },
        {
            "id": "dough",
            "title": "Dough",
            "bullets": ["Rest for an hour"],
            "narration": NARRATION[1],
        },
    ],
}
SECRETS = {
    "OPENAI_API_KEY": "sk-chat-4f1c9d20aa7e-not-a-real-key",
    "OPENAI_SPEECH_API_KEY": "sk-speech-77b0e5c3d918-not-a-real-key",
    "ZYPHRA_API_KEY": ZYPHRA_KEY,
    "HF_TOKEN": "hf_5b8e2f0c6d1a4937_not_a_real_token",
}


ADDRESSES = (
    *("LLM_OPENAI__URL", "LLM_LLAMA__ADDRESS", "TTS_OPENAI__URL", "TTS_ZYPHRA__URL"),
    *("VIDEO_KDTALKER__ADDRESS", "VIDEO_SADTALKER__ADDRESS"),
)
SPACES = ("llama", "kdtalker", "sadtalker")


class Services:
    """One stand-in of each remote service."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        with ThreadPoolExecutor() as threads:  # each of the three takes seconds to import Gradio
            spaces = threads.map(lambda app: stack.enter_context(app), [space(app) for app in SPACES])
            self.chat: ChatServer = stack.enter_context(chat_server("llama.cpp", key=SECRETS["OPENAI_API_KEY"]))
            self.speech: StandIn = stack.enter_context(speech_server("speaches", key=SECRETS["OPENAI_SPEECH_API_KEY"]))
            self.zyphra: ZyphraServer = stack.enter_context(zyphra_server())
            self.llama, self.kdtalker, self.sadtalker = spaces
        self.llama.switch(replies=[json.dumps(SCRIPT)])

    @property
    def addresses(self) -> dict[str, str]:
        urls = (self.chat.url, self.llama.url, self.speech.url, self.zyphra.cloud_url)
        return dict(zip(ADDRESSES, (*urls, self.kdtalker.url, self.sadtalker.url), strict=True))

    @property
    def spaces(self) -> list[SpaceServer]:
        return [self.llama, self.kdtalker, self.sadtalker]


class Author:
    """A person with notes and a photo, in a folder of their own; what the commands print is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.printed = ""
        (folder / "notes.md").write_text(NOTES, "utf-8")
        (folder / "me.png").write_bytes(photo(480, 600))
        agreed(folder / "me.png", open_store(Settings(data_dir=folder / "data")))

    def run(self, name: str, addresses: dict[str, str], *arguments: str, pipeline: Path = PIPELINE) -> Path:
        """Run the pipeline; returns the folder of its results."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("COURSEWRIGHT_", "PREFECT_"))}
        done = subprocess.run(
            [
                *(sys.executable, "-m", "coursewright", "run", str(pipeline), "-o", name),
                *("-i", "notes=notes.md", "-i", "portrait=me.png", *arguments),
            ],
            cwd=self.folder,
            env={
                **kept,
                "COURSEWRIGHT_DATA_DIR": str(self.folder / "data"),
                **{f"COURSEWRIGHT_SERVICE_{field}": value for field, value in addresses.items()},
                **{f"COURSEWRIGHT_SECRET_{secret}": value for secret, value in SECRETS.items()},
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        self.printed += done.stdout + done.stderr
        assert done.returncode == 0, done.stderr
        return self.folder / name


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with contextlib.ExitStack() as stack:
        yield Services(stack)


@pytest.fixture(scope="module")
def author(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Author]:
    author = Author(tmp_path_factory.mktemp("author"))
    yield author
    stop(Settings(data_dir=author.folder / "data"))


def served(results: Path) -> dict[str, set[str]]:
    """Who served each step."""
    report: dict[str, Any] = json.loads((results / "report.json").read_text("utf-8"))
    found: dict[str, set[str]] = {}
    for item in report["items"]:
        found.setdefault(item["step"], set()).add(item["provider"])
    return found


def streams(path: Path) -> dict[str, float]:
    """Duration in seconds of each kind of stream in a media file."""
    import av

    with av.open(str(path)) as container:
        return {
            stream.type: float((stream.duration or 0) * (stream.time_base or 0))
            for stream in container.streams
            if stream.type in ("audio", "video")
        }


def spoken(captions: str) -> list[str]:
    """The words of a WebVTT file."""
    return [word for line in captions.splitlines()[1:] if "-->" not in line for word in line.split()]


def assert_a_course(results: Path, *, narration: Sequence[str] = ()) -> None:
    """A package, a film with even streams, and captions that are the narration, which may be known beforehand."""
    script = json.loads((results / "script.json").read_text("utf-8"))
    said = [scene["narration"] for scene in script["scenes"]]
    assert not narration or said == list(narration)
    assert (results / "bread-scorm12.zip").exists()
    film = streams(results / "bread.mp4")
    assert film["video"] == pytest.approx(film["audio"], abs=0.05)
    assert spoken((results / "bread.en.vtt").read_text("utf-8")) == " ".join(said).split()


@pytest.fixture(scope="module")
def first(author: Author, services: Services) -> Path:
    services.chat.replies.append(json.dumps(SCRIPT))
    return author.run(
        "first",
        services.addresses,
        *("--provider", "llm=openai", "--provider", "tts=zyphra", "--provider", "video=kdtalker"),
    )


@pytest.fixture(scope="module")
def second(author: Author, services: Services) -> Path:
    return author.run(
        "second",
        services.addresses,
        *("--provider", "llm=llama", "--provider", "tts=openai", "--provider", "video=sadtalker"),
    )


def test_openai_writes_zyphra_speaks_kdtalker_animates(first: Path) -> None:
    who = served(first)
    assert who["script"] == {"llm.openai"}
    assert who["voice"] == {"tts.zyphra"}
    assert who["presenter"] == {"video.kdtalker"}
    assert_a_course(first, narration=NARRATION)


def test_llama_writes_a_speech_server_speaks_sadtalker_animates(second: Path) -> None:
    who = served(second)
    assert who["script"] == {"llm.llama"}
    assert who["voice"] == {"tts.openai"}
    assert who["presenter"] == {"video.sadtalker"}
    assert_a_course(second, narration=NARRATION)


def test_one_remote_service_among_embedded_providers(author: Author, services: Services) -> None:
    results = author.run("third", services.addresses, "--provider", "tts=openai")

    who = served(results)
    assert who["script"] == {"llm.outline"}
    assert who["voice"] == {"tts.openai"}
    assert who["presenter"] == {"video.portrait"}
    assert_a_course(results)


def test_with_all_services_down_the_embedded_providers_serve_and_the_report_says_why(author: Author) -> None:
    orders = {
        "llm": ["openai", "llama", "outline"],
        "tts": ["zyphra", "openai", "espeak"],
        "video": ["kdtalker", "sadtalker", "portrait"],
    }
    text = PIPELINE.read_text("utf-8")
    for capability, names in orders.items():
        before, text = text, text.replace(f"    {capability}: {names[-1]} ", f"    {capability}: [{', '.join(names)}] ")
        assert text != before
    shutil.copytree(ROOT / "pipelines" / "prompts", author.folder / "prompts")
    pipeline = author.folder / "careful.yaml"
    pipeline.write_text(text, "utf-8")
    nobody = f"http://127.0.0.1:{free_port()}"
    results = author.run("careful", dict.fromkeys(ADDRESSES, nobody), pipeline=pipeline)

    assert_a_course(results)
    report = json.loads((results / "report.json").read_text("utf-8"))
    assert report["state"] == "completed"
    steps = {"script": "llm", "voice": "tts", "presenter": "video"}
    items = [item for item in report["items"] if item["step"] in steps]
    assert {item["step"] for item in items} == set(steps)
    for item in items:
        capability = steps[item["step"]]
        *remote, embedded = [f"{capability}.{name}" for name in orders[capability]]
        assert item["provider"] == embedded
        assert [(refusal["provider"], refusal["error"]) for refusal in item["fell_back"]] == [
            (provider, "Unavailable") for provider in remote
        ]
        assert all(refusal["message"] and refusal["remedy"] for refusal in item["fell_back"])


@pytest.mark.usefixtures("first", "second")
def test_no_secret_is_found_in_anything_that_a_run_writes(author: Author) -> None:
    """Results, reports, store, histories, logs, Prefect's database, and what was printed."""
    files = [path for path in author.folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files), "Prefect's database is among them"
    for name, secret in SECRETS.items():
        found = [str(path.relative_to(author.folder)) for path in files if secret.encode() in path.read_bytes()]
        assert found == [], f"{name} was written"
        assert secret not in author.printed


@pytest.mark.usefixtures("first", "second")
def test_each_secret_went_to_its_own_service_only(services: Services) -> None:
    received: dict[str, list[dict[str, str]]] = {
        "OPENAI_API_KEY": [asked.headers for asked in services.chat.requests],
        "OPENAI_SPEECH_API_KEY": [asked.headers for asked in services.speech.requests],
        "ZYPHRA_API_KEY": [asked.headers for asked in services.zyphra.requests],
        "": [request["headers"] for server in services.spaces for request in server.http],
    }
    for service, requests in received.items():
        text = json.dumps(requests)
        assert requests
        assert [name for name, secret in SECRETS.items() if secret in text] == ([service] if service else [])
