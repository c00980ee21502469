"""Voice samples: decoded, judged, and kept as FLAC of what was heard. In a worker."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from coursewright.kit.speech.samples import clipped_percent
from coursewright.kit.speech.sound import NotSound, Samples, decode, levels_db, speech_hops

from coursewright_api.assets.inspection import Found, Task, refused

_HOP_S = 0.01
_SHORT_S, _SILENT_DB, _QUIET_DB = 3.0, -50.0, -30.0
_BARS, _WIDTH, _HEIGHT = 160, 320, 64
_PIECE = 1 << 16
_FORMATS = "use a WAV, MP3, M4A, FLAC, Ogg or WebM recording that plays in a player"


def inspect(task: Task) -> Found:
    """A voice sample. Raises InputError.

    What is kept is the sound alone, losslessly: files of phones say where they were recorded, and any file may have
    another behind it.
    """
    try:
        samples, rate_hz = decode(task.source)
    except NotSound as error:
        raise refused(f"the recording cannot be used: {error.message}", _FORMATS) from None
    duration_s = len(samples) / rate_hz
    if duration_s > task.max_s:
        raise refused(
            f"the recording lasts {duration_s:.0f} s; at most {task.max_s:.0f} s are taken",
            "cut it: half a minute of calm speech is enough",
        )
    path, preview = task.folder / "voice.flac", task.folder / "preview.svg"
    _write_flac(path, samples, rate_hz)
    preview.write_text(waveform(samples), "ascii")
    return Found(
        path=path,
        media_type="audio/flac",
        suffix=".flac",
        duration_s=round(duration_s, 3),
        preview=preview,
        preview_type="image/svg+xml",
        notes=tuple(_notices(samples, rate_hz)),
    )


def _notices(samples: Samples, rate_hz: int) -> list[str]:
    levels = levels_db(samples - np.float32(samples.mean()), rate_hz, _HOP_S)
    loud_db = float(np.percentile(levels, 95)) if len(levels) else -120.0
    spoken_s = float(speech_hops(levels).sum()) * _HOP_S
    notices = []
    if loud_db < _SILENT_DB:
        notices.append("the recording is nearly silent: record again, closer to the microphone")
    elif loud_db < _QUIET_DB:
        notices.append("the recording is quiet; it is made louder for cloning")
    if loud_db >= _SILENT_DB and spoken_s < _SHORT_S:
        notices.append(f"there are {spoken_s:.1f} s of speech; {_SHORT_S:g} s are the least, half a minute is good")
    if clipped := clipped_percent(samples):
        notices.append(f"{clipped:.1f} % of the loud moments are cut off: record again with less gain")
    return notices


def _write_flac(path: Path, samples: Samples, rate_hz: int) -> None:
    whole = np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16)
    with av.open(str(path), "w", format="flac", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("flac", rate=rate_hz, layout="mono")
        for start in range(0, len(whole), _PIECE):
            frame = av.AudioFrame.from_ndarray(
                whole[start : start + _PIECE].reshape(1, -1), format="s16", layout="mono"
            )
            frame.sample_rate, frame.pts = rate_hz, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def waveform(samples: Samples) -> str:
    """The course of the loudness as a small SVG."""
    parts = np.array_split(np.abs(samples), _BARS)
    peaks = np.array([float(part.max(initial=0.0)) for part in parts])
    heights = np.maximum(1.0, peaks / max(float(peaks.max(initial=0.0)), 1e-6) * (_HEIGHT - 4))
    step = _WIDTH / _BARS
    path = "".join(
        f"M{(index + 0.5) * step:.1f} {(_HEIGHT - height) / 2:.1f}v{height:.1f}" for index, height in enumerate(heights)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}"><path d="{path}" stroke="#5b6b7f" stroke-width="1.2" stroke-linecap="round"/></svg>'
    )
