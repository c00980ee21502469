"""Restoring a backup."""

from __future__ import annotations

import contextlib
import fcntl
import filecmp
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
from coursewright.disk import explained
from coursewright.run import server as prefect
from coursewright.run.folders import temporary_folder
from coursewright.settings import Settings
from coursewright.store.contract import Store
from coursewright.store.local import LocalStore

from coursewright_api.backup.artifacts import Record, store_for
from coursewright_api.backup.form import (
    ARTIFACTS,
    CHUNK_BYTES,
    DATA,
    MODE,
    PREFECT,
    RECORDS,
    Manifest,
    RestoreFailed,
    RestoreRefused,
    data_path,
)
from coursewright_api.backup.loading import (
    check_version,
    fill_postgres,
    others_connected,
    replace_sqlite,
    rows_there,
    sqlite_from,
    sqlite_in_use,
)
from coursewright_api.backup.reading import Backup
from coursewright_api.backup.snapshots import failures
from coursewright_api.database import SQLITE_NAME
from coursewright_api.settings import ServerSettings, server_settings

_SHOWN = 3


async def restore(settings: Settings, path: Path, *, with_files: bool = True, force: bool = False) -> Manifest:
    """Bring a backup back into the database, the store and the data folder of the settings.

    The whole file is checked first. `force` replaces what is there. The database comes last and changes in one step, so
    that an attempt that was cut off can simply be repeated. Raises CoursewrightError.
    """
    server = server_settings(settings)
    backup = Backup(path)
    check_version(backup.manifest)
    folder = settings.data_dir
    where = f"the data folder {folder}"
    elsewhere = "choose another folder (COURSEWRIGHT_DATA_DIR)"
    with explained(where, elsewhere=elsewhere), _alone(settings), temporary_folder(folder) as scratch:
        if not force:
            await _refuse_loss(settings, server, backup, scratch, with_files=with_files)
        if not server.database_url and (folder / SQLITE_NAME).exists() and sqlite_in_use(folder / SQLITE_NAME):
            raise in_use()
        with failures("restore", RestoreFailed):
            database = None if server.database_url else await sqlite_from(backup, settings, scratch)
        if with_files:
            _put_artifacts(backup, store_for(settings, scratch), scratch)
        _put_data(backup, folder, scratch, with_files=with_files)
        if database is None:
            with failures("restore", RestoreFailed):
                await fill_postgres(backup, settings)
        else:
            replace_sqlite(folder / SQLITE_NAME, database)
    return backup.manifest


def in_use() -> RestoreRefused:
    """The error when somebody else works with what would be replaced."""
    return RestoreRefused(
        "the data folder or its database is in use", remedy="stop the service, its workers and runs first"
    )


@contextlib.contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Nobody else uses the embedded Prefect server, and it does not run. Raises RestoreRefused."""
    folder = settings.data_dir / PREFECT
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lease").open("a") as lease:
        try:
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise in_use() from None
        prefect.stop(settings)
        yield


async def _refuse_loss(
    settings: Settings, server: ServerSettings, backup: Backup, scratch: Path, *, with_files: bool
) -> None:
    """Raise RestoreRefused when something would be replaced."""
    if server.database_url and (others := await others_connected(server)):
        raise RestoreRefused(
            f"{others} other connections use the database",
            remedy="stop the service first, or give --force if they are none of its",
        )
    lost = [f"rows of '{name}'" for name in await rows_there(settings, server)]
    for path, file in _data(backup, with_files=with_files):
        there = settings.data_dir / path
        if there.exists() and not filecmp.cmp(there, _copied(file, scratch), shallow=False):
            lost.append(str(there))
    if lost:
        more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
        raise RestoreRefused(
            f"restoring would replace what is there: {', '.join(lost[:_SHOWN])}{more}",
            remedy="restore into an empty data folder and database, or give --force to replace it",
        )


def _data(backup: Backup, *, with_files: bool) -> Iterator[tuple[Path, BinaryIO]]:
    for name, file in backup.members(DATA):
        path = Path(data_path(name))
        if with_files or path.parts[0] not in {"inputs", "results"}:
            yield path, file


def _copied(file: BinaryIO, scratch: Path) -> Path:
    path = scratch / "copy"
    with os.fdopen(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, MODE), "wb") as copy:
        shutil.copyfileobj(file, copy, CHUNK_BYTES)
    return path


def _put_data(backup: Backup, folder: Path, scratch: Path, *, with_files: bool) -> None:
    for path, file in _data(backup, with_files=with_files):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = _copied(file, scratch)
        if path.parts[0] == PREFECT:
            replace_sqlite(target, copy)
        else:
            copy.replace(target)


def _put_artifacts(backup: Backup, store: Store, scratch: Path) -> None:
    for name, file in backup.members(ARTIFACTS):
        _put_artifact(store, name.removeprefix(ARTIFACTS), file, scratch)
    for part in backup.parts(RECORDS):
        for line in part.splitlines():
            record = msgspec.json.decode(line, type=Record)
            if store.read_record(record.key, touch=False) is None:  # what is there is newer
                store.write_record(record.key, record.record.encode())


def _put_artifact(store: Store, digest: str, file: BinaryIO, scratch: Path) -> None:
    if isinstance(store, LocalStore):
        store.put_chunks(iter(lambda: file.read(CHUNK_BYTES), b""), expected=digest)
        return
    artifact = store.put_file(_copied(file, scratch), name=digest, media_type="application/octet-stream")
    store.fetch(artifact).unlink()  # its copy below `scratch`
