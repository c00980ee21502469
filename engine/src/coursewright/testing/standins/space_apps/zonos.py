"""Zonos on a machine of one's own: the web page that comes with the model, whose `/generate_audio` speaks.

Like the real one it keeps the last speaker for the whole process: a call without a sample speaks in the voice of the
call before it, unless `unconditional_keys` holds `speaker`. The sound of a voice is told by its tone, see
`zyphra_speech.voiced`. What would last more than 30 s is cut off there.

Switches of its own: `revision`, at the start only: `older` has the 24 parameters of the copies in Spaces, anything else
the 29 of the project's own page; `result`: `nothing` or `silent` in place of the sound.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from coursewright.testing.standins import sounds
from coursewright.testing.standins.space_apps import Desk
from coursewright.testing.standins.zyphra_speech import RATE_HZ, voiced

LONGEST_S = 30
_TRANSFORMER, _HYBRID = "Zyphra/Zonos-v0.1-transformer", "Zyphra/Zonos-v0.1-hybrid"
_CONDITIONERS = [
    "speaker",
    "emotion",
    "vqscore_8",
    "fmax",
    "pitch_std",
    "speaking_rate",
    "dnsmos_ovrl",
    "speaker_noised",
]
_LANGUAGES = [
    *("af", "ar", "bg", "bn", "ca", "cmn", "cs", "cy", "da", "de", "el", "en-029", "en-gb", "en-gb-scotland", "en-us"),
    *(
        "eo",
        "es",
        "es-419",
        "et",
        "eu",
        "fa",
        "fi",
        "fr-be",
        "fr-ch",
        "fr-fr",
        "ga",
        "hi",
        "hr",
        "hu",
        "id",
        "is",
        "it",
    ),
    *("ja", "ko", "la", "lt", "lv", "mk", "ms", "nb", "nl", "pl", "pt", "pt-br", "ro", "ru", "sk", "sl", "sq", "sr"),
    *("sv", "sw", "ta", "te", "tr", "ur", "vi", "yue"),
]
"""Half of the codes of the real page, which are espeak-ng's."""
NAMES = (
    *(
        "model_choice",
        "text",
        "language",
        "speaker_audio",
        "prefix_audio",
        "e1",
        "e2",
        "e3",
        "e4",
        "e5",
        "e6",
        "e7",
        "e8",
    ),
    *("vq_single", "fmax", "pitch_std", "speaking_rate", "dnsmos_ovrl", "speaker_noised", "cfg_scale"),
    *("top_p", "top_k", "min_p", "linear", "confidence", "quadratic", "seed", "randomize_seed", "unconditional_keys"),
)
_NEWER = {"top_p", "top_k", "linear", "confidence", "quadratic"}
_speaker = b""
"""Whose voice is spoken: one for the whole process, as in the real page."""


def build(desk: Desk) -> Any:
    """The app."""
    older = desk.switch("revision") == "older"
    silence = desk.folder / "silence_100ms.wav"
    silence.write_bytes(sounds.wav(np.zeros(RATE_HZ // 10, np.float32), RATE_HZ))
    with gr.Blocks() as demo:
        model = gr.Dropdown([_TRANSFORMER, _HYBRID], value=_TRANSFORMER, label="Zonos Model Type")
        text = gr.Textbox("Zonos uses eSpeak for text to phoneme conversion!", max_length=500, label="Text")
        language = gr.Dropdown(_LANGUAGES, value="en-us", label="Language Code")
        prefix = gr.Audio(str(silence), type="filepath", label="Optional Prefix Audio (continue from this audio)")
        speaker = gr.Audio(type="filepath", label="Optional Speaker Audio (for cloning)")
        emotions = [
            gr.Slider(0.0, 1.0, value, step=0.05, label=f"Emotion {number}")
            for number, value in enumerate((1.0, 0.05, 0.05, 0.05, 0.05, 0.05, 0.1, 0.2), 1)
        ]
        conditions = [
            gr.Slider(0.5, 0.8, 0.78, step=0.01, label="VQ Score"),
            gr.Slider(0, 24000, 24000, step=1, label="Fmax (Hz)"),
            gr.Slider(0.0, 300.0, 45.0, step=1, label="Pitch Std"),
            gr.Slider(5.0, 30.0, 15.0, step=0.5, label="Speaking Rate"),
            gr.Slider(1.0, 5.0, 4.0, step=0.1, label="DNSMOS Overall"),
            gr.Checkbox(value=False, label="Denoise Speaker?"),
            gr.Slider(1.0, 5.0, 2.0, step=0.1, label="CFG Scale"),
        ]
        sampling = [
            gr.Slider(0.0, 1.0, 0, step=0.01, label="Top P"),
            gr.Slider(0.0, 1024, 0, step=1, label="Min K"),
            gr.Slider(0.0, 1.0, 0.15 if older else 0, step=0.01, label="Min P"),
            gr.Slider(-2.0, 2.0, 0.5, step=0.01, label="Linear"),
            gr.Slider(-2.0, 2.0, 0.4, step=0.01, label="Confidence"),
            gr.Slider(-2.0, 2.0, 0.0, step=0.01, label="Quadratic"),
        ]
        seed = gr.Number(420, precision=0, label="Seed")
        last = [
            seed,
            gr.Checkbox(value=True, label="Randomize Seed"),
            gr.CheckboxGroup(_CONDITIONERS, value=["emotion"]),
        ]
        first = [model, text, language, speaker, prefix, *emotions, *conditions]
        inputs = [*first, *([sampling[2]] if older else sampling), *last]
        handler = _handler(desk, tuple(name for name in NAMES if not older or name not in _NEWER))
        gr.Button("Generate Audio").click(handler, inputs, [gr.Audio(type="numpy"), seed], api_name="generate_audio")

        def update_ui(model_choice: str) -> Any:
            return gr.update(visible=bool(model_choice))

        model.change(update_ui, [model], [text])
        demo.load(update_ui, [model], [text])
    demo.queue(max_size=4, default_concurrency_limit=1)
    return demo


def _handler(desk: Desk, names: tuple[str, ...]) -> Callable[..., Any]:
    """`generate_audio` with parameters of these names: Gradio takes the names of an endpoint's from its function."""

    def generate_audio(*values: Any) -> Any:
        return _generate(desk, dict(zip(names, values, strict=False)), values[-1])

    usual = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, usual) for name in names]
    parameters.append(inspect.Parameter("progress", usual, default=gr.Progress()))
    generate_audio.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # Gradio reads it
    return generate_audio


def _generate(desk: Desk, given: dict[str, Any], progress: Any) -> Any:
    global _speaker
    desk.record(**given)
    desk.misbehave()
    if given["speaker_audio"] is not None and "speaker" not in given["unconditional_keys"]:
        _speaker = Path(given["speaker_audio"]).read_bytes()
    estimated = max(1, int(30 * len(given["text"]) / 400 * 86))
    for fraction in (0.0, 0.4, 0.8, 1.2):  # its estimate of the steps is too low for most voices
        progress((int(fraction * estimated), estimated))
        time.sleep(0.01)
    match desk.switch("result"):
        case "nothing":
            return None, int(given["seed"])
        case "silent":
            return (RATE_HZ, np.zeros(RATE_HZ, np.int16)), int(given["seed"])
    voice = b"" if "speaker" in given["unconditional_keys"] else _speaker
    samples = voiced(given["text"], voice, pace=0.9 * float(given["speaking_rate"]))
    seed = time.time_ns() % 2**32 if given["randomize_seed"] else int(given["seed"])
    return (RATE_HZ, samples[: LONGEST_S * RATE_HZ]), seed
