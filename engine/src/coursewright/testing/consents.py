"""Consent as a person gives it, for tests in which voices are cloned or photos given to services."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from coursewright.consent import STATEMENT, Consent, grant
from coursewright.store.contract import Store


def agreed(sample: Path | bytes, store: Store, *, granted_by: str = "test", person: str = "Ada Lovelace") -> str:
    """File a consent to the use of these bytes; their SHA-256."""
    data = sample.read_bytes() if isinstance(sample, Path) else sample
    digest = hashlib.sha256(data).hexdigest()
    consent = Consent(
        person=person, purpose="tests", given_at=datetime.now(UTC), statement=STATEMENT, granted_by=granted_by
    )
    grant(store, digest, consent)
    return digest
