"""What a person gives a run: text from a command line or form, and files, checked against the plan's inputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coursewright.capabilities.artifacts import Artifact
from coursewright.document.problems import did_you_mean
from coursewright.errors import InputError
from coursewright.plan import FILE_TYPES, InputSpec, Plan
from coursewright.run.media import media_type_of
from coursewright.run.references import artifact_of
from coursewright.store.contract import Store

MAX_FILE_BYTES = 4 << 30
"""Longer than any recording a lesson needs; providers set tighter limits of their own."""

_KINDS = {"image": "a picture", "audio": "a sound recording", "video": "a video", "text": "a text"}
_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


def read_inputs(plan: Plan, given: Mapping[str, str], store: Store, *, root: Path | None = None) -> dict[str, Any]:
    """A value for every input of the plan; files are put into the store. Missing optional ones are None.

    With `root`, what is given comes from elsewhere than this machine's own command line: paths are taken from that
    folder and may not leave it, and a leading @ means nothing. Raises InputError that tells of every input at fault.
    """
    specs = {spec.name: spec for spec in plan.inputs}
    wrong = [_unknown(name, specs) for name in given if name not in specs]
    values: dict[str, Any] = {}
    for spec in plan.inputs:
        try:
            values[spec.name] = _value(spec, given.get(spec.name), store, root)
        except InputError as error:
            wrong.append(error)
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        told = "".join(f"\n       {error.message}" + (f" → {error.remedy}" if error.remedy else "") for error in wrong)
        raise InputError(f"{len(wrong)} inputs are wrong or missing:{told}", field=wrong[0].field)
    return values


def read_file(path: Path, store: Store, *, label: str) -> Artifact:
    """Put a person's file into the store, with the media type its bytes say. Raises InputError."""
    try:
        if path.is_dir():
            raise InputError(f"{label}: {path} is a folder, wanted is a file", field=label, remedy="give one file")
        size_bytes = path.stat().st_size
        if size_bytes == 0:
            raise InputError(f"{label}: {path} is empty", field=label, remedy="give a file with something in it")
        if size_bytes > MAX_FILE_BYTES:
            raise InputError(
                f"{label}: {path} is larger than {MAX_FILE_BYTES >> 30} GB", field=label, remedy="give a shorter one"
            )
        with path.open("rb") as file:
            media_type = media_type_of(file.read(8192), path.name)
    except FileNotFoundError:
        raise InputError(f"{label}: there is no file {path}", field=label, remedy="check the path") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{label}: {path} cannot be read: {reason}", field=label, remedy="give a file that you may read"
        ) from None
    return store.put_file(path, name=_unicode(path.name), media_type=media_type)


def _unicode(text: str) -> str:
    """Text of a command line, or a file's name, whose bytes may be no UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _unknown(name: str, specs: Mapping[str, InputSpec]) -> InputError:
    remedy = did_you_mean(name, specs, what="its inputs") or "leave it out"
    return InputError(f"the pipeline has no input '{name}'", field=name, remedy=remedy)


def _value(spec: InputSpec, text: str | None, store: Store, root: Path | None) -> Any:
    if text is None or (not text and spec.type in FILE_TYPES):
        if spec.default is not None or not spec.required:
            return spec.default
        kind = "FILE" if spec.type in FILE_TYPES else spec.type
        raise InputError(
            f"the input '{spec.name}' is missing" + (f" ({spec.title})" if spec.title else ""),
            field=spec.name,
            remedy=f"add -i {spec.name}={kind}",
        )
    if spec.type in FILE_TYPES:
        return _file(spec, text, store, root)
    if spec.type in ("integer", "number"):
        return _number(spec, text)
    if spec.type == "boolean":
        return _boolean(spec, text)
    if spec.type == "choice" and text not in spec.choices:
        raise InputError(
            f"{spec.name}: '{text}' is not a choice", field=spec.name, remedy=f"choose {' or '.join(spec.choices)}"
        )
    if spec.type == "language":
        return _language(spec, text)
    return text if root is not None else _text(spec, text)


def _text(spec: InputSpec, text: str) -> str:
    """The text itself, or with a leading @ the content of a text file."""
    if not text.startswith("@"):
        return _unicode(text)
    path = Path(text[1:])
    try:
        return path.read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{spec.name}: {path} cannot be read as text: {reason}", field=spec.name) from None


def _file(spec: InputSpec, text: str, store: Store, root: Path | None) -> Artifact:
    artifact = artifact_of(text)
    if artifact is None:
        path = Path(text).expanduser() if root is None else _below(root, text, spec.name)
        artifact = read_file(path, store, label=spec.name)
    elif not store.verify(artifact):
        raise InputError(f"{spec.name}: {artifact.name} is not in the store", field=spec.name, remedy="give the file")
    kind = artifact.media_type.split("/")[0]
    fits = {
        "image": kind == "image",
        "audio": kind in ("audio", "video"),  # recordings of browsers are WebM, which begins like a video
        "video": kind == "video",
        "document": kind not in ("image", "audio", "video"),
        "file": True,
    }[spec.type]
    if not fits:
        found = f"{_KINDS.get(kind, 'a file')} ({artifact.media_type})"
        wanted = f"{'an' if spec.type[0] in 'aeiou' else 'a'} {spec.type}"
        raise InputError(
            f"{spec.name}: {text} is {found}, wanted is {wanted}", field=spec.name, remedy=f"give {wanted} file"
        )
    return artifact


def _below(root: Path, text: str, field: str) -> Path:
    path = (root / text).resolve()
    if not path.is_relative_to(root.resolve()):
        raise InputError(
            f"{field}: {text} is not in the folder of inputs", field=field, remedy=f"put the file into {root}"
        )
    return path


def _number(spec: InputSpec, text: str) -> int | float:
    try:
        value = int(text) if spec.type == "integer" else float(text)
    except ValueError:
        raise InputError(
            f"{spec.name}: '{text}' is not {_kind(spec)}", field=spec.name, remedy=f"write {spec.name}=5"
        ) from None
    low, high = spec.minimum, spec.maximum
    if value != value or (low is not None and value < low) or (high is not None and value > high):
        limits = " and ".join(
            [*([f"at least {low:g}"] if low is not None else []), *([f"at most {high:g}"] if high is not None else [])]
        )
        raise InputError(f"{spec.name}: {text} is out of range, wanted is {limits}", field=spec.name)
    return value


def _kind(spec: InputSpec) -> str:
    return "a whole number" if spec.type == "integer" else "a number"


def _boolean(spec: InputSpec, text: str) -> bool:
    if (word := text.lower()) in _TRUE | _FALSE:
        return word in _TRUE
    raise InputError(
        f"{spec.name}: '{text}' is neither true nor false", field=spec.name, remedy=f"write {spec.name}=true"
    )


def _language(spec: InputSpec, text: str) -> str:
    import msgspec

    from coursewright.capabilities.artifacts import Language

    try:
        return msgspec.convert(text, Language)
    except msgspec.ValidationError:
        raise InputError(
            f"{spec.name}: '{text}' is not a language tag", field=spec.name, remedy="write en, de, pt-BR or zh-Hant"
        ) from None
