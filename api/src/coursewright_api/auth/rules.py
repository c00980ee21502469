"""What an e-mail address, a user name and a password must be, each rule with its reason."""

from __future__ import annotations

import re
import unicodedata

from coursewright_api.fields import FieldError

MIN_PASSWORD = 10
"""Characters. NIST SP 800-63B asks for 8 at least; each further one is worth more than a rule on digits."""
MAX_PASSWORD = 256
"""Characters: long enough for any phrase, short enough that hashing stays cheap."""
_MIN_DIFFERENT = 5

_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_](?:[\w-]{0,61}[^\W_])?")
_USERNAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{1,30})[A-Za-z0-9]")
_COMMON = frozenset(
    {
        *("password", "passwort", "contrasena", "motdepasse", "letmein", "welcome", "willkommen", "bienvenue"),
        *("iloveyou", "changeme", "default", "administrator", "superman", "starwars", "football", "baseball"),
        *("basketball", "princess", "sunshine", "whatever", "trustno", "computer", "internet", "teacher", "student"),
        *("1q2w3e4r5t", "1qaz2wsx3edc", "q1w2e3r4t5", "coursewright"),
    }
)
"""Also with digits or marks around them."""
_RUNS = (
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
)


def email_key(email: str) -> str:
    """The form in which an address is kept and compared."""
    return unicodedata.normalize("NFKC", email).strip().lower()


def username_key(username: str) -> str:
    """The form in which user names are compared."""
    return username.strip().lower()


def email_errors(email: str, field: str = "email") -> list[FieldError]:
    """Why that cannot be an address to write to."""
    key = email_key(email)
    if len(key) <= 254 and _EMAIL.fullmatch(key) and ".." not in key.partition("@")[0]:
        return []
    return [_error(field, "email", f"is no e-mail address such as name@example.org: '{email[:80]}'")]


def username_errors(username: str) -> list[FieldError]:
    """Why that cannot be a user name."""
    if _USERNAME.fullmatch(username):
        return []
    return [
        _error(
            "username",
            "username",
            "takes 3 to 32 letters (a–z), digits, dots, hyphens and underscores, with a letter or digit at both ends",
        )
    ]


def password_errors(password: str, *, about: tuple[str, ...] = (), field: str = "password") -> list[FieldError]:
    """Every rule that a password breaks. `about` are words that others know of the person."""
    found = []
    if len(password) < MIN_PASSWORD:
        found.append(
            _error(field, "too_short", f"has {len(password)} characters; shorter than {MIN_PASSWORD} can be guessed")
        )
    if len(password) > MAX_PASSWORD:
        found.append(_error(field, "too_long", f"is longer than {MAX_PASSWORD} characters"))
    if len(set(password)) < _MIN_DIFFERENT:
        found.append(_error(field, "too_uniform", f"has fewer than {_MIN_DIFFERENT} different characters"))
    plain = password.lower()
    bare = re.sub(r"[^a-z]+$|^[^a-z]+", "", plain)
    if plain in _COMMON or bare in _COMMON or any(plain in run or plain in run[::-1] for run in _RUNS):
        found.append(_error(field, "common", "is among the first that anybody would try"))
    words = {part for word in about for part in (word.lower(), word.lower().partition("@")[0]) if len(part) >= 4}
    if any(word in plain and len(plain) - len(word) < MIN_PASSWORD - 2 for word in words):
        found.append(_error(field, "personal", "is little more than your name or address, which others know"))
    return found


def _error(field: str, code: str, message: str) -> FieldError:
    return FieldError(pointer=f"/{field}", code=code, message=message)
