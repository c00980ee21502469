"""Serving one task: find its result in the store, or ask providers in order, patiently, for a new one."""

from __future__ import annotations

import asyncio
import itertools
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from coursewright import disk
from coursewright.capabilities import CAPABILITIES, Capability, result_type
from coursewright.capabilities.tts import Speech
from coursewright.catalog import AnyProvider, Catalog
from coursewright.errors import (
    BadInput,
    CoursewrightError,
    ProviderBug,
    ProviderError,
    StoreError,
    TimedOut,
    Unavailable,
)
from coursewright.plan import Step
from coursewright.run.context import RequestContext
from coursewright.run.daemon import in_daemon_thread
from coursewright.run.folders import temporary_folder
from coursewright.run.gates import Place, Places, Slots
from coursewright.run.history import history_of
from coursewright.run.hosting import hosted
from coursewright.run.journal import Journal
from coursewright.run.keys import artifacts_in, step_key
from coursewright.run.likeness import must_be_agreed
from coursewright.run.patience import attempts, wait_s
from coursewright.run.processes import Processes
from coursewright.run.readiness import Readiness
from coursewright.run.records import Record, checked, read_record, write_record
from coursewright.run.report import Event, ItemProgressed, ItemRetrying, ItemStarted, ItemWaiting, Refusal
from coursewright.run.values import options_of, place_of, request_of
from coursewright.settings import Settings
from coursewright.store.contract import Store

GRACE_S = 2.0
"""What a provider has to notice a cancel or the deadline, before its thread is left behind."""

log = logging.getLogger("coursewright.run")


class Miss(Exception):
    """There is no finished result, and this task is not to make one."""


class Damaged(Exception):
    """An artifact that a request needs is no longer intact in the store."""

    def __init__(self, digest: str) -> None:
        super().__init__(digest)
        self.digest = digest


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """A result with where it came from."""

    result: msgspec.Struct
    key: str
    provider: str
    provider_version: str
    reused: bool
    seconds: float
    notices: tuple[str, ...]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One task ready to be served: its values are resolved. `force` ignores a finished result."""

    step: Step
    item: str
    values: dict[str, Any]
    force: bool = False
    may_compute: bool = True


def refusal_of(provider: str, error: CoursewrightError, request: Request | None = None) -> Refusal:
    """What stopped a task, as data for the report."""
    return Refusal(
        place=place_of(request.step, request.values, error) if request and isinstance(error, BadInput) else "",
        provider=provider,
        error=type(error).__name__,
        message=error.message,
        remedy=error.remedy,
        detail=error.detail if isinstance(error, ProviderError) else "",
    )


class Serving:
    """What serving needs for the length of a run."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        store: Store,
        settings: Settings,
        journal: Journal,
        emit: Callable[[Event], None],
        no_cache: bool = False,
        slots: Slots | None = None,
    ) -> None:
        self.store = store
        self._catalog = catalog
        self._settings = settings
        self._journal = journal
        self._emit = emit
        self._no_cache = no_cache
        self._readiness = Readiness()
        self._live: set[threading.Event] = set()
        self._processes = Processes(settings.workers)
        self._places = Places(settings.limits, slots)
        self._history = history_of(settings)
        self._folders = ExitStack()
        self._scratch_parent = settings.data_dir / "scratch"
        self._scratch: Path | None = None
        self._numbers = itertools.count()

    def close(self) -> None:
        """Stop what still works for this run, and remove its scratch files."""
        self.cancel()
        self._processes.close()
        self._folders.close()

    def cancel(self) -> None:
        """Ask every provider at work to stop."""
        for event in list(self._live):
            event.set()

    def concurrency(self, step: Step) -> int:
        """How many tasks of the step may be served at once."""
        at_once = [self._at_once(provider_id) for provider_id in step.providers]
        return min((limit for limit in at_once if limit), default=self._settings.workers)

    def _at_once(self, provider_id: str) -> int | None:
        """What the operator says, else what the provider does. While some are finished here, as many may be asked."""
        limit = self._settings.limits.get(provider_id)
        offer = self._catalog.offers.get(provider_id)
        if limit and limit.at_once:
            return 2 * limit.at_once
        return offer.provider.concurrency if offer else None

    async def serve(self, request: Request, provider_id: str) -> Served:
        """The result of one provider, reused or made.

        Raises Miss, Damaged, or the ProviderError that the last attempt ended with: BadInput where nobody was asked
        for want of a consent.
        """
        provider = self._provider(request.step, provider_id, request.values)
        typed = request_of(request.step, type(provider), request.values)
        if next(artifacts_in([typed, provider.options]), None) is not None:
            await in_daemon_thread(must_be_agreed, provider, typed, self.store)
        key = step_key(provider, typed)
        wanted = result_type(request.step.capability, request.step.returns)
        found = None
        if self._reusable(request, provider, key):
            found = await in_daemon_thread(read_record, self.store, key, wanted)  # a remote store takes its time
        if found is not None:
            result, record = found
            return Served(
                result=result,
                key=key,
                provider=provider_id,
                provider_version=record.provider_version,
                reused=True,
                seconds=0.0,
                notices=record.notices,
            )
        if not request.may_compute:
            raise Miss
        await self._readiness.must_be_ready(provider_id, provider)
        await self._must_be_intact(typed)
        return await self._patiently(request, provider_id, provider, typed, key, wanted)

    def _provider(self, step: Step, provider_id: str, values: Mapping[str, Any]) -> AnyProvider:
        offer = self._catalog.offers.get(provider_id)
        if offer is None:
            raise Unavailable(
                f"the provider '{provider_id}' is not installed",
                remedy=f"pip install coursewright-{provider_id.replace('.', '-')}, or name another provider",
            )
        return hosted(offer.provider, self._settings, options_of(step, offer.provider, values))

    def _reusable(self, request: Request, provider: AnyProvider, key: str) -> bool:
        if self._journal.made_here(key):
            return True
        if request.force or self._no_cache:
            return False
        return _reuse_allowed(request.step, provider) or self._journal.resumes(key)

    async def _must_be_intact(self, typed: msgspec.Struct) -> None:
        needed = {artifact.digest: artifact for artifact in artifacts_in(typed)}
        if not needed:
            return

        def first_damaged() -> str | None:
            return next((each.digest for each in needed.values() if not self.store.verify(each)), None)

        if damaged := await in_daemon_thread(first_damaged):
            raise Damaged(damaged)

    async def _patiently(
        self,
        request: Request,
        provider_id: str,
        provider: AnyProvider,
        typed: msgspec.Struct,
        key: str,
        wanted: type[msgspec.Struct],
    ) -> Served:
        """Attempts with backoff, as the class of each error allows."""
        attempt = 1

        def told(ahead: int) -> None:
            self._emit(ItemWaiting(step=request.step.name, item=request.item, ahead=ahead, provider=provider_id))

        while True:
            try:
                async with self._places.at(provider_id, told) as place:
                    self._emit(ItemStarted(step=request.step.name, item=request.item, provider=provider_id))
                    return await self._once(request, provider_id, provider, typed, key, wanted, place)
            except ProviderError as error:
                if attempt >= attempts(request.step.retry, error):
                    raise
                pause_s = wait_s(request.step.retry, attempt, error)
                refusal = refusal_of(provider_id, error, request)
                self._emit(
                    ItemRetrying(
                        step=request.step.name, item=request.item, refusal=refusal, wait_s=pause_s, attempt=attempt + 1
                    )
                )
            await asyncio.sleep(pause_s)
            attempt += 1

    async def _once(
        self,
        request: Request,
        provider_id: str,
        provider: AnyProvider,
        typed: msgspec.Struct,
        key: str,
        wanted: type[msgspec.Struct],
        place: Place,
    ) -> Served:
        """One attempt: run, check the result, file it."""
        capability = CAPABILITIES[request.step.capability]
        timeout_s = request.step.timeout_s or capability.timeout_s
        loop = asyncio.get_running_loop()
        started = time.perf_counter()

        def on_progress(done: float, total: float, message: str) -> None:
            event = ItemProgressed(step=request.step.name, item=request.item, done=done, total=total, message=message)
            with suppress(RuntimeError):  # the run is over and its loop closed
                loop.call_soon_threadsafe(self._emit, event)

        def on_answered() -> None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(place.give_back_soon)

        with self._request_scope(provider_id) as (cancel, scratch):
            context = RequestContext(
                store=self.store,
                settings=self._settings,
                processes=self._processes,
                scratch=scratch,
                key=key,
                provider=provider_id,
                provider_version=provider.version,
                timeout_s=timeout_s,
                reuse=not (self._no_cache or request.force),
                cancel=cancel,
                on_progress=on_progress,
                on_answered=on_answered,
            )

            def work() -> tuple[msgspec.Struct, float]:
                try:
                    made = provider.run(typed, context)
                except OSError as error:
                    if error.errno not in disk.FULL:
                        raise
                    with self._explained():
                        raise
                result = checked(provider_id, made, wanted, self.store)
                seconds = time.perf_counter() - started
                if provider.licence:
                    context.notice(f"{provider_id}: {provider.licence}")
                self._measure(provider_id, provider, typed, result, seconds)
                write_record(
                    self.store,
                    key,
                    Record(
                        result=msgspec.to_builtins(result),
                        provider=provider_id,
                        provider_version=provider.version,
                        seconds=seconds,
                        notices=tuple(context.notices),
                    ),
                )
                return result, seconds

            result, seconds = await _bounded(work, provider_id, timeout_s, cancel)
        self._journal.add(key, lasting=not _reuse_allowed(request.step, provider))
        return Served(
            result=result,
            key=key,
            provider=provider_id,
            provider_version=provider.version,
            reused=False,
            seconds=seconds,
            notices=tuple(context.notices),
        )

    def _measure(
        self, provider_id: str, provider: AnyProvider, typed: msgspec.Struct, result: msgspec.Struct, seconds: float
    ) -> None:
        """Keep what later estimates rest on."""
        if size := provider.size(typed):
            self._history.note_request(provider_id, size, seconds)
        if isinstance(result, Speech):
            self._history.note_speech(result.language, len(result.text), result.duration_s)

    def _explained(self) -> AbstractContextManager[None]:
        return disk.explained(
            f"the folder for temporary files {self._scratch_parent}",
            elsewhere="choose another folder (COURSEWRIGHT_DATA_DIR)",
            kind=StoreError,
        )

    @contextmanager
    def _request_scope(self, provider_id: str) -> Iterator[tuple[threading.Event, Path]]:
        cancel = threading.Event()
        self._live.add(cancel)
        with self._explained():
            if self._scratch is None:
                self._scratch = self._folders.enter_context(temporary_folder(self._scratch_parent))
        scratch = self._scratch / f"{provider_id}-{next(self._numbers)}"
        try:
            yield cancel, scratch
        finally:
            cancel.set()  # a thread left behind must not go on
            self._live.discard(cancel)
            if scratch.exists():  # few providers use it
                shutil.rmtree(scratch, ignore_errors=True)


async def _bounded(
    work: Callable[[], tuple[msgspec.Struct, float]], provider_id: str, timeout_s: float, cancel: threading.Event
) -> tuple[msgspec.Struct, float]:
    """Run blocking work in a daemon thread, and turn all that it may raise into one family."""
    try:
        async with asyncio.timeout(timeout_s + GRACE_S):
            return await in_daemon_thread(work)
    except TimeoutError as error:
        cancel.set()
        raise TimedOut(
            f"'{provider_id}' was not finished after {timeout_s:g} s",
            remedy="raise the step's timeout, or shorten its input",
            detail=str(error),
        ) from None
    except CoursewrightError:  # a sentence for people already, such as a full disk
        raise
    except asyncio.CancelledError:
        cancel.set()
        raise
    except Exception as error:
        log.debug("provider %s raised", provider_id, exc_info=error)
        raise ProviderBug(
            f"'{provider_id}' failed unexpectedly: {type(error).__name__}: {error}",
            remedy="report it to the plugin's author, or use another provider",
            detail=f"{type(error).__name__}: {error}",
        ) from error


def _reuse_allowed(step: Step, provider: AnyProvider) -> bool:
    return provider.deterministic if step.cache is None else step.cache


def one_voice(step: Step) -> bool:
    """Must all items of this step come from one provider?"""
    capability: Capability = CAPABILITIES[step.capability]
    return capability.one_voice and step.for_each is not None and not step.mixing
