"""`tts.espeak`: the provider."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec
from coursewright.capabilities.tts import Speech, SpeechRequest
from coursewright.errors import BadInput, CoursewrightError
from coursewright.providers import Context, Estimate, Health, Provider
from msgspec import Meta

from coursewright_tts_espeak import engine
from coursewright_tts_espeak.segments import segments
from coursewright_tts_espeak.spoken import has_code, tokens
from coursewright_tts_espeak.timings import timings
from coursewright_tts_espeak.voices import voice_for

Variant = Literal["", "f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8"]

_RATE_SCALE = 0.84
"""espeak-ng speaks faster than it is told: asked for 130, 150 and 165 words a minute, it reads the sample
course at 155, 179 and 197."""


class EspeakOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the voice speaks."""

    rate_wpm: Annotated[int, Meta(ge=100, le=450, description="Words of English a minute.")] = 150
    pitch: Annotated[int, Meta(ge=0, le=99, description="From low to high; 50 is the voice's own.")] = 45
    variant: Annotated[Variant, Meta(description="Another timbre: f1–f5 female, m1–m8 male.")] = ""


class EspeakVoice(Provider[SpeechRequest, Speech]):
    """Formant synthesis: clear rather than natural, always at hand, the same bytes for the same text."""

    capability: ClassVar[str] = "tts"
    name: ClassVar[str] = "espeak"
    summary: ClassVar[str] = "offline voice in over a hundred languages, with word and phoneme timings"
    version: ClassVar[str] = "2"
    reads: ClassVar[bool] = True
    Options: ClassVar[type[msgspec.Struct]] = EspeakOptions

    def check(self) -> Health:
        """Start the engine once, in its own process, saying nothing."""
        try:
            with tempfile.TemporaryDirectory() as folder:
                engine.speak(
                    [], Path(folder) / "silence.wav", rate_wpm=165, pitch=50, scratch=Path(folder), check=lambda: None
                )
        except (ImportError, OSError, RuntimeError, CoursewrightError) as error:
            return Health(
                state="unavailable",
                reason=f"espeak-ng does not start: {getattr(error, 'detail', '') or error}",
                remedy="reinstall espeakng-loader",
            )
        return Health()

    def estimate(self, request: SpeechRequest) -> Estimate:
        """About 1,000 times as fast as speech: 15 characters a second are spoken."""
        return Estimate(seconds=0.1 + len(request.text) / 15_000, money=0.0)

    def run(self, request: SpeechRequest, context: Context) -> Speech:
        """Speak the text. Raises BadInput for a language without a voice, or a text with nothing to say."""
        data = engine.data_folder()
        rate_wpm = round(self.options.rate_wpm * _RATE_SCALE)
        voice = voice_for(request.language, data)
        written = tokens(request.text, voice.language)
        parts, unread = segments(written, voice.language, rate_wpm)
        if not parts:
            raise BadInput(
                "the text has nothing in it that can be spoken",
                field="text",
                remedy="write words; symbols, emoji, code and scripts without a voice are left unsaid",
            )
        self._notices(request, unread, context)
        wav = context.scratch / "speech.wav"
        lines = [self._line(part.language, voice.language, voice.path, part.text, part.pause_s, data) for part in parts]
        spoken = engine.speak(
            lines,
            wav,
            rate_wpm=rate_wpm,
            pitch=self.options.pitch,
            scratch=context.scratch,
            check=context.raise_if_cancelled,
        )
        told = timings(written, parts, spoken.segments, spoken.rate_hz)
        return Speech(
            audio=context.store.put_file(wav, name="speech.wav", media_type="audio/wav"),
            duration_s=spoken.samples / spoken.rate_hz,
            text=request.text,
            language=request.language,
            timings=context.store.put_bytes(
                msgspec.json.encode(told), name="timings.json", media_type="application/json"
            ),
        )

    def _line(self, language: str, main: str, path: str, text: str, pause_s: float, data: Path) -> engine.Line:
        voice = path if language == main else voice_for(language, data).path
        return engine.Line(f"{voice}+{self.options.variant}" if self.options.variant else voice, text, pause_s)

    def _notices(self, request: SpeechRequest, unread: list[str], context: Context) -> None:
        if request.voice is not None:
            context.notice("espeak-ng cannot clone a voice: the sample is not used, its own voice speaks")
        if has_code(request.text):
            context.notice("a block of code in the text is not read out")
        if unread:
            named = ", ".join(unread[:3]) + (f" and {len(unread) - 3} other scripts" if len(unread) > 3 else "")
            context.notice(f"espeak-ng cannot read {named}: those letters are left unsaid")
