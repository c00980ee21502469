"""The voice files in the operator's folder, and which of them speaks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from coursewright.errors import BadInput, Unavailable

_QUALITY = ("high", "medium", "low", "x_low")
_PHONEMES = ("espeak", "text", "hebrew", "japanese", "thai")
"""How a voice wants its text. `pinyin` is left out: piper would download a model for it."""


class Voice(msgspec.Struct, frozen=True):
    """One voice: `name.onnx` with `name.onnx.json` beside it."""

    name: str
    model: Path
    language: str
    """As a BCP 47 tag."""
    quality: str
    speakers: dict[str, int]
    speaker_count: int
    length_scale: float

    @property
    def config(self) -> Path:
        return self.model.with_name(self.model.name + ".json")


class _Sound(msgspec.Struct):
    quality: str = ""


class _Espeak(msgspec.Struct):
    voice: str = ""


class _Language(msgspec.Struct):
    code: str = ""


class _Inference(msgspec.Struct):
    length_scale: float = 1.0


class _Config(msgspec.Struct):
    """What is read of a voice's JSON file; piper reads the rest."""

    audio: _Sound
    espeak: _Espeak
    phoneme_id_map: dict[str, Any]
    language: _Language = msgspec.field(default_factory=_Language)
    inference: _Inference = msgspec.field(default_factory=_Inference)
    phoneme_type: str = "espeak"
    num_speakers: int = 1
    speaker_id_map: dict[str, int] = {}


def voices_in(folder: Path) -> tuple[list[Voice], list[str]]:
    """The voices by name, and for files that are none a sentence that says why."""
    voices, problems = [], []
    for model in sorted(folder.rglob("*.onnx")):
        try:
            voices.append(_voice(model))
        except FileNotFoundError:
            problems.append(f"{model.name} has no {model.name}.json beside it")
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
            problems.append(f"{model.name}.json is not a voice's configuration: {error}")
    return voices, problems


def _voice(model: Path) -> Voice:
    config = msgspec.json.decode(model.with_name(model.name + ".json").read_bytes(), type=_Config)
    if config.phoneme_type not in _PHONEMES:
        raise ValueError(f"its phonemes are of the type {config.phoneme_type}, which is not supported here")
    code = config.language.code or config.espeak.voice
    language, _, region = code.replace("_", "-").partition("-")
    return Voice(
        name=model.stem,
        model=model,
        language=f"{language.lower()}-{region.upper()}" if region else language.lower(),
        quality=config.audio.quality,
        speakers=config.speaker_id_map,
        speaker_count=config.num_speakers,
        length_scale=config.inference.length_scale,
    )


def chosen(voices: Sequence[Voice], name: str, language: str, folder: Path) -> Voice:
    """The voice of that name, or with "" the best one for the language: its region first, then its quality.

    Raises BadInput(field="voice_name") for a name that is not there, Unavailable when no voice speaks the language.
    """
    if name:
        wanted = name.removesuffix(".onnx").lower()
        for voice in voices:
            if voice.name.lower() == wanted:
                return voice
        raise BadInput(
            f"there is no Piper voice '{name}' in {folder}",
            field="voice_name",
            remedy=f"choose one of: {names(voices)}" if voices else f"put {name}.onnx and {name}.onnx.json there",
        )
    fitting = [voice for voice in voices if primary(voice.language) == primary(language)]
    if not fitting:
        raise Unavailable(
            f"no Piper voice in {folder} speaks the language '{language}'" + (f": {names(voices)}" if voices else ""),
            remedy="put a voice file of that language there, or use another tts provider",
        )
    return min(fitting, key=lambda voice: (not _same_region(voice.language, language), _rank(voice), voice.name))


def speaker_of(voice: Voice, speaker: str) -> int | None:
    """The number of a speaker given by name or number. Raises BadInput(field="speaker")."""
    if not speaker:
        return None
    if speaker in voice.speakers:
        return voice.speakers[speaker]
    if speaker.isdecimal() and int(speaker) < max(1, voice.speaker_count):
        return int(speaker)
    known = ", ".join(list(voice.speakers)[:12]) or f"0 to {voice.speaker_count - 1}"
    raise BadInput(
        f"the voice {voice.name} has no speaker '{speaker}'", field="speaker", remedy=f"choose one of: {known}"
    )


def names(voices: Sequence[Voice]) -> str:
    """Some of them, with their languages."""
    named = ", ".join(f"{voice.name} ({voice.language})" for voice in voices[:8])
    return named + (f" and {len(voices) - 8} more" if len(voices) > 8 else "")


def primary(language: str) -> str:
    """The language itself, without region or script. Norwegian is written in two ways and said in one."""
    code = language.partition("-")[0].lower()
    return {"nb": "no", "nn": "no", "cmn": "zh"}.get(code, code)


def _same_region(one: str, other: str) -> bool:
    # Without a region the usual one is meant: en is American English, as for tts.espeak.
    usual = {"en": "US", "pt": "BR", "zh": "CN"}
    regions = [tag.partition("-")[2].upper() or usual.get(primary(tag), primary(tag).upper()) for tag in (one, other)]
    return regions[0] == regions[1]


def _rank(voice: Voice) -> int:
    return _QUALITY.index(voice.quality) if voice.quality in _QUALITY else len(_QUALITY)
