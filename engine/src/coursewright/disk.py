"""What a disk refused, said so that a person can act on it."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from coursewright.errors import CoursewrightError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_NOT_A_FOLDER = {errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ELOOP}


@contextlib.contextmanager
def explained(what: str, *, elsewhere: str, kind: type[CoursewrightError] = CoursewrightError) -> Iterator[None]:
    """Raise `kind` for any OSError of the body. `what` names the folder in use, `elsewhere` how to choose another."""
    try:
        yield
    except OSError as error:
        message, remedy = _sentences(error, what, elsewhere)
        raise kind(message, remedy=remedy) from error


def _sentences(error: OSError, what: str, elsewhere: str) -> tuple[str, str]:
    reason = error.strerror or str(error)
    if error.errno in FULL:
        return f"the disk with {what} is full", f"free space on it, run `coursewright store gc`, or {elsewhere}"
    if error.errno in _FORBIDDEN:
        return (
            f"{what} may not be written or read: {reason}",
            f"give this user write permission to that folder, or {elsewhere}",
        )
    if error.errno in _NOT_A_FOLDER:
        return f"{what} is not a folder that can be used: {reason}", f"move away the file in its place, or {elsewhere}"
    return f"{what} failed: {error}", f"check that disk, or {elsewhere}"
