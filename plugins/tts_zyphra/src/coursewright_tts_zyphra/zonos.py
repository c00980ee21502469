"""Zonos v0.1 on a machine of one's own, behind the web page that comes with the model."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coursewright.capabilities.tts import SpeechRequest
from coursewright.errors import AuthFailed, Busy, Unavailable
from coursewright.providers import Context, Health

from coursewright_tts_zyphra.languages import code_for, own_code
from coursewright_tts_zyphra.line import Line, Tell, TooLong, Voicing

if TYPE_CHECKING:
    from coursewright.kit.gradio import Endpoint, Parameter, Space
    from coursewright.secrets import Secret

ENDPOINT = "/generate_audio"
LONGEST_S = 30.0
"""Zonos makes 86 × 30 tokens and stops there, in the middle of a word if need be."""
_SURE = ("text", "language", "speaker_audio", "unconditional_keys")
"""Without these it is another app. All others may come and go between revisions: 24 and 29 parameters are known."""
_EMOTIONS = ("happiness", "sadness", "disgust", "fear", "surprise", "anger", "other", "neutral")
"""The meaning of `e1` to `e8`."""
_PARAMETERS = {
    "speaking_rate": "speaking_rate",
    "pitch_std": "pitch_std",
    "fmax": "fmax",
    "vqscore": "vq_single",
    "speaker_noised": "speaker_noised",
    "seed": "seed",
}
_CONDITIONERS = {"vqscore": "vqscore_8"}
"""Names in `unconditional_keys` where they differ from the options'."""


class Zonos(Line):
    """Reached by the Gradio client. One text at a time: the page has a queue of its own."""

    what = "your Zonos"
    part_s = 18.0
    takes = frozenset({*_PARAMETERS, "language_code", "model", "emotion"})

    def voicing(self, request: SpeechRequest, sample: Path | None, context: Context, tell: Tell) -> Voicing:
        endpoint = self._endpoint(self._space(context))
        arguments = self.arguments(endpoint, request.language, cloned=sample is not None, context=context)

        def say(text: str, folder: Path) -> Path:
            given = {**arguments, "text": text, "speaker_audio": sample}
            return _sound(self._space(context).call(ENDPOINT, given, field="text", progress=tell), self.what)

        return Voicing(say, ["zonos", arguments, request.voice and request.voice.digest])

    def health(self) -> Health:
        space = self._space(None)
        health = space.probe()
        if health.state == "ready":  # awake: its description is there already
            self._endpoint(space)
        return health

    def arguments(self, endpoint: Endpoint, language: str, *, cloned: bool, context: Context) -> dict[str, Any]:
        """All that is the same for every part, by the names that this revision has.

        What is not set is left out here and sent with the default that `/info` tells.
        """
        known = {parameter.name: parameter for parameter in endpoint.parameters}
        options = self.options
        values: dict[str, Any] = {
            "speaking_rate": self.bounded("speaking_rate", 5, 30, context),
            "pitch_std": self.bounded("pitch_std", 0, 300, context),
            "fmax": options.fmax,
            "vqscore": options.vqscore,
            "speaker_noised": options.speaker_noised,
            "seed": options.seed,
        }
        conditions = {name: value for name, value in values.items() if value is not None}
        emotion = options.emotion.given() if options.emotion else {}
        arguments = {
            "language": self._language(known["language"], language),
            **{_PARAMETERS[name]: value for name, value in conditions.items()},
            **{f"e{_EMOTIONS.index(name) + 1}": share for name, share in emotion.items()},
        }
        if options.model:
            arguments |= self._model(known.get("model_choice"), context)
        if options.seed is not None:
            arguments["randomize_seed"] = False
        if missing := [name for name in arguments if name not in known]:
            context.notice(f"{self.what} has no {', '.join(missing)} in its revision: not used")
        wanted = {_CONDITIONERS.get(name, name) for name in (*conditions, *(["emotion"] if emotion else []))}
        arguments["unconditional_keys"] = self._unconditional(known["unconditional_keys"], wanted, cloned=cloned)
        return {name: value for name, value in arguments.items() if name in known}

    def _unconditional(self, parameter: Parameter, wanted: set[str], *, cloned: bool) -> list[str]:
        """What the model is to choose by itself: never what was set, and the speaker whenever no sample is sent.

        The page keeps the last speaker for its whole process. A call without a sample would speak in the voice of
        whoever called before.
        """
        if not cloned and parameter.choices and "speaker" not in parameter.choices:
            raise Unavailable(
                f"{self.what} might speak in the voice of an earlier caller: it has no switch against that",
                remedy="give a voice sample, or use another tts provider",
            )
        usual = [key for key in parameter.default or [] if key not in wanted and key != "speaker"]
        return usual if cloned else ["speaker", *usual]

    def _language(self, parameter: Parameter, language: str) -> str:
        codes = [str(choice) for choice in parameter.choices]
        if self.options.language_code:
            return own_code(self.options.language_code, codes, what=self.what)
        return code_for(language, codes, what=self.what) if codes else language.lower()

    def _model(self, parameter: Parameter | None, context: Context) -> dict[str, str]:
        """The full name of the model by its last word; not every machine can run the hybrid."""
        names = [str(choice) for choice in parameter.choices] if parameter else []
        if found := [name for name in names if name.endswith(f"-{self.options.model}")]:
            return {"model_choice": found[0]}
        context.notice(f"{self.what} has no {self.options.model} model: its usual one speaks")
        return {}

    def _endpoint(self, space: Space) -> Endpoint:
        endpoints = space.endpoints()
        endpoint = endpoints.get(ENDPOINT)
        names = {parameter.name for parameter in endpoint.parameters} if endpoint else set()
        if endpoint is None or not names.issuperset(_SURE):
            raise Unavailable(
                f"{self.what} is another app, or has changed: it offers {', '.join(endpoints) or 'nothing'}",
                remedy="set the address of a Zonos whose page has /generate_audio",
                detail=str(endpoint or ""),
            )
        return endpoint

    def _space(self, context: Context | None) -> Space:
        from coursewright.kit.gradio import Space

        return Space(self.service.url, what=self.what, token=self._token(), context=context, host=self.host)

    def _token(self) -> Secret | None:
        """For a Zonos in a private Space, if there is one; it is sent to Hugging Face only."""
        try:
            return self.host.secret("HF_TOKEN")
        except AuthFailed:
            return None


def _sound(result: Any, what: str) -> Path:
    """The file of a result, which is the file alone or the file and its seed. Raises TooLong when it was cut off."""
    first = result[0] if isinstance(result, list | tuple) and result else result
    if isinstance(first, str) and first:
        first = Path(first)
    if not isinstance(first, Path) or not first.is_file():
        raise Busy(f"{what} answered without any sound", remedy="try again; look at its log if it stays so")
    if _seconds(first) >= LONGEST_S - 0.5:
        raise TooLong(f"{what} cut the speech off after {LONGEST_S:g} s", remedy="raise speaking_rate")
    return first


def _seconds(sound: Path) -> float:
    """The length of a WAV file, which the page sends by default; 0 for anything else."""
    try:
        with wave.open(str(sound)) as wav:
            return float(wav.getnframes() / wav.getframerate())
    except (wave.Error, EOFError, OSError):
        return 0.0
