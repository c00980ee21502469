"""A secret is a value that cannot print itself."""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """Holds a key or token. Only `reveal()` gives it back, so every use of it can be found by that word."""

    __slots__ = ("__value", "name")

    def __init__(self, name: str, value: str) -> None:
        self.name = name
        self.__value = value

    def reveal(self) -> str:
        """The value itself: for the header or call that needs it, and nowhere else."""
        return self.__value

    def __repr__(self) -> str:
        return f"Secret({self.name!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"secret {self.name!r} must not be pickled")
