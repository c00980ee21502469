"""What an operator may set for the service: `[server]` in the file of settings, `COURSEWRIGHT_SERVER_*` outside it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from coursewright.errors import InputError
from coursewright.settings import Settings
from msgspec import Meta


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The service's own settings. Lists are separated by commas in the environment."""

    host: Annotated[str, Meta(min_length=1, description="The address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="The port; 0 takes a free one.")] = 8400
    public_url: Annotated[str, Meta(description="How browsers reach the service; empty: http://host:port.")] = ""
    database_url: Annotated[
        str, Meta(description="postgres://user:password@host/name; empty: SQLite in the data folder.")
    ] = ""
    database_connections: Annotated[
        int, Meta(ge=1, le=200, description="PostgreSQL connections that one process holds at most.")
    ] = 10
    registration: Annotated[
        Literal["open", "closed"], Meta(description="Who may open an account: anybody, or whom an admin invites.")
    ] = "open"
    terms_url: Annotated[
        str, Meta(max_length=2000, description="Where the terms of use are, to be accepted by who opens an account.")
    ] = ""
    access_token_s: Annotated[int, Meta(ge=30, le=86_400, description="Seconds an access token lives.")] = 600
    session_s: Annotated[
        int, Meta(ge=60, le=31_536_000, description="Seconds a login lasts at most, without `remember`.")
    ] = 43_200
    remember_s: Annotated[
        int, Meta(ge=60, le=31_536_000, description="Seconds a login lasts at most, with `remember`.")
    ] = 2_592_000
    link_s: Annotated[int, Meta(ge=60, le=2_592_000, description="Seconds a one-time link can be used.")] = 86_400
    runs_at_once: Annotated[
        int, Meta(ge=1, le=100, description="Jobs at the same time, of the worker that `serve` starts.")
    ] = 2
    prefect_owner: Annotated[
        str, Meta(description="Whose jobs the runs are that begin in Prefect's pages; empty: the first admin's.")
    ] = ""
    allowed_origins: Annotated[
        tuple[str, ...], Meta(description="Other sites whose pages may call the API, such as https://lms.example.org.")
    ] = ()
    trusted_proxies: Annotated[
        tuple[str, ...], Meta(description="Addresses whose X-Forwarded-For and X-Forwarded-Proto are believed.")
    ] = ()
    max_body_bytes: Annotated[
        int, Meta(ge=1024, le=2**30, description="Largest request body, except where a route says otherwise.")
    ] = 1_048_576
    pipelines_dir: Annotated[
        str, Meta(max_length=4096, description="Folder of pipelines to offer; nothing when it is not there, or empty.")
    ] = "pipelines"
    portrait_max_bytes: Annotated[int, Meta(ge=1024, le=60_000_000, description="Largest portrait.")] = 30_000_000
    voice_sample_max_bytes: Annotated[int, Meta(ge=1024, le=2**40, description="Largest voice sample.")] = 200_000_000
    voice_sample_max_s: Annotated[float, Meta(gt=0, le=3600, description="Longest voice sample, in seconds.")] = 600.0
    script_max_bytes: Annotated[int, Meta(ge=1024, le=2**30, description="Largest script.")] = 2_000_000
    document_max_bytes: Annotated[int, Meta(ge=1024, le=2**40, description="Largest document.")] = 50_000_000
    slide_theme_max_bytes: Annotated[int, Meta(ge=1024, le=2**30, description="Largest slide theme.")] = 20_000_000
    quota_bytes: Annotated[int, Meta(ge=0, description="What one person's files may take together; 0: no limit.")] = (
        20_000_000_000
    )
    upload_s: Annotated[int, Meta(ge=60, le=604_800, description="Seconds an announced upload may take.")] = 3_600
    file_link_s: Annotated[int, Meta(ge=10, le=604_800, description="Seconds a link to a file works.")] = 3_600
    undelete_s: Annotated[
        int, Meta(ge=0, le=31_536_000, description="Seconds in which a deleted file can be restored.")
    ] = 604_800

    @property
    def url(self) -> str:
        """How browsers reach the service, without a slash at the end."""
        if self.public_url:
            return self.public_url
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104  # compared, not bound
        return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{self.port}"

    @property
    def secure(self) -> bool:
        """Do browsers come over https?"""
        return self.url.startswith("https://")

    def __repr__(self) -> str:
        return f"ServerSettings({self.url!r})"  # the database's address holds a password


_LISTS = ("allowed_origins", "trusted_proxies")


def server_settings(settings: Settings) -> ServerSettings:
    """The service's part of the settings. Raises InputError naming the field and its variable."""
    values: dict[str, Any] = dict(settings.server)
    for name in _LISTS:
        if isinstance(text := values.get(name), str):
            values[name] = [part for each in text.split(",") if (part := each.strip())]
    for name in sorted(values.keys() - set(ServerSettings.__struct_fields__)):
        raise _wrong(name, "there is no such setting")
    try:
        found = msgspec.convert(values, ServerSettings, strict=False)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$.")
        raise _wrong(re.split(r"[.\[`]", place)[0], reason) from None
    return _checked(found)


def _checked(found: ServerSettings) -> ServerSettings:
    """The settings, with addresses in the form in which browsers send them."""
    if found.public_url:
        found = msgspec.structs.replace(found, public_url=_origin("public_url", found.public_url))
    origins = tuple(_origin("allowed_origins", origin) for origin in found.allowed_origins)
    if found.database_url and urlsplit(found.database_url).scheme not in {"postgres", "postgresql"}:
        raise _wrong("database_url", "expected postgres://user:password@host/name, or nothing for SQLite")
    if found.terms_url and not re.fullmatch(r"https?://[^/\s\\]\S*", found.terms_url):
        raise _wrong("terms_url", f"expected an address such as https://example.org/terms, got '{found.terms_url}'")
    return msgspec.structs.replace(found, allowed_origins=origins)


def _origin(field: str, url: str) -> str:
    parts = urlsplit(url)
    try:
        well_formed = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or True)
    except ValueError:
        well_formed = False
    if not well_formed or parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise _wrong(field, f"expected an address such as https://courses.example.org, without a path, got '{url}'")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _wrong(field: str, reason: str) -> InputError:
    variable = f"COURSEWRIGHT_SERVER_{field.upper()}"
    return InputError(
        f"the server's setting '{field}': {reason[:1].lower()}{reason[1:]}",
        field=field,
        remedy=f"correct the variable {variable}, or {field} under [server] in the settings file",
    )
