"""Settings: one struct, and one function that reads the environment and the settings file."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import platformdirs
from msgspec import Meta

from coursewright.errors import AuthFailed, InputError
from coursewright.secrets import Secret


class S3(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An S3-compatible store. The keys are the secrets `S3_ACCESS_KEY` and `S3_SECRET_KEY`."""

    endpoint: str
    bucket: str
    prefix: str = ""
    region: str = "us-east-1"
    secure: bool = True


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much a provider may be asked for, by all runs and workers of one Prefect server together."""

    at_once: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    """Requests at once; also lowers or raises what the provider itself takes as its limit in one run."""
    per_minute: Annotated[float, Meta(gt=0)] | None = None
    """Requests begun in a minute."""


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one `unit` of a provider costs: a character, a second."""

    per_unit: Annotated[float, Meta(ge=0)]
    currency: str = "USD"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator may set. Folders are created when first used."""

    data_dir: Path
    """Runs, the local store and Prefect's database."""
    store_dir: Path | None = None
    """The local store, when it is not `data_dir/store`."""
    s3: S3 | None = None
    """Keep artifacts in an S3-compatible server instead of the local folder."""
    providers: dict[str, str] = {}
    """Preferred provider by capability, for pipelines that name none: {tts: espeak}."""
    services: dict[str, dict[str, Any]] = {}
    """Where remote providers find their service, by provider id: {tts.openai: {url: http://127.0.0.1:8880/v1}}."""
    limits: dict[str, Limit] = {}
    """By provider id."""
    prices: dict[str, Price] = {}
    """By provider id."""
    server: dict[str, Any] = {}
    """What the service takes: address, database, accounts. `coursewright_api.settings` says which fields."""
    workers: Annotated[int, Meta(ge=1, le=1024)] = max(1, os.cpu_count() or 1)
    """Worker processes, and blocking requests at once, in one run."""
    prefect_api_url: str = ""
    """An existing Prefect server. Empty: an embedded one is started when a run needs it."""
    prefect_idle_s: Annotated[float, Meta(ge=0)] = 600.0
    """The embedded Prefect server stops after so many seconds without a run."""
    secrets: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Settings(data_dir={str(self.data_dir)!r})"

    @property
    def local_store(self) -> Path:
        """The folder of the local store."""
        return self.store_dir or self.data_dir / "store"

    def secret(self, name: str) -> Secret:
        """The secret of that name. Raises `AuthFailed` when it is not set."""
        if value := self.secrets.get(name):
            return Secret(name, value)
        raise AuthFailed(
            f"the secret {name} is not set",
            remedy=f"set COURSEWRIGHT_SECRET_{name}, or {name} under [secrets] in the settings file",
        )


PREFIX = "COURSEWRIGHT_"
_SECRET = PREFIX + "SECRET_"
_SERVICE = PREFIX + "SERVICE_"
_SERVER = PREFIX + "SERVER_"
_PLAIN = {"data_dir", "store_dir", "workers", "prefect_api_url", "prefect_idle_s"}


def settings_file(env: Mapping[str, str]) -> Path:
    """The TOML file that is read, whether or not it exists."""
    named = env.get(PREFIX + "SETTINGS")
    return Path(named) if named else Path(platformdirs.user_config_dir("coursewright")) / "settings.toml"


def settings_from(env: Mapping[str, str]) -> Settings:
    """Settings from `COURSEWRIGHT_*` variables over the TOML file that `COURSEWRIGHT_SETTINGS` names.

    Without that variable the file is `settings.toml` in the user's configuration folder, if there is one.
    Raises InputError naming the file and field at fault.
    """
    path = settings_file(env)
    values = _read(path, must_exist=bool(env.get(PREFIX + "SETTINGS")))
    values.setdefault("data_dir", platformdirs.user_data_dir("coursewright"))
    secrets = values.setdefault("secrets", {})
    services = values.setdefault("services", {})
    server = values.setdefault("server", {})
    for name, value in env.items():
        if name.startswith(_SECRET) and isinstance(secrets, dict):
            secrets[name.removeprefix(_SECRET)] = value
        elif name.startswith(_SERVICE) and isinstance(services, dict):
            _set_service(services, name, value)
        elif name.startswith(_SERVER) and isinstance(server, dict):
            server[name.removeprefix(_SERVER).lower()] = value
        elif (field := name.removeprefix(PREFIX).lower()) in _PLAIN and name.startswith(PREFIX) and value:
            values[field] = value
    values.setdefault("prefect_api_url", env.get("PREFECT_API_URL", ""))
    try:
        return msgspec.convert(values, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$.")
        raise InputError(f"{_source(place.rstrip('`'), path, env)}: {reason}", remedy="correct it there") from None


def _set_service(services: dict[str, Any], name: str, value: str) -> None:
    """`COURSEWRIGHT_SERVICE_TTS_OPENAI__URL` is `url` of `tts.openai`."""
    provider, separator, field = name.removeprefix(_SERVICE).lower().partition("__")
    capability, dot, provider = provider.partition("_")
    if not (separator and dot and field):
        raise InputError(
            f"the variable {name} names no provider and field",
            field=name,
            remedy=f"write {_SERVICE}<CAPABILITY>_<PROVIDER>__<FIELD>, such as {_SERVICE}TTS_OPENAI__URL",
        )
    fields = services.setdefault(f"{capability}.{provider}", {})
    if isinstance(fields, dict):
        fields[field] = value


def _source(field: str, path: Path, env: Mapping[str, str]) -> str:
    """Where the value of a field comes from, as an operator knows it."""
    variable = PREFIX + field.upper()
    if field in _PLAIN and env.get(variable):
        return f"the variable {variable}"
    return f"{field} in the settings file {path}" if field else f"the settings file {path}"


def _path(wanted: type, value: object) -> object:
    if wanted is Path and isinstance(value, str):
        return Path(value).expanduser().absolute()
    raise NotImplementedError


def _read(path: Path, *, must_exist: bool) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if must_exist:
            raise InputError(f"settings file {path} does not exist", remedy="correct COURSEWRIGHT_SETTINGS") from None
        return {}
    except (OSError, ValueError) as error:
        raise InputError(f"settings file {path} cannot be read: {error}", remedy="correct the file") from None
