"""`tts`: text becomes speech."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from coursewright.capabilities.artifacts import Audio, File, Language


class SpeechRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a voice is asked to say."""

    text: Annotated[str, Meta(min_length=1, max_length=20_000, description="Plain text, no markup.")]
    voice: Annotated[Audio | None, Meta(description="A sample of the voice to clone.")] = None
    language: Language = "en"


class Speech(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Spoken text: mono 16-bit WAV, and when each word and sound begins if the voice knows."""

    audio: Audio
    duration_s: Annotated[float, Meta(gt=0)]
    text: str
    language: Language = "en"
    timings: Annotated[File | None, Meta(description="JSON of `Timings`: too large to travel between steps.")] = None


class Word(msgspec.Struct, frozen=True, array_like=True):
    """One word of the text as written, punctuation included: the text's own whitespace tokens, in order."""

    text: str
    start_s: float
    end_s: float


class Phoneme(msgspec.Struct, frozen=True, array_like=True):
    """One sound: espeak-ng's mnemonic (Kirshenbaum-like; `_` and longer is silence) and its onset."""

    symbol: str
    start_s: float


class Timings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of `Speech.timings`. Seconds from the start of the audio, never decreasing."""

    words: list[Word] = []
    phonemes: list[Phoneme] = []
