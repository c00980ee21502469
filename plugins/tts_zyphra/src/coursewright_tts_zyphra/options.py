"""What a pipeline may ask of the voice, and what the operator says about the service."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

CLOUD_URL = "https://api.zyphracloud.com/api/v1"
"""Zyphra's current service. The one before it, api.zyphra.com, was reported dead from February 2025 to April 2026."""

Api = Literal["auto", "cloud", "legacy", "zonos"]
MimeType = Literal["", "audio/webm", "audio/ogg", "audio/wav", "audio/mp3", "audio/mpeg", "audio/mp4", "audio/aac"]
DefaultVoice = Literal[
    "",
    "american_female",
    "american_male",
    "anime_girl",
    "british_female",
    "british_male",
    "energetic_boy",
    "energetic_girl",
    "japanese_female",
    "japanese_male",
]

_Share = Annotated[float, Meta(ge=0, le=1)]


class Emotion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of each, 0 to 1. What is left out keeps the service's own value."""

    happiness: _Share | None = None
    sadness: _Share | None = None
    disgust: _Share | None = None
    fear: _Share | None = None
    surprise: _Share | None = None
    anger: _Share | None = None
    other: _Share | None = None
    neutral: _Share | None = None

    def given(self) -> dict[str, float]:
        """Those that were set, by name."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in values.items() if value is not None}


class ZyphraOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the voice speaks. What is not set is not sent: the service's own value holds."""

    speaking_rate: Annotated[
        Annotated[float, Meta(ge=5, le=35)] | None,
        Meta(description="Sounds a second, 5 to 35: 10 is slow, 15 usual, 30 very fast."),
    ] = None
    language_code: Annotated[
        str,
        Meta(
            pattern="^([a-z]{2,3}(-[a-z0-9]{1,12})*)?$",
            description="The service's own code, such as en-gb-scotland, in place of the one for `language`.",
        ),
    ] = ""
    model: Annotated[
        Literal["", "transformer", "hybrid"],
        Meta(description="Of Zonos v0.1: hybrid is better at Japanese, transformer knows emotion and pitch."),
    ] = ""
    emotion: Annotated[
        Emotion | None,
        Meta(description="Shares from 0 to 1 of happiness, sadness, disgust, fear, surprise, anger, other, neutral."),
    ] = None
    pitch_std: Annotated[
        Annotated[float, Meta(ge=0, le=500)] | None,
        Meta(description="Spread of the pitch, 0 to 500 Hz: 20 to 45 is usual, 60 to 150 expressive."),
    ] = None
    fmax: Annotated[
        Annotated[int, Meta(ge=0, le=24_000)] | None,
        Meta(description="Highest frequency, 0 to 24000 Hz; 22050 is advised for a cloned voice."),
    ] = None
    vqscore: Annotated[
        Annotated[float, Meta(ge=0.5, le=0.8)] | None,
        Meta(description="How clean the sound is to be, 0.5 to 0.8; 0.78 is usual."),
    ] = None
    mime_type: Annotated[MimeType, Meta(description="What the service sends; the result is WAV in any case.")] = ""
    speaker_noised: Annotated[bool | None, Meta(description="Take noise out of the voice sample.")] = None
    default_voice_name: Annotated[DefaultVoice, Meta(description="One of the service's own voices.")] = ""
    voice_name: Annotated[
        str, Meta(max_length=200, description="A voice saved in the account, spelt as it is there.")
    ] = ""
    seed: Annotated[
        Annotated[int, Meta(ge=0, le=2**32 - 1)] | None,
        Meta(description="The same seed gives the same delivery again."),
    ] = None


class ZyphraService(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the voice is, and how it is reached."""

    url: Annotated[
        str,
        Meta(
            min_length=1,
            description="https://api.zyphracloud.com/api/v1, https://api.zyphra.com, "
            "or a Zonos of your own: its web address, or the name of a Space.",
        ),
    ] = CLOUD_URL
    api: Annotated[Api, Meta(description="What is spoken there; auto tells it by the address, or by looking.")] = "auto"
    secret: Annotated[str, Meta(pattern="^[A-Z][A-Z0-9_]*$", description="The secret that holds the key.")] = (
        "ZYPHRA_API_KEY"  # noqa: S105  # its name
    )
    patience_s: Annotated[
        float, Meta(gt=0, le=3600, description="Seconds without a word from the service before it is given up.")
    ] = 150.0
