"""The order of a run: every task starts as soon as what it reads is there, and not before.

A step is a coroutine, and so is each item of a `for_each`. An item that goes over another step's
items waits for its own item only; whatever else is read is waited for whole. Two things make a part
of the run start over, with all that is finished and still valid found again in the store: a voice
that falls back (its items must not differ) and an artifact found damaged.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from coursewright.errors import InputError, ProviderError, StoreError
from coursewright.expressions import evaluate, names_in
from coursewright.plan import Output, Plan, Ref, Step
from coursewright.run.gates import Gate
from coursewright.run.keys import artifacts_in
from coursewright.run.outcomes import Outcome, Runner, Selection, combined, keys_of, pass_on, run_directly
from coursewright.run.report import Event, ItemEnded, ItemReport, ItemWaiting, Refusal, StepFailure, StepFellBack
from coursewright.run.serving import Damaged, Miss, Request, Served, Serving, one_voice, refusal_of
from coursewright.run.values import resolve

_MAX_DAMAGES = 3
"""Making a result again mends what was lost once; a disk that loses it every time is another matter."""


class _Stage:
    """A step's futures. All end with a value; none with an exception. Many wait for one, so each behind a shield:
    cancelling a task cancels the future that it waits for."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.keys: asyncio.Future[list[str] | None] = loop.create_future()
        self.items: dict[str, asyncio.Future[Outcome]] = {}
        self.whole: asyncio.Future[Outcome] = loop.create_future()
        self.task: asyncio.Task[None] | None = None


class Scheduler:
    """One run of a plan. `run()` may be called once."""

    def __init__(
        self,
        plan: Plan,
        inputs: Mapping[str, Any],
        serving: Serving,
        *,
        emit: Callable[[Event], None],
        selection: Selection | None = None,
        runner: Runner = run_directly,
    ) -> None:
        self._plan = plan
        self._inputs = dict(inputs)
        self._serving = serving
        self._emit = emit
        self._selection = selection or Selection()
        self._runner = runner
        self._steps = {step.name: step for step in plan.steps}
        self._stages: dict[str, _Stage] = {}
        self._gates = {step.name: Gate(serving.concurrency(step)) for step in plan.steps}
        self._voices: dict[str, int] = {}
        self._fallbacks: dict[str, tuple[Refusal, ...]] = {}
        self._damages: dict[str, int] = {}
        self._makers: dict[str, tuple[str, str]] = {}
        self._restarts: asyncio.Queue[str] = asyncio.Queue()
        self.reports: dict[tuple[str, str], ItemReport] = {}
        self.failures: dict[tuple[str, str], StepFailure] = {}

    async def run(self) -> dict[str, Any]:
        """Run to the end and return the values of the outputs that could be made.

        `reports` and `failures` tell the rest. Raises InputError when an input's bytes are gone.
        """
        try:
            self._start(self._plan.steps)
            while True:
                await self._settle()
                outputs = self._outputs()
                damaged = await asyncio.to_thread(self._damaged, outputs)
                if damaged is None:
                    return outputs
                await self._start_over(self._forget(damaged))
        finally:
            await self._stop(self._stages.values())

    def labels_of(self, step: str) -> list[str]:
        """The item keys of a step, as far as they are known."""
        stage = self._stages.get(step)
        return list(stage.items) if stage else []

    def values(self) -> dict[str, Any]:
        """The results of the steps that have ended, by name."""
        return {name: stage.whole.result().value for name, stage in self._stages.items() if stage.whole.done()}

    # -- starting, waiting, starting over ------------------------------------------------------

    def _start(self, steps: Iterable[Step]) -> None:
        steps = list(steps)
        for step in steps:
            self._stages[step.name] = _Stage()
        for step in steps:
            self._stages[step.name].task = asyncio.create_task(self._step(step), name=step.name)

    async def _settle(self) -> None:
        """Wait until every step has ended, starting over what asks for it meanwhile."""
        restart = asyncio.create_task(self._restarts.get())
        try:
            while running := {stage.task for stage in self._stages.values() if stage.task and not stage.task.done()}:
                done, _ = await asyncio.wait({*running, restart}, return_when=asyncio.FIRST_COMPLETED)
                for task in done - {restart}:
                    task.result()  # a defect of ours must not pass in silence
                if restart.done():
                    await self._start_over(restart.result())
                    restart = asyncio.create_task(self._restarts.get())
        finally:
            restart.cancel()

    async def _start_over(self, name: str) -> None:
        """Start a step anew, and all that depends on it."""
        affected = self._with_dependents(name)
        await self._stop(self._stages[step.name] for step in affected)
        while not self._restarts.empty():
            self._restarts.get_nowait()  # asked for by tasks that have just been stopped
        names = {step.name for step in affected}
        for label in [label for label in self.reports if label[0] in names]:
            del self.reports[label]
        for label in [label for label in self.failures if label[0] in names]:
            del self.failures[label]
        self._start(affected)

    async def _stop(self, stages: Iterable[_Stage]) -> None:
        tasks = [stage.task for stage in stages if stage.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _with_dependents(self, name: str) -> list[Step]:
        found = {name}
        for step in self._plan.steps:  # in plan order, so one pass reaches all
            if found & {*step.reads, *step.needs}:
                found.add(step.name)
        return [step for step in self._plan.steps if step.name in found]

    async def _ask_to_start_over(self, name: str) -> NoReturn:
        self._restarts.put_nowait(name)
        await asyncio.Event().wait()  # until this task is cancelled with the rest
        raise AssertionError("unreachable")

    # -- one step ------------------------------------------------------------------------------

    async def _step(self, step: Step) -> None:
        stage = self._stages[step.name]
        outcome = await self._step_outcome(step, stage)
        if not stage.keys.done():
            stage.keys.set_result(None)
        stage.whole.set_result(outcome)

    async def _step_outcome(self, step: Step, stage: _Stage) -> Outcome:
        if self._selection.steps is not None and step.name not in self._selection.steps:
            return Outcome(state="left_out")
        if step.name in self._selection.supplied:
            return self._note(step, "", Outcome(state="done", value=self._selection.supplied[step.name]))
        source = self._source(step)
        early = await self._await(step, [name for name in dict.fromkeys((*step.needs, *step.reads)) if name != source])
        if early is not None:
            return self._note(step, "", early) if step.for_each is None else early
        if step.for_each is None:
            stage.items[""] = asyncio.get_running_loop().create_future()
            outcome = await self._item(step, "", self._scope())
            stage.items[""].set_result(outcome)
            return outcome
        return await self._each(step, stage, source)

    async def _each(self, step: Step, stage: _Stage, source: str | None) -> Outcome:
        """All items of a `for_each`."""
        if source is None:
            try:
                elements = evaluate(step.for_each, self._scope()) if step.for_each is not None else None
            except ProviderError as error:
                return self._failed(step, "", (refusal_of("", error),))
            if elements is None:
                return self._note(step, "", Outcome(state="skipped"))
            keys = keys_of(elements)
            items = [asyncio.create_task(self._given(step, key, i, elements[i])) for i, key in enumerate(keys)]
        else:
            found = await asyncio.shield(self._stages[source].keys)
            if found is None:
                return await self._like(source)
            keys = found
            items = [asyncio.create_task(self._streamed(step, key, i, source)) for i, key in enumerate(keys)]
        loop = asyncio.get_running_loop()
        stage.items = {key: loop.create_future() for key in keys}
        for key, item in zip(keys, items, strict=True):
            item.add_done_callback(functools.partial(pass_on, stage.items[key]))
        stage.keys.set_result(keys)
        try:
            return combined(await asyncio.gather(*items))
        except BaseException:
            for item in items:
                item.cancel()
            await asyncio.gather(*items, return_exceptions=True)
            raise

    async def _given(self, step: Step, key: str, index: int, element: Any) -> Outcome:
        return await self._item(step, key, self._scope() | {"item": element, "index": index})

    async def _streamed(self, step: Step, key: str, index: int, source: str) -> Outcome:
        upstream = await asyncio.shield(self._stages[source].items[key])
        if (early := self._early(source, upstream)) is not None:
            return self._note(step, key, early)
        if upstream.value is None:
            return self._note(step, key, Outcome(state="skipped"))
        return await self._given(step, key, index, upstream.value)

    def _source(self, step: Step) -> str | None:
        """The step whose items this step follows one by one, if there is one."""
        each = step.for_each
        if isinstance(each, Ref) and len(each.path) == 1:
            upstream = self._steps.get(str(each.path[0]))
            if upstream is not None and upstream.for_each is not None:
                return upstream.name
        return None

    async def _await(self, step: Step, names: Iterable[str]) -> Outcome | None:
        """Wait for whole steps. Returns an outcome when this step cannot go on."""
        for name in names:
            if (early := self._early(name, await asyncio.shield(self._stages[name].whole))) is not None:
                return early
        return None

    async def _like(self, source: str) -> Outcome:
        outcome = await asyncio.shield(self._stages[source].whole)
        return self._early(source, outcome) or Outcome(state="skipped")

    def _early(self, name: str, outcome: Outcome) -> Outcome | None:
        """What a task becomes that reads this outcome of step `name`, when it cannot be served."""
        if outcome.state in ("failed", "blocked"):
            return None if self._steps[name].optional else Outcome(state="blocked")
        return Outcome(state="left_out") if outcome.state == "left_out" else None

    def _scope(self) -> dict[str, Any]:
        return {"inputs": self._inputs, **self.values()}

    # -- one task ------------------------------------------------------------------------------

    async def _item(self, step: Step, key: str, scope: dict[str, Any]) -> Outcome:
        label = f"{step.name}[{key}]"
        if label in self._selection.supplied:
            return self._note(step, key, Outcome(state="done", value=self._selection.supplied[label]))

        def told(ahead: int) -> None:
            self._emit(ItemWaiting(step=step.name, item=key, ahead=ahead))

        async with self._gates[step.name].passed(told):
            return await self._runner(step, key, lambda: self._body(step, key, scope))

    async def _body(self, step: Step, key: str, scope: dict[str, Any]) -> Outcome:
        try:
            if step.when is not None and not evaluate(step.when, scope):
                return self._note(step, key, Outcome(state="skipped"))
            values = resolve(step, scope)
        except ProviderError as error:
            return self._failed(step, key, (refusal_of("", error),))
        only = self._selection.item
        wanted = self._selection.compute and (only is None or not key or key == only)
        request = Request(
            step=step,
            item=key,
            values=values,
            force=step.name in self._selection.force and wanted,
            may_compute=wanted,
        )
        try:
            return await self._served(request)
        except Miss:
            return self._note(step, key, Outcome(state="left_out"))
        except Damaged as damaged:
            await self._ask_to_start_over(self._forget(damaged.digest))

    async def _served(self, request: Request) -> Outcome:
        """Ask the providers in order."""
        step = request.step
        first = self._voices.get(step.name, 0)
        refusals = self._fallbacks.get(step.name, ())
        for index in range(first, len(step.providers)):
            provider_id = step.providers[index]
            try:
                served = await self._serving.serve(request, provider_id)
            except ProviderError as error:
                refusal = refusal_of(provider_id, error, request)
                refusals = (*refusals, refusal)
                if not error.falls_back or index + 1 == len(step.providers):
                    return self._failed(step, request.item, refusals)
                await self._fall_back(request, index + 1, refusals)
                continue
            except StoreError as error:
                return self._failed(step, request.item, (*refusals, refusal_of(provider_id, error)))
            return self._note_served(request, served, refusals)
        return self._failed(step, request.item, refusals)

    async def _fall_back(self, request: Request, index: int, refusals: tuple[Refusal, ...]) -> None:
        """To the next provider: for this task, or when the voice must not change, for the whole step."""
        step = request.step
        whole = one_voice(step)
        self._emit(
            StepFellBack(
                step=step.name,
                item="" if whole else request.item,
                provider=step.providers[index],
                refusal=refusals[-1],
            )
        )
        if whole:
            self._voices[step.name] = max(index, self._voices.get(step.name, 0))
            self._fallbacks[step.name] = refusals
            await self._ask_to_start_over(step.name)

    def _note_served(self, request: Request, served: Served, refusals: tuple[Refusal, ...]) -> Outcome:
        for artifact in artifacts_in(served.result):
            self._makers[artifact.digest] = (request.step.name, served.key)
        outcome = Outcome(state="reused" if served.reused else "done", value=served.result)
        return self._note(request.step, request.item, outcome, served=served, fell_back=refusals)

    def _note(
        self,
        step: Step,
        item: str,
        outcome: Outcome,
        *,
        served: Served | None = None,
        fell_back: tuple[Refusal, ...] = (),
    ) -> Outcome:
        report = ItemReport(
            step=step.name,
            item=item,
            state=outcome.state,
            provider=served.provider if served else "",
            provider_version=served.provider_version if served else "",
            seconds=served.seconds if served else 0.0,
            notices=served.notices if served else (),
            fell_back=fell_back,
        )
        self.reports[step.name, item] = report
        self._emit(ItemEnded(report=report))
        return outcome

    def _failed(self, step: Step, item: str, refusals: tuple[Refusal, ...]) -> Outcome:
        self.failures[step.name, item] = StepFailure(
            step=step.name, item=item, refusals=refusals, optional=step.optional
        )
        return self._note(step, item, Outcome(state="failed"), fell_back=refusals[:-1])

    # -- outputs and damage --------------------------------------------------------------------

    def _outputs(self) -> dict[str, Any]:
        """The outputs that could be made; for a part of the plan, what was asked for instead."""
        scope = self._scope()
        made = {output.name: evaluate(output.value, scope) for output in self._plan.outputs if self._makeable(output)}
        if (until := self._selection.until) is not None:
            made.setdefault(until, scope[until])
        found = {name: value for name, value in made.items() if value is not None}
        return found or self._items_made()

    def _makeable(self, output: Output) -> bool:
        """Has every step that the output reads come to a value, or to a None that its author reckons with?"""
        read = [name for name in names_in(output.value) if name in self._stages]
        return all(self._early(name, self._stages[name].whole.result()) is None for name in read)

    def _items_made(self) -> dict[str, Any]:
        """With `--only`: the results of that item, where the whole could not be made."""
        item = self._selection.item
        if item is None:
            return {}
        ended = {name: stage.items[item].result() for name, stage in self._stages.items() if item in stage.items}
        return {f"{name}-{item}": outcome.value for name, outcome in ended.items() if outcome.value is not None}

    def _damaged(self, outputs: dict[str, Any]) -> str | None:
        return next((each.digest for each in artifacts_in(outputs) if not self._serving.store.verify(each)), None)

    def _forget(self, digest: str) -> str:
        """Drop the record behind a damaged artifact; returns the step that must make it again."""
        maker = self._makers.pop(digest, None)
        self._damages[digest] = self._damages.get(digest, 0) + 1
        if self._damages[digest] > _MAX_DAMAGES:
            raise StoreError(
                "a result is damaged in the store as often as it is made", remedy="check the disk the store is on"
            )
        if maker is None:
            raise InputError(
                "the bytes of an input are no longer in the store", remedy="run again with the original file"
            )
        step, key = maker
        self._serving.store.delete_record(key)
        return step
