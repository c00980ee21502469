"""What a server says it has: models, voices, and whether it clones. Lists are asked for, never presumed."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import msgspec
from coursewright.errors import Unavailable
from coursewright.kit.http import Http
from coursewright.providers import Context
from coursewright.secrets import Secret

_KEPT_S = 60.0
_PATIENCE_S = 8.0
_UNLISTED = range(400, 600)

_KOKORO = {"a": "en-us", "b": "en-gb", "e": "es", "f": "fr", "h": "hi", "i": "it", "j": "ja", "p": "pt-br", "z": "zh"}
"""The language by the first letter of a Kokoro voice, and its `lang_code`: Kokoro-82M's VOICES.md."""


class Voice(msgspec.Struct, frozen=True):
    """A voice of the server; `language` is a lower-case tag, empty when nobody says."""

    name: str
    language: str = ""


class Model(msgspec.Struct, frozen=True):
    """A model of the server. `voices` is None where the server does not tell them by model."""

    name: str
    owner: str = ""
    task: str = ""
    voices: tuple[Voice, ...] | None = None


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """`models` and `voices` are None where the server has no such list, which says nothing about what it speaks."""

    models: tuple[Model, ...] | None = None
    voices: tuple[Voice, ...] | None = None
    clones: bool = False
    """Does it speak with the voice of a sample, sent with the request? (ZONOS2)"""
    paced: bool = False
    """Does such a server take a speed?"""

    @property
    def is_kokoro(self) -> bool:
        """Kokoro-FastAPI, which takes a `lang_code`."""
        return any(model.owner == "kokoro" for model in self.models or ())

    def named(self, model: str) -> Model | None:
        """The listed model of that name."""
        return next((known for known in self.models or () if known.name == model), None)

    def voices_of(self, model: str) -> tuple[Voice, ...] | None:
        """The voices that go with a model, if the server tells."""
        known = self.named(model)
        return known.voices if known and known.voices is not None else self.voices


class Address(msgspec.Struct, frozen=True):
    """A server as it is reached: `url` ends in the version, such as `/v1`."""

    url: str
    key: Secret | None
    connect_s: float

    @property
    def what(self) -> str:
        """The server's name in messages."""
        return f"the speech server at {(urlsplit(self.url).netloc or self.url).rpartition('@')[2]}"

    def http(self, context: Context | None, *, read_s: float, total_s: float | None = None, url: str = "") -> Http:
        """A connection to it, or to another `url` of it."""
        return Http(
            url or self.url,
            what=self.what,
            key=self.key,
            context=context,
            connect_s=self.connect_s,
            read_s=read_s,
            total_s=total_s,
        )


_lock = threading.Lock()
_known: dict[tuple[str, str], tuple[float, Offer]] = {}


def offered(address: Address, context: Context | None, *, anew: bool = False) -> Offer:
    """What the server offers; the answer is kept for 60 s in this process, and given again unless asked `anew`.

    Raises AuthFailed, Busy (starting), Unavailable or TimedOut, as `Http` does, when the list of models is refused.
    """
    secret = "" if address.key is None else address.key.reveal()
    place = (address.url, hashlib.sha256(secret.encode()).hexdigest())
    with _lock:
        found = _known.get(place)
    if not anew and found is not None and time.monotonic() - found[0] < _KEPT_S:
        return found[1]
    offer = _ask(address, context)
    with _lock:
        _known[place] = (time.monotonic(), offer)
    return offer


def forget(url: str = "") -> None:
    """Ask anew next time: the server at `url` (or every server) has just shown that it is not as it was."""
    with _lock:
        for place in [place for place in _known if url in ("", place[0])]:
            del _known[place]


def _ask(address: Address, context: Context | None) -> Offer:
    with address.http(context, read_s=_PATIENCE_S, total_s=_PATIENCE_S) as http:
        models = _models(http, address.what)
        voices = _voices(_json(http, "audio/voices", "voices"))
    if voices is not None:
        return Offer(models=models, voices=voices)
    root = re.sub(r"/v\d+$", "", address.url)
    with address.http(context, read_s=_PATIENCE_S, total_s=_PATIENCE_S, url=root) as http:
        features = _json(http, "tts/capabilities", "") or {}
    clones = bool(features.get("speaker_enabled") and features.get("speaker_audio_upload"))
    return Offer(models=models, clones=clones, paced=bool(features.get("speaking_rate_enabled")))


def _models(http: Http, what: str) -> tuple[Model, ...] | None:
    answer = http.get("models", allow=(400, 404, 405, 422, 501))
    if answer.status != 200:
        return None
    try:
        listed = answer.json()
    except ValueError:
        listed = None
    if not isinstance(listed, dict):
        raise Unavailable(
            f"{what} answers with something else than a list of models",
            remedy="check its address: another service may be there",
        )
    return tuple(
        Model(
            name=entry["id"],
            owner=str(entry.get("owned_by") or ""),
            task=str(entry.get("task") or ""),
            voices=_voices(entry.get("voices")),
        )
        for entry in listed.get("data") or ()
        if isinstance(entry, dict) and isinstance(entry.get("id"), str)
    )


def _json(http: Http, path: str, key: str) -> Any:
    """The JSON object at a path that only some servers have, or what it holds under `key`; None where there is none."""
    answer = http.get(path, allow=_UNLISTED)
    try:
        found = answer.json() if answer.status == 200 else None
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    return found.get(key) if key else found


def _voices(listed: Any) -> tuple[Voice, ...] | None:
    """Voices told as names, or as objects with an `id`, `voice_id` or `name`."""
    if not isinstance(listed, Iterable) or isinstance(listed, str | dict):
        return None
    found = []
    for entry in listed:
        about = entry if isinstance(entry, dict) else {"id": entry}
        name = about.get("id") or about.get("voice_id") or about.get("name")
        if isinstance(name, str) and name:
            told = about.get("language")
            found.append(Voice(name, _tag(told) if isinstance(told, str) and told else _language_in(name)))
    return tuple(found) or None


def _language_in(name: str) -> str:
    """The language that a voice's name tells: Kokoro's `bf_emma`, Piper's `en_US-amy-low`."""
    if kokoro := re.match(r"([abefhijpz])[fm]_", name):
        return _KOKORO[kokoro[1]]
    piper = re.match(r"([a-z]{2,3})_([A-Z]{2})-", name)
    return f"{piper[1]}-{piper[2]}".lower() if piper else ""


def _tag(language: str) -> str:
    return language.strip().lower().replace("_", "-")


def lang_code(language: str) -> str:
    """Kokoro's letter for a BCP 47 tag; empty when it does not speak that language."""
    primary, _, rest = language.lower().partition("-")
    if primary == "en":
        return "b" if rest.rpartition("-")[2] in ("gb", "ie", "au", "nz", "za") else "a"
    return next((code for code, tag in _KOKORO.items() if tag.partition("-")[0] == primary), "")
