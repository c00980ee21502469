"""`tts.piper`: the provider."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec
from coursewright.capabilities.tts import Speech, SpeechRequest, Timings
from coursewright.kit.speech import Said, narrate
from coursewright.providers import Context, Health, Provider
from msgspec import Meta

from coursewright_tts_piper.voices import Voice, chosen, names, primary, speaker_of, voices_in

_PART = 900
"""Characters that one worker says at once: about a minute of speech, so that a cancel, a retry and progress stay fine
and loading the voice anew is a small part."""


_Noise = Annotated[float, Meta(ge=0, le=1.5)]


class PiperOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the voice speaks."""

    voice_name: Annotated[
        str,
        Meta(
            max_length=200,
            description="Name of a voice file in the operator's folder, such as en_US-lessac-medium; empty: the best "
            "one there for the language.",
        ),
    ] = ""
    speaker: Annotated[
        str, Meta(max_length=100, description="Name or number of a speaker, for voices that have several.")
    ] = ""
    rate: Annotated[float, Meta(ge=0.5, le=2.0, description="How fast, 1 being the voice's own pace.")] = 1.0
    noise_scale: Annotated[
        _Noise | None, Meta(description="Variety of the sound; null: the voice's own, mostly 0.667.")
    ] = None
    noise_w_scale: Annotated[
        _Noise | None, Meta(description="Variety of the rhythm; null: the voice's own, mostly 0.8.")
    ] = None
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1, description="Another number gives another rendering.")] = 0


class PiperService(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the voice files are."""

    voices_dir: Annotated[
        str,
        Meta(
            description="Folder with voice files (name.onnx and name.onnx.json); empty: piper-voices in the user's "
            "data folder."
        ),
    ] = ""


class PiperNarration(Provider[SpeechRequest, Speech]):
    """Neural voices on this machine's processor, from files that the operator supplies."""

    capability: ClassVar[str] = "tts"
    name: ClassVar[str] = "piper"
    summary: ClassVar[str] = "natural offline voices from Piper voice files that you supply, with word timings"
    version: ClassVar[str] = "1"
    preference: ClassVar[int] = 20
    Options: ClassVar[type[msgspec.Struct]] = PiperOptions
    Service: ClassVar[type[msgspec.Struct]] = PiperService
    unit: ClassVar[str] = "character"
    licence: ClassVar[str] = (
        "Each voice has terms of its own, told in its MODEL_CARD: some exclude commercial use. Piper itself is GPL-3.0."
    )

    @property
    def folder(self) -> Path:
        """Where the voice files are looked for."""
        if self.service.voices_dir:
            return Path(self.service.voices_dir).expanduser()
        import platformdirs

        return Path(platformdirs.user_data_dir("piper-voices", appauthor=False))

    def check(self) -> Health:
        """Are there voices, and the one that is asked for? Nothing is loaded."""
        if importlib.util.find_spec("piper") is None or importlib.util.find_spec("onnxruntime") is None:
            return Health(
                state="unavailable", reason="piper-tts is not installed here", remedy="install coursewright-tts-piper"
            )
        voices, problems = voices_in(self.folder)
        wanted = self.options.voice_name.removesuffix(".onnx").lower()
        if not voices or (wanted and all(voice.name.lower() != wanted for voice in voices)):
            found = "; ".join(problems) or (f"there are {names(voices)}" if voices else "there are no voice files")
            named = self.options.voice_name
            return Health(
                state="unavailable",
                reason=f"no Piper voice {named} in {self.folder}: {found}"
                if named
                else f"no Piper voice at all in {self.folder}: {found}",
                remedy="put a voice's two files there (name.onnx and name.onnx.json), from the page of voices that "
                "the Piper project names, or set voices_dir",
            )
        reason = f"{len(voices)} voice{'s' * (len(voices) > 1)} in {self.folder}: {names(voices)}"
        if problems:
            return Health(
                state="degraded", reason=f"{reason}; {'; '.join(problems)}", remedy="get the files named there again"
            )
        return Health(reason=reason)

    def identity(self) -> str:
        """The files that may speak, by name and size: another file under the same name is another voice."""
        wanted = self.options.voice_name.removesuffix(".onnx").lower()
        voices = [voice for voice in voices_in(self.folder)[0] if wanted in ("", voice.name.lower())]
        return " ".join(f"{voice.name}:{voice.model.stat().st_size}" for voice in voices)

    def size(self, request: SpeechRequest) -> float:
        """Characters."""
        return float(len(request.text))

    def run(self, request: SpeechRequest, context: Context) -> Speech:
        """Speak the text.

        Raises Unavailable when no voice speaks the language or the file cannot be loaded, BadInput for a voice or
        speaker that is not there and for a text with nothing to say.
        """
        context.raise_if_cancelled()
        voices, _ = voices_in(self.folder)
        voice = chosen(voices, self.options.voice_name, request.language, self.folder)
        speaker = speaker_of(voice, self.options.speaker)
        self._notices(request, voice, context)

        def say(text: str, folder: Path) -> Said:
            from coursewright_tts_piper import worker

            job = worker.Job(
                model=str(voice.model),
                text=text,
                out=str(folder / "piper.wav"),
                speaker=speaker,
                length_scale=voice.length_scale / self.options.rate,
                noise_scale=self.options.noise_scale,
                noise_w_scale=self.options.noise_w_scale,
                seed=self.options.seed,
            )
            timings = context.in_process(worker.speak, job)
            return Said(Path(job.out), msgspec.json.decode(timings, type=Timings))

        key: list[Any] = [voice.name, voice.model.stat().st_size, speaker, self.options]
        return narrate(request, context, say, limit=_PART, key=key)

    def _notices(self, request: SpeechRequest, voice: Voice, context: Context) -> None:
        if request.voice is not None:
            context.notice(f"Piper cannot clone a voice: the sample is not used, {voice.name} speaks")
        if primary(voice.language) != primary(request.language):
            context.notice(f"the voice {voice.name} speaks {voice.language}, the text is in '{request.language}'")
