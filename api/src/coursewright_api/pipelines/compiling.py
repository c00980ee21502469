"""Compiling for a service: never on the event loop, never twice, with what is installed."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from coursewright.catalog import Catalog, installed
from coursewright.compile import CheckResult, check_pipeline
from coursewright.compile.schema import pipeline_schema
from coursewright.document.problems import Problem
from coursewright.errors import CompileFailed
from coursewright.plan import Plan
from coursewright.run.bundles import Bundle, bundle_of, keep
from coursewright.run.daemon import in_daemon_thread
from coursewright.run.references import reference_of
from coursewright.settings import Settings
from coursewright.store.contract import Store

from coursewright_api.fields import FieldError
from coursewright_api.problems import ApiError

KEPT_PLANS = 256
KEPT_S = 43_200.0
"""Then a bundle is put into the store again, so that it is not collected as garbage while jobs are made with it."""
AT_ONCE = 2
"""Compilations at once: they need the interpreter, as all requests do."""
_NONE: Mapping[str, str] = MappingProxyType({})
T = TypeVar("T")
_Key = tuple[str, tuple[tuple[str, str], ...]]


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline that compiles, and where the store has it."""

    plan: Plan
    bundle: Bundle
    reference: str
    digest: str


def label_of(name: str) -> str:
    """What messages call the text of the pipeline of that name. It is part of the bundle's digest."""
    return f"{name}.yaml"


def invalid_pipeline(problems: tuple[Problem, ...]) -> ApiError:
    """A 422 that names every problem by its line and column."""
    errors = [each for each in problems if each.severity == "error"]
    fields = [FieldError(pointer="/text", code=each.code, message=sentence(each)) for each in errors]
    count = f"{len(errors)} problems" if len(errors) != 1 else "a problem"
    first = f": {sentence(errors[0])}" if errors else ""
    return ApiError(
        422,
        "pipeline_invalid",
        f"the pipeline has {count}{first}",
        remedy="correct the text; POST /api/pipelines/check shows every problem with its place",
        errors=fields,
    )


def sentence(problem: Problem) -> str:
    """A problem in one line."""
    place = f"{problem.line}:{problem.column}: " if problem.line else ""
    hint = f" → {'; '.join(problem.hint.split(chr(10)))}" if problem.hint else ""
    return f"{place}{problem.message}{hint}"


class Compiler:
    """Compiles in threads, and remembers the plans that were asked for last."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._catalog: Catalog | None = None
        self._schema: dict[str, Any] | None = None
        self._loading = asyncio.Lock()
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._plans: OrderedDict[_Key, tuple[float, Plan]] = OrderedDict()

    async def catalog(self) -> Catalog:
        """What is installed, as it was when first asked for: the modules of plugins stay loaded anyway."""
        if self._catalog is None:
            async with self._loading:
                if self._catalog is None:
                    self._catalog = await in_daemon_thread(installed)
        return self._catalog

    async def schema(self) -> dict[str, Any]:
        """The JSON Schema of pipelines, with what is installed."""
        if self._schema is None:
            catalog = await self.catalog()
            self._schema = await self.in_turn(lambda: pipeline_schema(catalog))
        return self._schema

    async def in_turn(self, work: Callable[[], T]) -> T:
        """What needs the interpreter for long, in a thread, when it has its turn."""
        async with self._turn:
            return await in_daemon_thread(work)

    async def check(self, text: str, files: Mapping[str, str], *, label: str) -> CheckResult:
        """Every problem of a text."""
        catalog = await self.catalog()

        def work() -> CheckResult:
            return check_pipeline(text, name=label, catalog=catalog, read=files.get, preferred=self._settings.providers)

        return await self.in_turn(work)

    async def compile(self, text: str, files: Mapping[str, str], *, label: str) -> Compiled:
        """Compile a text, and keep it in the store. Raises a 422 with every problem."""
        catalog = await self.catalog()
        return await self.in_turn(lambda: self.compiled(text.encode(), files.get, catalog, label=label))

    def compiled(self, text: bytes, read: Callable[[str], str | None], catalog: Catalog, *, label: str) -> Compiled:
        """The same, in the thread that calls. Raises a 422."""
        try:
            found = bundle_of(label, text, read, catalog)
            name = found.plan(catalog, preferred=self._settings.providers).name
            bundle = Bundle(name=label_of(name), text=found.text, files=found.files)
            plan = bundle.plan(catalog, preferred=self._settings.providers)
        except CompileFailed as error:
            raise invalid_pipeline(error.problems) from error
        artifact = keep(bundle, self._store)
        return Compiled(plan=plan, bundle=bundle, reference=reference_of(artifact), digest=artifact.digest)

    async def plan(self, digest: str, bundle: Callable[[], Bundle], overrides: Mapping[str, str] = _NONE) -> Plan:
        """The plan of a bundle of that digest, with these providers chosen by step or capability. Raises a 422."""
        key = (digest, tuple(sorted(overrides.items())))
        kept_at, found = self._plans.get(key, (0.0, None))
        if found is not None and time.monotonic() - kept_at < KEPT_S:
            self._plans.move_to_end(key)
            return found
        catalog = await self.catalog()
        preferred = self._settings.providers

        def work() -> Plan:
            given = bundle()
            keep(given, self._store)
            return given.plan(catalog, preferred=preferred, overrides=overrides)

        try:
            made = await self.in_turn(work)
        except CompileFailed as error:
            raise invalid_pipeline(error.problems) from error
        self._plans[key] = (time.monotonic(), made)
        while len(self._plans) > KEPT_PLANS:
            self._plans.popitem(last=False)
        return made
