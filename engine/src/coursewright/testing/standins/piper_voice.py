"""A tiny voice for Piper: a real ONNX model of 5 kB that hums each phoneme, and its configuration.

Its graph has the inputs and outputs of a Piper voice (VITS exported to ONNX): `input` (int64 [1, phonemes]),
`input_lengths`, `scales` (noise, length, noise of the rhythm), `sid` for several speakers; `output` (float
[1, 1, samples]) and, when asked for, the frames of each phoneme as Piper's patched voices tell them.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path

RATE_HZ, HOP = 22_050, 256
_FRAMES = {"vowel": 8.0, "other": 5.0, "mark": 0.0, "pause": 10.0, "end": 12.0, "pad": 1.0, "space": 1.0}
_VOWELS = "aeiouyæøœɐɑɒɔəɘɚɛɜɝɞɤɨɪʉʊʌʏ"
_PHONEMES = (
    "_^$ !'(),-.:;?abcdefhijklmnopqrstuvwxyz"
    "æçðøħŋœǀǁǂǃɐɑɒɓɔɕɖɗɘəɚɛɜɞɟɠɡɢɣɤɥɦɧɨɪɫɬɭɮɯɰɱɲɳɴɵɶɸɹɺɻɽɾʀʁʂʃʄʈʉʊʋʌʍʎʏʐʑʒʔʕʘʙʛʜʝ"
    "ʟʡʢʲˈˌːˑ˞βθχᵻⱱ0123456789̧̪̯̩̃ʰˤεgʦX↓#"
)

_FLOAT, _INT64 = 1, 7
"""ONNX's numbers for element types; the field numbers below are those of its onnx.proto."""


def make_voice(
    folder: Path,
    name: str = "en_US-hum-low",
    *,
    language: str = "en_US",
    espeak_voice: str = "en-us",
    alignments: bool = False,
    speakers: Sequence[str] = (),
    quality: str = "low",
    noise: float = 0.02,
) -> Path:
    """Write `name.onnx` and `name.onnx.json` into the folder; the path of the model."""
    folder.mkdir(parents=True, exist_ok=True)
    model = folder / f"{name}.onnx"
    model.write_bytes(_model(alignments=alignments, speakers=len(speakers), noise=noise))
    config = {
        "audio": {"sample_rate": RATE_HZ, "quality": quality},
        "espeak": {"voice": espeak_voice},
        "language": {"code": language},
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
        "phoneme_type": "espeak",
        "phoneme_id_map": {phoneme: [number] for number, phoneme in enumerate(_PHONEMES)},
        "num_symbols": len(_PHONEMES),
        "num_speakers": max(1, len(speakers)),
        "speaker_id_map": {speaker: number for number, speaker in enumerate(speakers)},
        "hop_length": HOP,
    }
    model.with_name(model.name + ".json").write_text(json.dumps(config), "utf-8")
    return model


def _kind(phoneme: str) -> str:
    special = {"_": "pad", "^": "pad", "$": "end", " ": "space"}
    if phoneme in special:
        return special[phoneme]
    if phoneme in "!(),-.:;?'":
        return "pause"
    if phoneme in _VOWELS:
        return "vowel"
    return "other" if phoneme.isalpha() and phoneme not in "ˈˌːˑʲʰˤ" else "mark"


def _model(*, alignments: bool, speakers: int, noise: float) -> bytes:
    kinds = [_kind(phoneme) for phoneme in _PHONEMES]
    pitch = [110.0 * 2 ** (number % 24 / 12) for number in range(len(kinds))]
    loud = [0.5 if kind == "vowel" else 0.25 if kind == "other" else 0.0 for kind in kinds]
    constants = [
        _floats("frames_of", [_FRAMES[kind] for kind in kinds], [len(kinds)]),
        _floats("pitch_of", pitch, [len(kinds)]),
        _floats("loud_of", loud, [len(kinds)]),
        _floats("turn", [6.283185307 / RATE_HZ], [1]),
        _floats("noise_level", [noise], [1]),
        _floats("scalar_zero", [0.0], []),
        _floats("scalar_one", [1.0], []),
        _floats("hop", [float(HOP)], []),
        _longs("one_index", [1], [1]),
        _longs("zero_index", [0], [1]),
        _longs("row", [-1, 1], [2]),
        _longs("shape", [1, 1, -1], [3]),
        _longs("flat", [-1], [1]),
    ]
    nodes = [
        # How long each phoneme lasts, in frames: whole ones, longer with the scale.
        _node("Reshape", ["input", "flat"], ["ids"]),
        _node("Slice", ["scales", "one_index", "two_index"], ["length_scale"]),
        _node("Slice", ["scales", "zero_index", "one_index"], ["noise_scale"]),
        _node("Gather", ["frames_of", "ids"], ["usual"]),
        _node("Mul", ["usual", "length_scale"], ["wanted"]),
        _node("Ceil", ["wanted"], ["frames"]),
        # Which phoneme each sample belongs to: as many as have ended before it.
        _node("CumSum", ["frames", "first_axis"], ["ends"]),
        _node("ReduceMax", ["ends"], ["all_frames"], keepdims=0),
        _node("Mul", ["all_frames", "hop"], ["count"]),
        _node("Range", ["scalar_zero", "count", "scalar_one"], ["samples"]),
        _node("Div", ["samples", "hop"], ["at"]),
        _node("Reshape", ["ends", "row"], ["ends_column"]),
        _node("LessOrEqual", ["ends_column", "at"], ["over"]),
        _node("Cast", ["over"], ["over_long"], to=_INT64),
        _node("ReduceSum", ["over_long", "zero_index"], ["phoneme_at"], keepdims=0),
        _node("Gather", ["ids", "phoneme_at"], ["id_at"]),
        # A tone for each, and noise.
        _node("Gather", ["pitch_of", "id_at"], ["pitch"]),
        _node("Gather", ["loud_of", "id_at"], ["loud"]),
        _node("Mul", ["samples", "pitch"], ["phase"]),
        _node("Mul", ["phase", "turn"], ["angle"]),
        _node("Sin", ["angle"], ["tone"]),
        _node("Mul", ["tone", "loud"], ["voiced"]),
        _node("RandomNormalLike", ["voiced"], ["normal"]),
        _node("Mul", ["normal", "noise_scale"], ["scaled"]),
        _node("Mul", ["scaled", "noise_level"], ["quiet"]),
        _node("Mul", ["quiet", "loud"], ["breath"]),
        _node("Add", ["voiced", "breath"], ["sound"]),
        _node("Reshape", ["sound", "shape"], ["output"]),
    ]
    constants += [_longs("two_index", [2], [1]), _longs("first_axis", [0], [])]
    inputs = [
        _value("input", _INT64, [1, "phonemes"]),
        _value("input_lengths", _INT64, [1]),
        _value("scales", _FLOAT, [3]),
    ]
    if speakers > 1:
        # Each speaker an octave apart.
        inputs.append(_value("sid", _INT64, [1]))
        constants.append(_floats("octave", [2.0], []))
        nodes.insert(-12, _node("Cast", ["sid"], ["speaker"], to=_FLOAT))
        nodes.insert(-12, _node("Pow", ["octave", "speaker"], ["times"]))
        index = next(n for n, node in enumerate(nodes) if b"phase" in node)
        nodes[index : index + 1] = [
            _node("Mul", ["pitch", "times"], ["own_pitch"]),
            _node("Mul", ["samples", "own_pitch"], ["phase"]),
        ]
    outputs = [_value("output", _FLOAT, [1, 1, "samples"])]
    if alignments:
        nodes.append(_node("Reshape", ["frames", "shape"], ["durations"]))
        outputs.append(_value("durations", _FLOAT, [1, 1, "phonemes"]))
    graph = b"".join(
        [
            *(_field(1, node) for node in nodes),
            _field(2, b"hum"),
            *(_field(5, constant) for constant in constants),
            *(_field(11, value) for value in inputs),
            *(_field(12, value) for value in outputs),
        ]
    )
    opset = _field(1, b"") + _number(2, 17)
    return _number(1, 8) + _field(7, graph) + _field(8, opset)


def _varint(value: int) -> bytes:
    value &= 2**64 - 1
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _node(kind: str, inputs: Sequence[str], outputs: Sequence[str], **whole: int) -> bytes:
    attributes = [_field(1, name.encode()) + _number(3, value) + _number(20, 2) for name, value in whole.items()]
    return b"".join(
        [
            *(_field(1, name.encode()) for name in inputs),
            *(_field(2, name.encode()) for name in outputs),
            _field(4, kind.encode()),
            *(_field(5, attribute) for attribute in attributes),
        ]
    )


def _floats(name: str, values: Sequence[float], shape: Sequence[int]) -> bytes:
    return _tensor(name, _FLOAT, struct.pack(f"<{len(values)}f", *values), shape)


def _longs(name: str, values: Sequence[int], shape: Sequence[int]) -> bytes:
    return _tensor(name, _INT64, struct.pack(f"<{len(values)}q", *values), shape)


def _tensor(name: str, kind: int, data: bytes, shape: Sequence[int]) -> bytes:
    dimensions = b"".join(_number(1, size) for size in shape)
    return dimensions + _number(2, kind) + _field(8, name.encode()) + _field(9, data)


def _value(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    sizes = [_number(1, size) if isinstance(size, int) else _field(2, size.encode()) for size in shape]
    tensor = _number(1, kind) + _field(2, b"".join(_field(1, size) for size in sizes))
    return _field(1, name.encode()) + _field(2, _field(1, tensor))
