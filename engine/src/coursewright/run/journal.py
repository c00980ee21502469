"""The journal of an unfinished run: keys finished in it, which resuming it may reuse whatever their provider says.

Without it a crash would repeat the calls of providers whose results are otherwise not reused (an LLM,
or `cache: false`). It ends with the run.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from coursewright.plan import Plan
from coursewright.store.contract import Store


class Journal:
    """Keys finished in this run or in the run of the same plan and inputs that it resumes.

    With a `job`, only runs of that job count, and they count after their completion too: making a part of it anew
    leaves the rest as it is.
    """

    def __init__(self, store: Store, plan: Plan, inputs: dict[str, Any], *, resume: bool, job: str = "") -> None:
        self._store = store
        self._lasts = bool(job)
        parts = ("journal", plan, inputs, job) if job else ("journal", plan, inputs)
        identity = msgspec.json.encode(parts, order="deterministic")
        self._key = hashlib.sha256(identity).hexdigest()
        self._lasting = self._read() if resume else set()
        self._here: set[str] = set()

    def made_here(self, key: str) -> bool:
        """Was it finished in this very run?"""
        return key in self._here

    def resumes(self, key: str) -> bool:
        """Was it finished in the run that this one resumes?"""
        return key in self._lasting

    def add(self, key: str, *, lasting: bool) -> None:
        """Note a finished key. `lasting`: on return it is in the store, for a run that resumes this one."""
        self._here.add(key)
        if lasting:
            self._lasting.add(key)
            self._store.write_record(self._key, msgspec.json.encode(sorted(self._lasting)))

    def close(self) -> None:
        """The run has completed: the next one starts afresh, unless it is another attempt of the same job."""
        if self._lasting and not self._lasts:
            self._store.delete_record(self._key)

    def _read(self) -> set[str]:
        data = self._store.read_record(self._key)
        try:
            return set(msgspec.json.decode(data, type=list[str])) if data else set()
        except msgspec.DecodeError:
            return set()
