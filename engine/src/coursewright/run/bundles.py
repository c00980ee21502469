"""A pipeline with its prompts as one artifact, so that a deployed run pins exactly what it was given."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

import msgspec

from coursewright.capabilities.artifacts import Artifact
from coursewright.catalog import Catalog
from coursewright.compile import compile_pipeline
from coursewright.errors import InputError
from coursewright.plan import Plan
from coursewright.run.references import artifact_of
from coursewright.store.contract import Store

INPUTS = "inputs"
"""The folder below `data_dir` whose files a deployed run may name."""
RESULTS = "results"
"""The folder below `data_dir` where each deployed run leaves its results, under the flow run's name."""
MEDIA_TYPE = "application/vnd.coursewright.pipeline+json"


class Bundle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pipeline file and the texts beside it that it reads. `name` labels messages."""

    name: str
    text: str
    files: dict[str, str] = {}

    def plan(
        self,
        catalog: Catalog,
        *,
        preferred: Mapping[str, str] | None = None,
        overrides: Mapping[str, str] | None = None,
    ) -> Plan:
        """The plan; the arguments are those of `check_pipeline`. Raises CompileFailed with all problems."""
        return compile_pipeline(
            self.text,
            name=self.name,
            catalog=catalog,
            read=self.files.get,
            preferred=preferred or {},
            overrides=overrides or {},
        )


def bundle_of(name: str, text: bytes, read: Callable[[str], str | None], catalog: Catalog) -> Bundle:
    """The pipeline with every file that compiling it reads. Raises CompileFailed."""
    files: dict[str, str] = {}

    def noted(path: str) -> str | None:
        found = read(path)
        if found is not None:
            files[path] = found
        return found

    compile_pipeline(text, name=name, catalog=catalog, read=noted)
    return Bundle(name=name, text=text.decode("utf-8-sig"), files=files)


def keep(bundle: Bundle, store: Store) -> Artifact:
    """The bundle in the store: equal pipelines are one artifact. A record keeps it as long as runs use it."""
    data = msgspec.json.encode(bundle, order="deterministic")
    artifact = store.put_bytes(data, name="pipeline.json", media_type=MEDIA_TYPE)
    store.write_record(_record_key(artifact), msgspec.json.encode(artifact))
    return artifact


def _record_key(artifact: Artifact) -> str:
    return hashlib.sha256(f"pipeline {artifact.digest}".encode()).hexdigest()


def load(reference: str, store: Store) -> Bundle:
    """The bundle behind `reference_of(artifact)`. Raises InputError when it is not there or is none."""
    artifact = artifact_of(reference)
    if artifact is None or not store.verify(artifact):
        raise InputError(
            "the pipeline of this run is not in the artifact store",
            remedy="use the same store for `coursewright deploy` and its workers, and deploy again",
        )
    store.read_record(_record_key(artifact))  # used again, and so not collected as garbage
    try:
        with store.open(artifact) as file:
            return msgspec.json.decode(file.read(), type=Bundle)
    except msgspec.DecodeError as error:
        raise InputError(f"the pipeline of this run cannot be read: {error}", remedy="deploy it again") from None
