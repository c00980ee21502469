"""What can go wrong, drawn once.

CoursewrightError               every error meant for a person: a sentence and the next action
├── CompileFailed               the pipeline file is wrong: `.problems`               (exit 2)
├── InputError                  what a run was given is wrong: `.field`               (exit 2)
├── StoreError                  the artifact store could not read or write            (exit 1)
│   └── ArtifactDamaged         bytes are missing or differ from their digest: `.digest`
├── RunFailed                   a required step failed: `.failures`                   (exit 1)
├── RunCancelled                somebody asked for it                                 (exit 130)
└── ProviderError               a provider could not serve one request                (exit 1)
    ├── Unavailable             not reachable or not installed here → next provider
    │   └── Unsuited            there, but not for this request → next provider, at once
    ├── Busy                    the same request may work later: `.retry_after_s`
    ├── QuotaExceeded           the account's allowance is used up → next provider
    ├── AuthFailed              the key is missing or wrong → next provider
    ├── BadInput                the request cannot be served by anybody: `.field`; never retried
    ├── TimedOut                the deadline passed → next provider
    ├── Cancelled               the run was cancelled while the provider worked
    └── ProviderBug             anything else a provider raised or returned
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from coursewright.document.problems import Problem
    from coursewright.run.report import StepFailure


class CoursewrightError(Exception):
    """The root of the family.

    `message` says what was found and what was wanted; `remedy` is the one thing to do next.
    """

    exit_code: int = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.remedy}" if self.remedy else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors cross from worker processes; pickle's own way would call the class without its keywords.
        return _revived, (type(self), self.args, self.__dict__)


def _revived(kind: type[CoursewrightError], args: tuple[Any, ...], state: dict[str, Any]) -> CoursewrightError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class CompileFailed(CoursewrightError):
    """A pipeline has at least one problem of severity `error`; `problems` holds all, in file order."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class InputError(CoursewrightError):
    """A value given for a run (an input, an option of the command, a file) cannot be used."""

    exit_code = 2

    def __init__(self, message: str, *, field: str = "", remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.field = field


class StoreError(CoursewrightError):
    """The artifact store cannot be reached, read or written."""


class ArtifactDamaged(StoreError):
    """The bytes under `digest` are missing, or no longer have that SHA-256."""

    def __init__(self, message: str, *, digest: str, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.digest = digest


class RunFailed(CoursewrightError):
    """At least one required step failed; `failures` has one entry per failed task, in plan order."""

    def __init__(self, message: str, failures: Sequence[StepFailure], *, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.failures = tuple(failures)


class RunCancelled(CoursewrightError):
    """The run was cancelled; finished steps stay reusable."""

    exit_code = 130


class ProviderError(CoursewrightError):
    """One request to one provider failed.

    `message` is a sentence a teacher can act on, `detail` the provider's or service's own words.
    """

    falls_back: ClassVar[bool] = False
    """May the next provider in the step's order be asked instead?"""
    retries: ClassVar[bool] = False
    """May the same provider be asked again with the same request?"""

    def __init__(self, message: str, *, remedy: str = "", detail: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.detail = detail


class Unavailable(ProviderError):
    """The provider cannot work here and now: no network, not configured, a missing library."""

    falls_back = True
    retries = True


class Unsuited(Unavailable):
    """The provider is there and cannot serve this request: a language it does not speak, a text too long for it.
    Asking it again would change nothing; another may serve."""

    retries = False


class Busy(ProviderError):
    """The service is overloaded; asking again after `retry_after_s` seconds may work."""

    falls_back = True
    retries = True

    def __init__(self, message: str, *, retry_after_s: float | None = None, remedy: str = "", detail: str = "") -> None:
        super().__init__(message, remedy=remedy, detail=detail)
        self.retry_after_s = retry_after_s


class QuotaExceeded(ProviderError):
    """The allowance of the account is used up."""

    falls_back = True


class AuthFailed(ProviderError):
    """The service refused the key, or none is set."""

    falls_back = True


class BadInput(ProviderError):
    """The request itself is at fault; `field` names the field of the request."""

    exit_code = 2

    def __init__(self, message: str, *, field: str, remedy: str = "", detail: str = "") -> None:
        super().__init__(message, remedy=remedy, detail=detail)
        self.field = field


class TimedOut(ProviderError):
    """The step's deadline passed before the provider answered."""

    falls_back = True
    retries = True


class Cancelled(ProviderError):
    """The provider noticed `context.cancelled` and stopped."""

    exit_code = 130


class ProviderBug(ProviderError):
    """The provider raised something outside this family, or returned a value of the wrong type."""
