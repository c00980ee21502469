from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from coursewright.errors import BadInput
from coursewright.kit.clips.jobs import GRID_HZ, OVERLAP, RATE_HZ, Sound
from coursewright.kit.clips.sound import LEAST_PIECE, cut_sound, seams
from coursewright.testing.standins import sounds

NARRATION = "The tide comes in twice a day. It is the moon that pulls the water. " * 6


def cut(tmp_path: Path, data: bytes, piece_s: float = 15.0) -> Sound:
    source = tmp_path / "recording"
    source.write_bytes(data)
    return cut_sound(source, tmp_path, "audio", piece_s)


def samples_of(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE_HZ)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def test_pieces_overlap_and_together_are_the_whole_sound(tmp_path: Path) -> None:
    spoken = sounds.hum(NARRATION, rate_hz=RATE_HZ)
    sound = cut(tmp_path, sounds.wav(spoken, RATE_HZ), 8.0)
    assert sound.duration_s == len(spoken) / RATE_HZ
    assert len(sound.pieces) > 3
    whole = np.zeros(0, np.int16)
    for piece in sound.pieces:
        part = samples_of(piece.sound)
        assert len(part) == piece.frames * RATE_HZ // GRID_HZ
        assert LEAST_PIECE <= piece.frames <= 8 * GRID_HZ
        at = piece.first * RATE_HZ // GRID_HZ
        assert len(whole) - at == (2 * OVERLAP * RATE_HZ // GRID_HZ if piece.first else 0)
        assert np.array_equal(whole[at:], part[: len(whole) - at])
        whole = np.concatenate([whole, part[len(whole) - at :]])
    assert np.abs(whole[: len(spoken)] - spoken * 32767).max() <= 1.5
    assert not whole[len(spoken) :].any()


def test_seams_are_in_the_pauses_between_sentences(tmp_path: Path) -> None:
    sound = cut(tmp_path, sounds.wav(sounds.hum(NARRATION, rate_hz=RATE_HZ), RATE_HZ), 8.0)
    for piece in sound.pieces[1:]:
        part = samples_of(piece.sound)
        seam = OVERLAP * RATE_HZ // GRID_HZ
        assert np.abs(part[seam - 2000 : seam + 2000].astype(int)).max() < 30


def test_a_sound_without_pauses_is_cut_all_the_same(tmp_path: Path) -> None:
    tone = 0.3 * np.sin(np.arange(40 * RATE_HZ) * 0.05)
    sound = cut(tmp_path, sounds.wav(tone.astype(np.float32), RATE_HZ))
    assert len(sound.pieces) == 3
    assert max(piece.frames for piece in sound.pieces) <= 15 * GRID_HZ


@pytest.mark.parametrize("most", [3 * GRID_HZ, 100, 15 * GRID_HZ])
def test_no_piece_is_too_long_or_too_short_whatever_the_sound(most: int) -> None:
    random = np.random.default_rng(most)
    for frames in [most + 1, most + 30, 2 * most - 1, 1013, 3000]:
        loudness = random.random(frames).astype(np.float32)
        cuts = [0, *seams(loudness, most), frames]
        lengths = np.diff(cuts)
        assert lengths.min() >= LEAST_PIECE
        assert lengths.max() + 2 * OVERLAP <= most


@pytest.mark.parametrize("seconds", [0.02, 0.3])
def test_a_sound_shorter_than_a_second_is_sent_with_silence_behind_it(seconds: float, tmp_path: Path) -> None:
    # A service fails on sound that is shorter than one picture, 40 ms.
    sound = cut(tmp_path, sounds.wav(np.full(int(seconds * RATE_HZ), 0.2, np.float32), RATE_HZ))
    assert sound.duration_s == seconds
    assert [piece.frames for piece in sound.pieces] == [GRID_HZ]


@pytest.mark.parametrize("form", ["mp3", "opus", "webm", "aac", "flac"])
def test_any_recording_will_do(form: str, tmp_path: Path) -> None:
    spoken = sounds.hum("Any recording will do, said the machine.", rate_hz=44_100)
    sound = cut(tmp_path, sounds.encoded(spoken, 44_100, form))
    assert sound.duration_s == pytest.approx(len(spoken) / 44_100, abs=0.06)
    assert np.abs(samples_of(sound.pieces[0].sound).astype(int)).max() > 5000


def test_a_wav_with_a_wrong_length_in_its_header_has_the_length_of_its_sound(tmp_path: Path) -> None:
    spoken = sounds.hum("The header says thirty-seven hours.", rate_hz=24_000)
    sound = cut(tmp_path, sounds.wav(spoken, 24_000, true_lengths=False))
    assert sound.duration_s == pytest.approx(len(spoken) / 24_000, abs=0.001)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a sound",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/hostname\n",
        sounds.wav(np.zeros(0, np.float32), RATE_HZ),
    ],
    ids=["nothing", "text", "playlist", "no samples"],
)
def test_what_holds_no_sound_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        cut(tmp_path, data)
    assert caught.value.field == "audio"
    assert caught.value.remedy
