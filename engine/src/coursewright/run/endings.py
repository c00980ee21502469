"""How a deployed run ended, kept in the store: what Prefect's states have no room for."""

from __future__ import annotations

import hashlib
from uuid import UUID

import msgspec

from coursewright.capabilities.artifacts import Artifact
from coursewright.run.keys import artifacts_in
from coursewright.run.report import RunReport
from coursewright.store.contract import Store


class OutputFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was made for an output of the pipeline."""

    output: str
    artifact: Artifact


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """The report of a run, with the files among its outputs."""

    report: RunReport
    files: tuple[OutputFile, ...]


def keep_ending(store: Store, flow_run: UUID, report: RunReport) -> None:
    """Keep the report of a flow run, and with it the files that it names."""
    files = [
        OutputFile(output=output, artifact=artifact)
        for output, value in report.outputs.items()
        for artifact in {each.digest: each for each in artifacts_in(value)}.values()
    ]
    store.write_record(_key(flow_run), msgspec.json.encode(Ending(report=report, files=tuple(files))))


def read_ending(store: Store, flow_run: UUID) -> Ending | None:
    """The report of a flow run; None for one that has none, because it never got so far."""
    data = store.read_record(_key(flow_run))
    try:
        return msgspec.json.decode(data, type=Ending) if data else None
    except msgspec.DecodeError:
        return None


def forget_ending(store: Store, flow_run: UUID) -> None:
    """Let it go."""
    store.delete_record(_key(flow_run))


def _key(flow_run: UUID) -> str:
    return hashlib.sha256(f"ending {flow_run}".encode()).hexdigest()
