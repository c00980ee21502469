"""What each filter of the language takes and gives; what it does stands in `coursewright.sandbox`."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from coursewright.compile.types import ANY, INTEGER, NUMBER, TEXT, Type, common, maybe, present


class Signature(msgspec.Struct, frozen=True):
    """`takes` are the kinds it works on, none for anything, also what is missing; then numbers of arguments."""

    takes: tuple[str, ...]
    least: int
    most: int
    result: Callable[[Type, list[Type]], Type]


_TEXTS = ("text", "language", "choice")
_NUMBERS = ("integer", "number")


def _text(given: Type, arguments: list[Type]) -> Type:
    return TEXT


def _item(given: Type, arguments: list[Type]) -> Type:
    return maybe(given.item or ANY)


def _or_default(given: Type, arguments: list[Type]) -> Type:
    return common(present(given), arguments[0])


def _rounded(given: Type, arguments: list[Type]) -> Type:
    return NUMBER if arguments else INTEGER


FILTER_TYPES: dict[str, Signature] = {
    "abs": Signature(_NUMBERS, 0, 0, lambda given, arguments: given),
    "capitalize": Signature(_TEXTS, 0, 0, _text),
    "default": Signature((), 1, 1, _or_default),
    "first": Signature(("list",), 0, 0, _item),
    "float": Signature((*_TEXTS, *_NUMBERS), 0, 0, lambda given, arguments: NUMBER),
    "int": Signature((*_TEXTS, *_NUMBERS), 0, 0, lambda given, arguments: INTEGER),
    "join": Signature(("list",), 0, 1, _text),
    "last": Signature(("list",), 0, 0, _item),
    "length": Signature((*_TEXTS, "list", "mapping"), 0, 0, lambda given, arguments: INTEGER),
    "lower": Signature(_TEXTS, 0, 0, _text),
    "replace": Signature(_TEXTS, 2, 2, _text),
    "round": Signature(_NUMBERS, 0, 1, _rounded),
    "string": Signature((*_TEXTS, *_NUMBERS, "boolean"), 0, 0, _text),
    "title": Signature(_TEXTS, 0, 0, _text),
    "tojson": Signature((), 0, 0, _text),
    "trim": Signature(_TEXTS, 0, 0, _text),
    "upper": Signature(_TEXTS, 0, 0, _text),
}
