"""What `coursewright doctor` looks at. Each check is a function that returns findings and raises nothing."""

from __future__ import annotations

import importlib.metadata
import locale
import platform
import shutil
import sys
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from coursewright import __version__
from coursewright.capabilities import CAPABILITIES
from coursewright.catalog import Catalog
from coursewright.cli.fonts import SCRIPTS, font_folders, scripts_covered
from coursewright.cli.health import health_of
from coursewright.cli.output import counted, size
from coursewright.cli.plugins import version_of
from coursewright.errors import CoursewrightError, InputError
from coursewright.providers import NoService
from coursewright.run import server
from coursewright.settings import Settings, settings_file, settings_from
from coursewright.store import open_store

LITTLE_SPACE_BYTES = 2_000_000_000
"""An hour of film with its pieces takes about 1 GB; doubled."""

State = Literal["ok", "warn", "fail"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at. A `warn` limits what can be done; with a `fail` no course can be made."""

    subject: str
    state: State = "ok"
    message: str
    remedy: str = ""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints. `state` is the worst of the findings'."""

    state: State
    findings: list[Finding]


def diagnose(env: Mapping[str, str], catalog: Catalog) -> Diagnosis:
    """Look at everything."""
    findings = [*_versions(catalog), *_plugins(catalog), _locale()]
    try:
        settings = settings_from(env)
    except InputError as error:
        findings.append(_failed("settings", error))
    else:
        findings += [_settings(env), *_data_folder(settings.data_dir), _store(settings), *_prefect(settings)]
        findings += _providers(catalog, settings)
    findings.append(_fonts())
    states = {finding.state for finding in findings}
    worst: State = "fail" if "fail" in states else "warn" if "warn" in states else "ok"
    return Diagnosis(state=worst, findings=findings)


def _failed(subject: str, error: CoursewrightError) -> Finding:
    return Finding(subject=subject, state="fail", message=error.message, remedy=error.remedy)


def _versions(catalog: Catalog) -> list[Finding]:
    plugins = sorted({offer.plugin for offer in catalog.offers.values()})
    return [
        Finding(subject="Python", message=f"{platform.python_version()} at {sys.executable}"),
        Finding(subject="coursewright", message=__version__),
        *(Finding(subject="plugin", message=f"{plugin} {version_of(plugin)}".rstrip()) for plugin in plugins),
    ]


def _plugins(catalog: Catalog) -> list[Finding]:
    return [
        Finding(
            subject="plugin",
            state="fail",
            message=f"{failure.plugin} cannot be used: {failure.reason}",
            remedy="install a version of it that fits, or uninstall it",
        )
        for failure in catalog.failures
    ]


def _locale() -> Finding:
    encoding = locale.getencoding()  # the terminal's, whatever mode Python is in
    if encoding.lower().replace("-", "") == "utf8":
        return Finding(subject="locale", message=encoding)
    return Finding(
        subject="locale",
        state="warn",
        message=f"texts are {encoding} here, so that some letters are shown wrong",
        remedy="export LANG=C.UTF-8",
    )


def _settings(env: Mapping[str, str]) -> Finding:
    path = settings_file(env)
    return Finding(subject="settings", message=str(path) if path.exists() else f"the defaults; no file {path}")


def _data_folder(folder: Path) -> list[Finding]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"coursewright")
        free_bytes = shutil.disk_usage(folder).free
    except OSError as error:
        return [
            Finding(
                subject="data folder",
                state="fail",
                message=f"{folder} cannot be written: {error.strerror}",
                remedy="set COURSEWRIGHT_DATA_DIR to a folder that you may write to",
            )
        ]
    little = free_bytes < LITTLE_SPACE_BYTES
    return [
        Finding(subject="data folder", message=f"{folder} can be written"),
        Finding(
            subject="free space",
            state="warn" if little else "ok",
            message=f"{size(free_bytes)} on the disk of the data folder",
            remedy="free some space, as with `coursewright store gc`" if little else "",
        ),
    ]


def _store(settings: Settings) -> Finding:
    where = f"bucket {settings.s3.bucket} at {settings.s3.endpoint}" if settings.s3 else str(settings.local_store)
    probe = f"coursewright doctor {uuid.uuid4()}\n".encode()  # new bytes: nobody else's are deleted
    try:
        store = open_store(settings)
        artifact = store.put_bytes(probe, name="doctor.txt", media_type="text/plain")
        try:
            sound = store.verify(artifact)
        finally:
            store.delete(artifact.digest)
    except CoursewrightError as error:
        return _failed("artifact store", error)
    if not sound:
        return Finding(
            subject="artifact store",
            state="fail",
            message=f"{where} gives back other bytes than were stored",
            remedy="keep the store on another disk or server",
        )
    return Finding(subject="artifact store", message=f"{where} keeps what it is given")


def _prefect(settings: Settings) -> list[Finding]:
    version = importlib.metadata.version("prefect")
    if settings.prefect_api_url:
        reached = server.answers(settings.prefect_api_url)
        return [
            Finding(
                subject="Prefect server",
                state="ok" if reached else "fail",
                message=f"{settings.prefect_api_url} {'answers' if reached else 'does not answer'}; Prefect {version}",
                remedy="" if reached else "start it, or unset prefect_api_url to use the embedded server",
            )
        ]
    try:
        address = server.running(settings)
    except OSError as error:
        return [Finding(subject="Prefect server", state="fail", message=f"its folder cannot be used: {error.strerror}")]
    prepared = server.prepared()
    return [
        Finding(
            subject="Prefect server",
            message=f"embedded, {f'running at {address}' if address else 'starts when a run needs it'}; {version}",
        ),
        Finding(
            subject="Prefect database",
            state="ok" if prepared else "warn",
            message=f"prepared: {prepared}" if prepared else "not prepared: the first run waits about 20 s for it",
            remedy="" if prepared else "coursewright doctor --prepare",
        ),
    ]


def _providers(catalog: Catalog, settings: Settings) -> list[Finding]:
    """A capability whose providers are all unavailable fails; one of several that is unavailable is a warning.

    Remote ones that nobody has set up are not wanted here: they are named, in one line.
    """
    health = health_of(catalog.offers.values(), settings)
    idle = [
        provider_id
        for provider_id, told in health.items()
        if told.state == "unavailable"
        and catalog.offers[provider_id].provider.Service is not NoService
        and provider_id not in settings.services
    ]
    findings = [_not_set_up(idle)] if idle else []
    for capability in CAPABILITIES:
        ids = [provider_id for provider_id in health if catalog.offers[provider_id].provider.capability == capability]
        served = any(health[provider_id].state != "unavailable" for provider_id in ids)
        for provider_id in ids:
            if provider_id in idle and served:
                continue
            told = health[provider_id]
            state: State = "ok" if told.state == "ready" else "warn" if served else "fail"
            message = f"{told.state}: {told.reason}" if told.reason else told.state
            findings.append(Finding(subject=provider_id, state=state, message=message, remedy=told.remedy))
        if not ids:
            findings.append(
                Finding(
                    subject=capability,
                    state="warn",
                    message=f"no provider is installed ({CAPABILITIES[capability].summary})",
                    remedy=f"install a plugin for {capability}",
                )
            )
    return findings


def _not_set_up(ids: list[str]) -> Finding:
    return Finding(
        subject="more providers",
        message=f"not set up: {', '.join(ids)}; `coursewright plugins {ids[0]} --health` says what one needs",
    )


def _fonts() -> Finding:
    covered = scripts_covered(font_folders())
    missing = [script for script in SCRIPTS if script not in covered]
    if not missing:
        return Finding(subject="fonts", message=f"for Latin letters and {counted(len(covered), 'other script')}")
    return Finding(
        subject="fonts",
        state="warn",
        message=f"none for {', '.join(missing)}: slides in these cannot be set",
        remedy="if you need one, install its Noto font (on Debian: fonts-noto-core, fonts-noto-cjk)",
    )
