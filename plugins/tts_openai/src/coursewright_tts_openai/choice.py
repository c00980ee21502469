"""Which model and voice speak, when the pipeline does not say."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from coursewright.errors import Unavailable, Unsuited

from coursewright_tts_openai.offer import Model, Offer, Voice, lang_code

OPENAI_MODEL, OPENAI_VOICE = "tts-1", "alloy"
"""Of OpenAI's own reference, which every server with these names follows; also openedai-speech's default voice."""
OPENAI_VOICES = frozenset(
    ("alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse")
)
_FAVOURITES = ("af_heart", OPENAI_VOICE)
"""Defaults of Kokoro-FastAPI and of OpenAI, wherever they fit."""
_SPEAKS = re.compile(r"(?i)tts|speech|voice|kokoro|piper|zonos|bark|vits|chatterbox|orpheus|parler|melo")


_OPENAI_CHARACTERS = 4096
_ZONOS_CHARACTERS = 400
"""Zonos models speak for about 30 s, and leave out the rest."""
_PIPER_CHARACTERS = 150
"""Speaches' manual: "Maximum audio generation length is 10 seconds for Piper models"."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What the server is asked for. `notices` tell what was chosen for the author."""

    model: str
    voice: str
    lang_code: str = ""
    notices: tuple[str, ...] = ()


def choose(model: str, voice: str, language: str, offer: Offer, what: str) -> Choice:
    """The pipeline's model and voice, and what fits the language in place of those it left empty.

    Raises Unsuited when the server has nothing that fits: another provider may.
    """
    code = lang_code(language) if offer.is_kokoro else ""
    if voice:
        notices: tuple[str, ...] = ()
        if offer.is_kokoro and not code:
            notices = (f"Kokoro does not speak '{language}': the voice {voice} reads the text as its own language",)
        return Choice(model=model or _models(offer, what)[0], voice=voice, lang_code=code, notices=notices)
    spoken: set[str] = set()
    for name in [model] if model else _models(offer, what):
        voices = offer.voices_of(name)
        if voices is None:
            return Choice(model=name, voice=_default_voice(name), lang_code=code)
        if (found := _fitting(voices, language)) is not None:
            told = f"the voice {found.name} of {what} speaks: the pipeline names none"
            return Choice(model=name, voice=found.name, lang_code=code, notices=(told,))
        spoken.update(known.language for known in voices)
    raise Unsuited(
        f"{what} has no voice for the language '{language}'",
        remedy="install one there, name one as voice_name, or use another tts provider",
        detail=f"it speaks {', '.join(sorted(spoken))}",
    )


def _models(offer: Offer, what: str) -> list[str]:
    """The models to try, best first."""
    if offer.models is None:
        return [OPENAI_MODEL]
    if not offer.models:
        raise Unavailable(f"{what} has no model installed", remedy="install a model for speech there")
    for usual in ("kokoro", OPENAI_MODEL):
        if offer.named(usual):
            return [usual]
    if speaking := _speaking(offer.models):
        return [model.name for model in speaking]
    raise Unsuited(
        f"{what} does not say which of its models speaks",
        remedy=f"set model to one of: {listed([model.name for model in offer.models])}",
    )


def _speaking(models: Sequence[Model]) -> list[Model]:
    by_task = [model for model in models if model.task == "text-to-speech"]
    if by_task or len(models) == 1:
        return by_task or list(models)
    return [model for model in models if not model.task and _SPEAKS.search(model.name)]


def _default_voice(model: str) -> str:
    """OpenAI's names come with OpenAI's voices; a server with models of its own has a default for each."""
    return OPENAI_VOICE if model.startswith(("tts-1", "gpt-")) else ""


def _fitting(voices: Sequence[Voice], language: str) -> Voice | None:
    """The voice nearest to the language: the same region first, then the server's own favourite, then its order."""
    wanted = language.lower()
    primary = wanted.partition("-")[0]
    told = [voice for voice in voices if voice.language]
    fitting = [voice for voice in told if voice.language.partition("-")[0] == primary]
    if not fitting and told:
        return None
    return min(
        fitting or voices,
        key=lambda voice: (voice.language != wanted and "-" in wanted, voice.name not in _FAVOURITES),
    )


def most_characters(model: str, offer: Offer) -> int:
    """How much text the model is known to speak to its end."""
    if offer.clones:
        return _ZONOS_CHARACTERS
    known = offer.named(model)
    return _PIPER_CHARACTERS if known and known.task and "piper" in model.lower() else _OPENAI_CHARACTERS


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names in a sentence, bounded."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
