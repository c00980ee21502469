"""When each word of a known text is said: forced alignment. For worker processes only.

The speech is laid over a reading of the same text that knows its own times (dynamic time warping of cepstra).
Where there is no such reading, pauses are matched with punctuation and the rest shared out by length.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from coursewright.capabilities.tts import Phoneme, Timings, Word
from coursewright.kit.speech.features import HOP_S, features
from coursewright.kit.speech.pausing import by_pauses
from coursewright.kit.speech.sound import Samples, decode, read
from coursewright.kit.speech.warping import warp

_SILENCE_S = 0.3
"""Put around both recordings, so that the ends of one may be quieter than those of the other."""
_SAME_TEXT = 4.0
"""A reading that is so many times longer or shorter does not say the same."""


class Reading(msgspec.Struct, frozen=True):
    """A recording of the same text that knows its own times: a sound file, and `Timings` as JSON."""

    sound: str
    timings: bytes


def align(speech: str, text: str, reading: Reading | None) -> Timings:
    """The words of `text` in the speech, a WAV file that `sound.write` wrote; sounds too, when the reading has them."""
    samples, rate = read(Path(speech))
    if reading is not None:
        told = msgspec.json.decode(reading.timings, type=Timings)
        said, said_rate = decode(Path(reading.sound))
        ratio = (len(samples) / rate) / (len(said) / said_rate)
        if [word.text for word in told.words] == text.split() and 1 / _SAME_TEXT < ratio < _SAME_TEXT:
            return _laid_over(told, said, said_rate, samples, rate)
    return Timings(words=by_pauses(text, samples, rate))


def _laid_over(told: Timings, said: Samples, said_rate: int, samples: Samples, rate: int) -> Timings:
    path = warp(_framed(said, said_rate), _framed(samples, rate))
    duration_s = len(samples) / rate

    def heard_at(times_s: npt.NDArray[np.float64]) -> list[float]:
        frames = np.interp((times_s + _SILENCE_S) / HOP_S, np.arange(len(path)), path)
        heard = np.clip(frames * HOP_S - _SILENCE_S, 0, duration_s)
        return [round(float(time), 4) for time in np.maximum.accumulate(heard)]

    times = heard_at(np.array([time for word in told.words for time in (word.start_s, word.end_s)]))
    onsets = heard_at(np.array([phoneme.start_s for phoneme in told.phonemes]))
    return Timings(
        words=[Word(word.text, *times[2 * n : 2 * n + 2]) for n, word in enumerate(told.words)],
        phonemes=[Phoneme(phoneme.symbol, onset) for phoneme, onset in zip(told.phonemes, onsets, strict=True)],
    )


def _framed(samples: Samples, rate: int) -> npt.NDArray[np.float32]:
    return features(np.pad(samples, round(_SILENCE_S * rate)), rate)
