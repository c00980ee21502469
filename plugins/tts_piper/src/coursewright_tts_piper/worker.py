"""Piper at work. For worker processes only: what it loads is GPL-3.0, has one global state and much memory."""

from __future__ import annotations

import importlib.util
import logging
import os
import wave
from collections.abc import Iterable
from pathlib import Path

import msgspec
from coursewright.capabilities.tts import Timings
from coursewright.errors import BadInput, Unavailable

from coursewright_tts_piper.words import Spoken, words_of

# Since 1.29 onnxruntime reports to its maker's server, and keeps an identifier on the disk, unless it is told not to
# before it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime
from piper import AudioChunk, PiperVoice, SynthesisConfig

_SENTENCE_PAUSE_S = 0.25
"""Added between sentences; Piper's own have some 0.15 s of silence at their ends."""
_TRUSTED = 0.05
"""By so much the times of all sounds together may differ from the length of the speech."""


class Job(msgspec.Struct, frozen=True):
    """One piece of text for one voice."""

    model: str
    text: str
    out: str
    speaker: int | None
    length_scale: float
    noise_scale: float | None
    noise_w_scale: float | None
    seed: int


def speak(job: Job) -> bytes:
    """Write the speech as 16-bit WAV; answer JSON of `Timings`, empty when the voice does not tell its times.

    Raises Unavailable when the voice cannot be loaded, BadInput(field="text") when it can say nothing of the text.
    """
    rate, sentences = _synthesised(job)
    spoken: list[Spoken] | None = []
    position = 0
    with wave.open(job.out, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(rate)
        for sentence in sentences:
            if position:
                pause = round(_SENTENCE_PAUSE_S * rate)
                wav.writeframes(bytes(2 * pause))
                position += pause
            wav.writeframes(sentence.audio_int16_bytes)
            length = len(sentence.audio_int16_array)
            told = [(each.phoneme, int(each.num_samples)) for each in sentence.phoneme_alignments or ()]
            if spoken is not None and abs(sum(count for _, count in told) - length) <= _TRUSTED * length:
                spoken += _on_clock(told, position, rate)
            else:
                spoken = None
            position += length
    if not position:
        raise BadInput(
            f"the voice {Path(job.model).stem} can say nothing of the text",
            field="text",
            remedy="write words in the voice's language, or choose another voice",
        )
    return msgspec.json.encode(Timings(words=words_of(job.text, spoken) if spoken else []))


def _synthesised(job: Job) -> tuple[int, list[AudioChunk]]:
    """The rate in hertz, and what was made of each sentence."""
    # Piper's noise comes from the model itself: its generators are seeded when the session is made. So that the same
    # words give the same bytes, each piece of text gets a session of its own.
    onnxruntime.set_seed(job.seed)
    logging.getLogger("piper").setLevel(logging.ERROR)  # it warns of every phoneme that a voice does not know
    settings = SynthesisConfig(
        speaker_id=job.speaker,
        length_scale=job.length_scale,
        noise_scale=job.noise_scale,
        noise_w_scale=job.noise_w_scale,
    )
    # Double brackets would be taken for phonemes.
    text = job.text.replace("[[", "[").replace("]]", "]")
    try:
        voice = PiperVoice.load(job.model, include_alignments=importlib.util.find_spec("onnx") is not None)
        return voice.config.sample_rate, list(voice.synthesize(text, settings, include_alignments=True))
    except Exception as error:  # onnxruntime's own, KeyError for a field that is missing, RuntimeError of its espeak …
        raise Unavailable(
            f"the Piper voice {Path(job.model).stem} cannot be used",
            remedy="get its two files again, an interrupted download is the usual cause; or choose another voice",
            detail=f"{type(error).__name__}: {error}"[:300],
        ) from None


def _on_clock(told: Iterable[tuple[str, int]], position: int, rate: int) -> Iterable[Spoken]:
    for phoneme, samples in told:
        yield Spoken(phoneme, position / rate, (position + samples) / rate)
        position += samples
