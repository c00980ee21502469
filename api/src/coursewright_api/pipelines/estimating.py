"""What a job will take, before it is made: the plan is gone through with stand-ins for the results.

A stand-in has the size that is known (a script of five minutes), and each provider estimates the requests that are
made of it. What nobody knows yet, such as how long a model's answer becomes, is supposed once small and once large: an
estimate that is the same both times rests on what is known, and any other stays unknown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from coursewright import providers
from coursewright.catalog import AnyProvider, Catalog
from coursewright.errors import CoursewrightError, Unsuited
from coursewright.expressions import evaluate
from coursewright.plan import Expression, Plan, Ref, Step, Value
from coursewright.run.hosting import hosted
from coursewright.run.values import options_of, request_of, resolve
from coursewright.settings import Settings

from coursewright_api.pipelines import view
from coursewright_api.pipelines.reading import inputs_of
from coursewright_api.pipelines.stand_ins import World, result_of, worlds
from coursewright_api.pipelines.structs import Amount, Estimate, StepEstimate

_DEPENDS = "it depends on how long what comes before it becomes"


class _Unknown(Exception):
    """Nothing can be told of a step; the message says why."""


class _Guess(msgspec.Struct, frozen=True, kw_only=True):
    """What one step takes in one world."""

    provider: str
    tasks: int = 1
    seconds: float | None = None
    money: float | None = None
    currency: str = ""
    reason: str = ""
    remedy: str = ""
    refused: bool = False


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a run beforehand: results that are given, and how many tasks of a step are finished."""

    results: Mapping[str, Any] = {}
    wanted: Mapping[str, Sequence[bool]] = {}
    """By step, of each of its tasks in their order: must it be made? Those of other steps must."""


def estimate(plan: Plan, values: Mapping[str, Any], catalog: Catalog, settings: Settings, known: Known) -> Estimate:
    """What a run of the plan takes. `values` by input, files as artifacts; those that are not there are unknown.

    Blocks on small files of the installation. Raises nothing that the values are to blame for.
    """
    given = {spec.name: spec.default for spec in plan.inputs}
    given |= {name: value for name, value in values.items() if value is not None and name in given}
    lacking = {spec.name for spec in plan.inputs if spec.required and given[spec.name] is None}
    told = [_Walk(plan, given, lacking, catalog, settings, world, known).steps() for world in worlds()]
    steps = [_agreed(step, *(each[step.name] for each in told)) for step in plan.steps]
    return _in_all(steps, view.sends(plan, catalog))


class _Walk:
    """The plan from top to bottom in one world."""

    def __init__(
        self,
        plan: Plan,
        given: Mapping[str, Any],
        lacking: set[str],
        catalog: Catalog,
        settings: Settings,
        world: World,
        known: Known,
    ) -> None:
        self._plan = plan
        self._lacking = lacking
        self._catalog = catalog
        self._settings = settings
        self._world = world
        self._known = known
        self._scope: dict[str, Any] = {"inputs": dict(given)}

    def steps(self) -> dict[str, _Guess]:
        """What each step takes."""
        found = {}
        for step in self._plan.steps:
            guess = self._served(step)
            made = any(self._known.wanted.get(step.name, [True]))
            found[step.name] = guess if made else _nothing(guess.provider)
        return found

    def _served(self, step: Step) -> _Guess:
        """By the first provider that does not refuse; when all do, it is the first who says why."""
        first = self._guess(step, step.providers[0])
        if not first.refused:
            return first
        others = (self._guess(step, provider_id) for provider_id in step.providers[1:])
        return next((guess for guess in others if not guess.refused), first)

    def _guess(self, step: Step, provider_id: str) -> _Guess:
        try:
            return self._step(step, provider_id)
        except _Unknown as unknown:
            return _Guess(provider=provider_id, reason=str(unknown))
        except Unsuited as refusal:
            return _Guess(provider=provider_id, reason=refusal.message, remedy=refusal.remedy, refused=True)
        except CoursewrightError as error:
            return _Guess(provider=provider_id, reason=self._reason(step, error))

    def _step(self, step: Step, provider_id: str) -> _Guess:
        if step.name in self._known.results:
            self._scope[step.name] = self._known.results[step.name]
            return _nothing(provider_id)
        if gone := [name for name in step.reads if name not in self._scope]:
            raise _Unknown(f"it depends on '{gone[0]}', of which nothing is known")
        if provider_id not in self._catalog.offers:
            raise _Unknown(f"{provider_id} is not installed")
        provider = self._catalog.provider(provider_id)
        if step.when is not None and not _of_items(step.when) and not evaluate(step.when, self._scope):
            self._scope[step.name] = None
            return _nothing(provider_id)
        each = evaluate(step.for_each, self._scope) if step.for_each is not None else None
        items = each if isinstance(each, list) else [None]
        made = [self._task(step, provider, item, index) for index, item in enumerate(items)]
        results = [result for _, result in made]
        self._scope[step.name] = results if step.for_each is not None else results[0]
        wanted = self._known.wanted.get(step.name, ())
        counted = [guess for at, (guess, _) in enumerate(made) if at >= len(wanted) or wanted[at]]
        return _summed(provider_id, provider, counted)

    def _task(
        self, step: Step, kind: type[AnyProvider], item: Any, index: int
    ) -> tuple[providers.Estimate, msgspec.Struct]:
        values = resolve(step, {**self._scope, "item": item, "index": index})
        request = request_of(step, kind, values)
        provider = hosted(kind, self._settings, options_of(step, kind, values))
        try:
            guess = provider.estimate(request)
        except CoursewrightError:
            raise
        except Exception as error:  # whatever a stranger's estimate raises
            raise _Unknown(f"{kind.capability}.{kind.name} cannot estimate") from error
        return guess, result_of(request, provider, self._world)

    def _reason(self, step: Step, error: CoursewrightError) -> str:
        missing = sorted(inputs_of(step) & self._lacking)
        return f"the input '{missing[0]}' is not given" if missing else error.message


def _nothing(provider_id: str) -> _Guess:
    return _Guess(provider=provider_id, tasks=0, seconds=0.0, money=0.0)


def _of_items(value: Value) -> bool:
    match value:
        case Expression():
            return bool({"item", "index"} & set(value.roots))
        case Ref():
            return value.path[0] in ("item", "index")
    return False


def _summed(provider_id: str, kind: type[AnyProvider], guesses: list[providers.Estimate]) -> _Guess:
    seconds = [each.seconds for each in guesses if each.seconds is not None]
    money = [each.money for each in guesses if each.money is not None]
    free = kind.cost == "free"
    reasons = []
    if len(seconds) < len(guesses):
        reasons.append(f"{provider_id} {'was not timed here yet' if kind.unit else 'does not say beforehand'}")
    if len(money) < len(guesses) and not free:
        reasons.append(f"no price is set for {provider_id}")
    return _Guess(
        provider=provider_id,
        tasks=len(guesses),
        seconds=math.fsum(seconds) if len(seconds) == len(guesses) else None,
        money=math.fsum(money) if len(money) == len(guesses) else 0.0 if free else None,
        currency=next((each.currency for each in guesses if each.money), ""),
        reason="; ".join(reasons),
    )


def _agreed(step: Step, small: _Guess, large: _Guess) -> StepEstimate:
    """What holds in both worlds."""
    seconds = small.seconds if _same(small.seconds, large.seconds) else None
    money = small.money if _same(small.money, large.money) and small.currency == large.currency else None
    differs = (seconds is None and small.seconds is not None) or (money is None and small.money is not None)
    reason = "; ".join(dict.fromkeys(filter(None, [small.reason, large.reason, _DEPENDS if differs else ""])))
    return StepEstimate(
        step=step.name,
        provider=small.provider,
        tasks=small.tasks,
        tasks_guessed=step.for_each is not None and small.tasks > 0,
        seconds=round(seconds, 1) if seconds is not None else None,
        cost=Amount(money=round(money, 6), currency=small.currency or "USD") if money is not None else None,
        reason=reason,
        remedy=small.remedy,
        refused=small.refused and large.refused,
    )


def _same(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and math.isclose(one, other, rel_tol=0.02, abs_tol=0.05)


def _in_all(steps: list[StepEstimate], sends: list[Any]) -> Estimate:
    known = [each.seconds for each in steps if each.seconds is not None]
    amounts = [each.cost for each in steps if each.cost is not None]
    lengths = [each.step for each in steps if each.seconds is None]
    prices = [each.step for each in steps if each.cost is None]
    by_currency: dict[str, float] = {}
    for amount in amounts:
        if amount.money:
            by_currency[amount.currency] = by_currency.get(amount.currency, 0.0) + amount.money
    told = [f"the time of {', '.join(lengths)} is unknown"] if lengths else []
    told += [f"the cost of {', '.join(prices)} is unknown"] if prices else []
    return Estimate(
        steps=steps,
        seconds=round(math.fsum(known), 1) if not lengths else None,
        known_s=round(math.fsum(known), 1),
        costs=None if prices else [Amount(money=round(sum_, 6), currency=name) for name, sum_ in by_currency.items()],
        reason="; ".join(told),
        sends=sends,
    )
