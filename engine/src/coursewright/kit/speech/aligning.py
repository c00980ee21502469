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
from coursewright.errors import Busy
from coursewright.kit.speech.features import HIGHEST_HZ, HOP_S, VOICED, Features, features
from coursewright.kit.speech.pausing import by_pauses
from coursewright.kit.speech.sound import Samples, decode, levels_db, read, speech_hops
from coursewright.kit.speech.warping import warp

_SILENCE_S = 0.3
"""Put around both recordings, so that the ends of one may be quieter than those of the other."""
_UNLIKE, _ALIKE = 0.86, 0.80
"""Distance to the reading where it is laid, over the distance at random. Nine independent voices come to 0.65–0.82,
another text to 0.77–0.85, humming and tones to 0.85–0.96: from the first on a reading tells nothing, up to the second
it can also tell what is missing."""
_UNSAID_SHARE, _UNSAID_S = 0.12, 1.2
"""Of a reading, squeezed into the last moment of the speech: then its end is not there. Of 28 whole speeches by nine
independent voices the largest share was 0.03; with the last 30 % cut off, 19 of 20 have more than 0.08."""
_LAST_S = 0.15
_BAND = 0.45
"""Of its rate, a recording holds sound up to here."""
_SAME_TEXT = 4.0
"""A reading that is so many times longer or shorter does not say the same."""


class Reading(msgspec.Struct, frozen=True):
    """A recording of the same text that knows its own times: a sound file, and `Timings` as JSON."""

    sound: str
    timings: bytes


def align(speech: str, text: str, reading: Reading | None) -> Timings:
    """The words of `text` in the speech, a WAV file that `sound.write` wrote; sounds too, when the reading has them.

    Raises Busy when the end of the text is not in the speech.
    """
    samples, rate = read(Path(speech))
    if reading is not None:
        told = msgspec.json.decode(reading.timings, type=Timings)
        said, said_rate = decode(Path(reading.sound))
        ratio = (len(samples) / rate) / (len(said) / said_rate)
        if [word.text for word in told.words] == text.split() and 1 / _SAME_TEXT < ratio < _SAME_TEXT:
            laid = _laid_over(told, said, said_rate, samples, rate)
            if laid is not None:
                return laid
    return Timings(words=by_pauses(text, samples, rate))


def _laid_over(told: Timings, said: Samples, said_rate: int, samples: Samples, rate: int) -> Timings | None:
    highest_hz = min(HIGHEST_HZ, _BAND * said_rate, _BAND * rate)
    frames = _framed(said, said_rate, highest_hz), _framed(samples, rate, highest_hz)
    path = warp(*frames)
    duration_s = len(samples) / rate
    likeness = _distance(*frames, path)
    if likeness > _UNLIKE:
        return None
    if likeness < _ALIKE:
        _check_whole(path, said, said_rate, samples, rate)

    def heard_at(times_s: npt.NDArray[np.float64]) -> list[float]:
        heard_in = np.interp((times_s + _SILENCE_S) / HOP_S, np.arange(len(path)), path)
        heard = np.clip(heard_in * HOP_S - _SILENCE_S, 0, duration_s)
        return [round(float(time), 4) for time in np.maximum.accumulate(heard)]

    times = heard_at(np.array([time for word in told.words for time in (word.start_s, word.end_s)]))
    onsets = heard_at(np.array([phoneme.start_s for phoneme in told.phonemes]))
    return Timings(
        words=[Word(word.text, *times[2 * n : 2 * n + 2]) for n, word in enumerate(told.words)],
        phonemes=[Phoneme(phoneme.symbol, onset) for phoneme, onset in zip(told.phonemes, onsets, strict=True)],
    )


def _distance(said: Features, heard: Features, path: npt.NDArray[np.float64]) -> float:
    """How far the voiced frames of both are apart where they were matched, as a share of the distance at random."""
    voiced = np.flatnonzero(said[:, 0] > VOICED)
    others = np.flatnonzero(heard[:, 0] > VOICED)
    if not len(voiced) or not len(others):
        return 1.0
    matched = np.linalg.norm(said[voiced] - heard[path[voiced].astype(int)], axis=1).mean()
    random = np.random.default_rng(0).choice(others, len(voiced))
    return float(matched / np.linalg.norm(said[voiced] - heard[random], axis=1).mean())


def _check_whole(path: npt.NDArray[np.float64], said: Samples, said_rate: int, samples: Samples, rate: int) -> None:
    """Is the end of the reading laid over more than the last moment of the speech?"""
    said_end = _speech_end_s(said, said_rate)
    last = (_SILENCE_S + _speech_end_s(samples, rate) - _LAST_S) / HOP_S
    unsaid_s = said_end + _SILENCE_S - int(np.argmax(path >= last)) * HOP_S
    if unsaid_s > _UNSAID_S and unsaid_s > _UNSAID_SHARE * said_end:
        raise Busy(
            f"the speech that came back is cut off: the end of its text, some {unsaid_s:.0f} s, is not said",
            remedy="ask again; if it stays so, choose another voice or provider",
        )


def _speech_end_s(samples: Samples, rate: int) -> float:
    loud = np.flatnonzero(speech_hops(levels_db(samples, rate, HOP_S)))
    return float(loud[-1] + 1) * HOP_S if len(loud) else len(samples) / rate


def _framed(samples: Samples, rate: int, highest_hz: float) -> Features:
    return features(np.pad(samples, round(_SILENCE_S * rate)), rate, highest_hz)
