"""The artifact store: immutable bytes by digest, and records of finished steps."""

from __future__ import annotations

from coursewright.settings import Settings
from coursewright.store.contract import Store
from coursewright.store.local import LocalStore


def open_store(settings: Settings, *, patient: bool = False) -> Store:
    """The store that the settings name. Touches neither disk nor network yet.

    A `patient` one waits some two minutes for a server that is gone, instead of a second or ten.
    Raises AuthFailed when the keys of an S3 store are not set, StoreError when its settings cannot be right.
    """
    if settings.s3 is None:
        return LocalStore(settings.local_store)
    from coursewright.store.s3 import S3Store  # its client is not needed otherwise

    return S3Store(
        settings.s3,
        access_key=settings.secret("S3_ACCESS_KEY"),
        secret_key=settings.secret("S3_SECRET_KEY"),
        cache=settings.data_dir / "s3-cache",
        patient=patient,
    )
