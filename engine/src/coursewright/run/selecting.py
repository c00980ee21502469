"""Part of a plan: `--from`, `--until`, `--only` and `--supply`, turned into a Selection."""

from __future__ import annotations

import wave
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from coursewright.capabilities import result_type
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.document import DocumentText
from coursewright.capabilities.slides import Slide
from coursewright.capabilities.tts import Speech
from coursewright.document.problems import did_you_mean
from coursewright.errors import InputError
from coursewright.plan import Plan, Step
from coursewright.run.inputs import read_file
from coursewright.run.outcomes import Selection
from coursewright.store.contract import Store


def select(
    plan: Plan,
    *,
    from_step: str | None,
    until_step: str | None,
    only_item: str | None,
    supplied: Mapping[str, Path],
    store: Store,
) -> Selection:
    """The selection these options mean. Raises InputError naming the option and the known steps."""
    steps = {step.name: step for step in plan.steps}
    given = {name: _known(name.partition("[")[0], steps, "--supply") for name in supplied}
    whole = {name for label, name in given.items() if label == name}
    wanted = ancestors(plan, _known(until_step, steps, "--until"), whole) if until_step else None
    forced = _dependents(plan, _known(from_step, steps, "--from")) if from_step else frozenset()
    if only_item is not None and not any(step.for_each is not None for step in plan.steps):
        raise InputError("--only: no step of this pipeline has items", field="--only", remedy="leave it out")
    return Selection(
        steps=wanted,
        until=until_step,
        force=forced,
        item=only_item,
        supplied={label: _supplied(label, path, steps, store) for label, path in supplied.items()},
    )


def _known(name: str, steps: Mapping[str, Step], option: str) -> str:
    if name in steps:
        return name
    remedy = did_you_mean(name, steps, what="its steps")
    raise InputError(f"{option}: the pipeline has no step '{name}'", field=option, remedy=remedy)


def ancestors(plan: Plan, name: str, supplied: Collection[str] = ()) -> frozenset[str]:
    """A step and all that it needs, but for what only results that are supplied would need."""
    found = {name}
    for step in reversed(plan.steps):
        if step.name in found and step.name not in supplied:
            found |= {*step.reads, *step.needs}
    return frozenset(found)


def _dependents(plan: Plan, name: str) -> frozenset[str]:
    found = {name}
    for step in plan.steps:
        if found & {*step.reads, *step.needs}:
            found.add(step.name)
    return frozenset(found)


def _supplied(label: str, path: Path, steps: Mapping[str, Step], store: Store) -> Any:
    """The result that a file stands for: JSON of the result itself, or the file a result is mostly made of."""
    name, _, item = label.removesuffix("]").partition("[")
    step = steps[_known(name, steps, "--supply")]
    if (step.for_each is not None) != bool(item):
        wanted = f"{name}[ITEM]=FILE, one item at a time" if step.for_each is not None else f"{name}=FILE"
        raise InputError(f"--supply: '{label}' does not fit step '{name}'", field="--supply", remedy=f"write {wanted}")
    wanted_type = result_type(step.capability, step.returns)
    artifact = read_file(path, store, label=f"--supply {label}")
    if wanted_type is DocumentText and artifact.media_type.startswith("text/"):
        return DocumentText(markdown=_text(path, label))
    if wanted_type is Speech and artifact.media_type in ("audio/x-wav", "audio/wav"):
        return _speech(path, artifact, label)
    if wanted_type is Slide and artifact.media_type == "image/png":
        width_px, height_px = _png_size(path)
        return Slide(image=artifact, width_px=width_px, height_px=height_px)
    try:
        return msgspec.json.decode(path.read_bytes(), type=wanted_type)
    except msgspec.DecodeError as error:
        raise InputError(
            f"--supply {label}: {path} is not a {wanted_type.__name__}: {error}",
            field="--supply",
            remedy=f"give {_accepted(wanted_type)}",
        ) from None


def _accepted(wanted: type[msgspec.Struct]) -> str:
    kinds: dict[type[msgspec.Struct], str] = {
        DocumentText: "a Markdown or text file",
        Speech: "a WAV recording",
        Slide: "a PNG picture",
    }
    return kinds.get(wanted, f"JSON of {wanted.__name__}, as an earlier run's result shows it")


def _text(path: Path, label: str) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"--supply {label}: {path} is not UTF-8 text", field="--supply") from None


def _speech(path: Path, artifact: Artifact, label: str) -> Speech:
    try:
        with wave.open(str(path)) as recording:
            duration_s = recording.getnframes() / recording.getframerate()
    except (wave.Error, EOFError, ZeroDivisionError) as error:
        raise InputError(f"--supply {label}: {path} is not a plain WAV file: {error}", field="--supply") from None
    return Speech(audio=artifact, duration_s=duration_s, text="")


def _png_size(path: Path) -> tuple[int, int]:
    """Width and height from the IHDR chunk, which the PNG specification puts first."""
    with path.open("rb") as file:
        head = file.read(24)
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def labels(items: Iterable[str]) -> dict[str, Path]:
    """`STEP=FILE` or `STEP[ITEM]=FILE` options as a mapping. Raises InputError."""
    found: dict[str, Path] = {}
    for item in items:
        label, separator, path = item.partition("=")
        if not (label and separator and path):
            raise InputError(f"--supply: '{item}' has no file", field="--supply", remedy="write --supply STEP=FILE")
        found[label] = Path(path)
    return found
