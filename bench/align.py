"""How well words are found in speech: `python bench/align.py`.

Speech whose word times are known is made by synthesizers that have nothing in common with espeak-ng, whose reading the
alignment uses: flite (diphones, and statistical voices trained on real speakers) and festival (diphones, HMM, and one
Russian voice pieced together from recordings). Those that this machine lacks are left out:

    apt-get install flite festival festvox-us-slt-hts festvox-italp16k festvox-suopuhe-lj festvox-ru festvox-czech-dita

Prints, by voice, how far the beginnings of words are from the truth; then all of them again without a reading (by
pauses and lengths), in noise, at telephone quality and as MP3; and the processor time against that of the speech.
The truth is the synthesizer's own segmentation, which it derives the sound from (in flite and festival, to 5 or 10 ms).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
from coursewright.kit.speech import sound
from coursewright.kit.speech.aligning import Reading, align
from coursewright.kit.speech.reading import read_aloud
from coursewright.testing import Bench, bench
from coursewright.testing.voices import encoded
from coursewright_tts_espeak.provider import EspeakVoice

ENGLISH = (
    "Plants make sugar from light, and what is left over is oxygen: the air that you are breathing now. Water comes up "
    "from the roots, and carbon dioxide comes in through small pores, the stomata.",
    "The tide rises twice a day because the moon pulls on the sea. On the far side of the earth the water bulges too, "
    "since the earth itself is pulled away from it; sailors have known the times for centuries.",
    "A loop repeats its body until a condition fails. When you forget to change the condition, the loop never ends, "
    "and the program seems to hang. Ask yourself: where does it start, when does it stop, and what changes in between?",
    "In 1969, two people walked on the moon for about 150 minutes. They collected 21 kilograms of rock, planted a "
    "flag, and left behind a mirror that still reflects lasers today.",
    "Supply and demand meet at a price. If the price is too high, goods remain on the shelf; if it is too low, the "
    "shelf is empty by noon. Nobody sets it alone.",
    "Good morning, everyone! Welcome to the first lesson. Today we will look at cells, the smallest units of life, and "
    "we will ask why some of them never divide. Ready? Then let us begin.",
    "Doctor Rivera measured the patient's blood pressure before and after exercise, wrote down both values, and "
    "compared them with the average of the previous week.",
    "History is not a list of dates. It is an argument about causes, carried on by people who disagree, with evidence "
    "that is always incomplete.",
)
FLITE = ("kal16", "awb", "rms", "slt")
FESTIVAL: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "cmu_us_slt_arctic_hts": ("en", "utf-8", ENGLISH),
    "msu_ru_nsh_clunits": (
        "ru",
        "utf-8",
        (
            "Растения делают сахар из света, и остаётся кислород, воздух, которым мы дышим.",
            "Прилив поднимается два раза в день, потому что луна притягивает море. Моряки знали это много веков.",
            "История не список дат. Это спор о причинах, который ведут люди, не согласные между собой.",
        ),
    ),
    "lp_diphone": (
        "it",
        "iso-8859-1",
        (
            "Le piante fanno lo zucchero con la luce, e quello che resta diventa ossigeno. Acqua sale dalle radici.",
            "La storia non consiste di date. Consiste di un dibattito sulle cause, portato avanti da persone.",
        ),
    ),
    "suo_fi_lj_diphone": (
        "fi",
        "iso-8859-1",
        (
            "Vuorovesi nousee kaksi kertaa päivässä, koska kuu vetää merta puoleensa. Merimiehet ovat tunteneet ajat.",
            "Hyvää huomenta kaikille, ja tervetuloa ensimmäiselle oppitunnille. Tänään katsomme soluja.",
        ),
    ),
    "czech_dita": (
        "cs",
        "iso-8859-2",
        (
            "Rostliny vyrábějí cukr ze světla, a co zbude, je kyslík. Voda stoupá z kořenů a vzduch vchází póry.",
            "Dějiny nejsou seznam letopočtů. Jsou to úvahy o příčinách, které vedou lidé, kteří spolu nesouhlasí.",
        ),
    ),
}
_SCHEME = r"""
(voice_{voice})
(set! spoken (utt.synth (Utterance Text "{text}")))
(utt.save.wave spoken "{wav}" 'riff)
(mapcar
  (lambda (token)
    (if (item.daughters token)
      (format t "%s\t%f\n" (item.name token) (item.feat (car (item.daughters token)) "word_start"))))
  (utt.relation.items spoken 'Token))
"""


class Spoken(msgspec.Struct):
    """Speech, and when each whitespace token of its text begins."""

    voice: str
    language: str
    text: str
    starts_s: list[float]
    wav: Path


def main() -> None:
    if sys.argv[1:2] == ["--flite"]:
        print(json.dumps(flite_starts(*sys.argv[2:5])))
        return
    with tempfile.TemporaryDirectory() as name, bench(Path(name)) as place:
        folder = Path(name)
        spoken = [*by_flite(folder), *by_festival(folder)]
        if not spoken:
            sys.exit("neither flite nor festival is installed: there is nothing independent to measure against")
        readings = [reading(place, folder / f"reading-{n}", each) for n, each in enumerate(spoken)]
        print(f"{'':34s} words  median   90 %   95 %    max  within 200 ms")
        for voice in dict.fromkeys(each.voice for each in spoken):
            own = [n for n, each in enumerate(spoken) if each.voice == voice]
            row(voice, measured([spoken[n] for n in own], [readings[n] for n in own]))
        began = time.process_time()
        row("all", measured(spoken, readings))
        processor_s = time.process_time() - began
        duration_s = sum(len(samples) / rate for samples, rate in (sound.read(each.wav) for each in spoken))
        row("all, in noise 20 dB below", measured([changed(each, noisy) for each in spoken], readings))
        row("all, 8 kHz", measured([changed(each, telephoned) for each in spoken], readings))
        row("all, as MP3", measured([changed(each, compressed) for each in spoken], readings))
        row("all, without a reading", measured(spoken, [None] * len(spoken)))
        print(f"{duration_s:.0f} s of speech in {processor_s:.1f} s of processor time: {processor_s / duration_s:.1%}")


def reading(place: Bench, folder: Path, spoken: Spoken) -> Reading | None:
    folder.mkdir()
    return read_aloud(spoken.text, spoken.language, place.context(EspeakVoice()), folder)


def measured(spoken: Sequence[Spoken], readings: Sequence[Reading | None]) -> list[float]:
    """Errors in seconds of all words that the reading gives a time of their own."""
    errors = []
    for each, said in zip(spoken, readings, strict=True):
        words = align(str(each.wav), each.text, said).words
        errors += [
            word.start_s - truth for word, truth in zip(words, each.starts_s, strict=True) if word.end_s > word.start_s
        ]
    return errors


def row(name: str, errors: Sequence[float]) -> None:
    sizes = np.abs(errors) * 1000
    middle, most, nearly, largest = np.percentile(sizes, [50, 90, 95, 100])
    within = np.mean(sizes < 200)
    print(f"{name:34s} {len(sizes):5d} {middle:4.0f} ms {most:6.0f} {nearly:6.0f} {largest:6.0f} {within:14.1%}")


# -- the same speech, made worse ---------------------------------------------------------------


def changed(spoken: Spoken, change: Callable[[sound.Samples, int, Path], tuple[sound.Samples, int]]) -> Spoken:
    samples, rate = sound.read(spoken.wav)
    worse = spoken.wav.with_suffix(f".{change.__name__}.wav")
    sound.write(worse, *change(samples, rate, spoken.wav))
    return msgspec.structs.replace(spoken, wav=worse)


def noisy(samples: sound.Samples, rate: int, _: Path) -> tuple[sound.Samples, int]:
    level = np.sqrt(np.mean(samples**2)) / 10
    noise = np.random.default_rng(0).standard_normal(len(samples)).astype(np.float32)
    return samples + np.float32(level) * noise, rate


def telephoned(samples: sound.Samples, rate: int, _: Path) -> tuple[sound.Samples, int]:
    return sound.resampled(samples, rate, 8_000), 8_000


def compressed(samples: sound.Samples, rate: int, wav: Path) -> tuple[sound.Samples, int]:
    return sound.decode(encoded(samples, wav.with_suffix(".mp3"), rate))


# -- speech with known times -------------------------------------------------------------------


def by_flite(folder: Path) -> Iterator[Spoken]:
    if ctypes.util.find_library("flite") is None:
        print("flite is not installed", file=sys.stderr)
        return
    for voice in FLITE:
        for number, text in enumerate(ENGLISH):
            wav = folder / f"flite-{voice}-{number}.wav"
            command = [sys.executable, __file__, "--flite", voice, text, str(wav)]
            told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            yield from checked(Spoken(f"flite {voice}", "en", text, [start for _, start in told], wav), told)


def flite_starts(voice: str, text: str, wav: str) -> list[tuple[str, float]]:
    """Speak with flite's library; its tokens and when they begin. In a process of its own: it never lets go."""
    libraries = {
        name: ctypes.CDLL(ctypes.util.find_library(name), mode=ctypes.RTLD_GLOBAL)
        for name in ("flite", "flite_usenglish", "flite_cmulex", f"flite_cmu_us_{voice}")
    }
    flite = libraries["flite"]

    def function(name: str, result: type, *arguments: type, of: ctypes.CDLL = flite) -> Callable[..., object]:
        found: Callable[..., object] = getattr(of, name)
        vars(found).update(restype=result, argtypes=arguments)
        return found

    pointer, words = ctypes.c_void_p, ctypes.c_char_p
    flite.flite_init()
    registered = function(f"register_cmu_us_{voice}", pointer, words, of=libraries[f"flite_cmu_us_{voice}"])(None)
    utterance = function("flite_synth_text", pointer, words, pointer)(text.encode(), registered)
    relation = function("utt_relation", pointer, pointer, words)(utterance, b"Token")
    token = function("relation_head", pointer, pointer)(relation)
    following, daughter = (function(name, pointer, pointer) for name in ("item_next", "item_daughter"))
    text_of = function("ffeature_string", words, pointer, words)
    number_of = function("ffeature_float", ctypes.c_float, pointer, words)
    told = []
    while token:
        if word := daughter(token):
            start = number_of(word, b"R:SylStructure.daughter1.daughter1.R:Segment.p.end")
            name = text_of(token, b"name")
            told.append((name.decode() if isinstance(name, bytes) else "", float(str(start))))
        token = following(token)
    wave = function("utt_wave", pointer, pointer)(utterance)
    function("cst_wave_save_riff", ctypes.c_int, pointer, words)(wave, wav.encode())
    return told


def by_festival(folder: Path) -> Iterator[Spoken]:
    if shutil.which("festival") is None:
        print("festival is not installed", file=sys.stderr)
        return
    listed = subprocess.run(["festival", "-b", "(print (voice.list))"], capture_output=True, check=True).stdout.decode()
    for voice, (language, encoding, texts) in FESTIVAL.items():
        if voice not in listed:
            print(f"festival has no voice {voice}", file=sys.stderr)
            continue
        for number, text in enumerate(texts):
            wav, program = folder / f"festival-{voice}-{number}.wav", folder / "program.scm"
            program.write_bytes(_SCHEME.format(voice=voice, text=text, wav=wav).encode(encoding))
            out = subprocess.run(["festival", "-b", str(program)], capture_output=True, check=True).stdout
            rows = [line.split("\t") for line in out.decode(encoding).splitlines() if line.count("\t") == 1]
            told = [(token, float(start)) for token, start in rows if token not in ".,;:!?"]
            yield from checked(Spoken(f"festival {voice}", language, text, [start for _, start in told], wav), told)


def checked(spoken: Spoken, told: Sequence[tuple[str, float]]) -> Iterator[Spoken]:
    """Only what has a time for every token, in one mono 16-bit file."""
    if len(told) != len(spoken.text.split()):
        print(f"{spoken.voice} tells other tokens of: {spoken.text}", file=sys.stderr)
        return
    samples, rate = sound.decode(spoken.wav)
    sound.write(spoken.wav, samples, rate)
    yield spoken


if __name__ == "__main__":
    main()
