"""What the engine adds to Prefect: a compiled pipeline against the same flow written by hand.

Both run in one process against one server, in turns, and do the same trivial work; both keep their results
so that a second run would not repeat it (the hand-written one with Prefect's own persisted results).

    python bench/steps.py            # a table of ratios; the limit is 1.10
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from coursewright.capabilities.llm import LlmRequest, LlmText, Scene, Script
from coursewright.catalog import Catalog, catalog_of
from coursewright.compile import compile_pipeline
from coursewright.plan import Plan
from coursewright.providers import Context, Provider
from coursewright.run.server import environment, prefect_api, stop
from coursewright.settings import Settings
from coursewright.store.local import LocalStore

ROUNDS = 5
LIMIT = 1.10


class Trivial(Provider[LlmRequest, LlmText]):
    """Returns what it is given."""

    capability, name, summary, version = "llm", "trivial", "echo", "1"

    def run(self, request: LlmRequest, context: Context) -> LlmText:
        return LlmText(text=str(request.data["text"]))


class Scenes(Provider[LlmRequest, Script]):
    """A script of as many scenes as asked."""

    capability, name, summary, version = "llm", "scenes", "scenes", "1"

    def run(self, request: LlmRequest, context: Context) -> Script:
        count, salt = request.data["count"], request.data["salt"]
        return Script(
            title="T", scenes=[Scene(id=f"s{i}", title=f"{i}", narration=f"{salt} {i}") for i in range(count)]
        )


def sequential(count: int) -> str:
    """A pipeline of `count` steps, each reading the one before."""
    lines = ["name: sequential", "inputs: {salt: {type: text}}", "steps:"]
    for i in range(count):
        before = f"${{s{i - 1}.text}}" if i else "${inputs.salt}"
        lines.append(f'  s{i}: {{uses: llm.trivial, with: {{data: {{text: "{before}"}}}}}}')
    return "\n".join([*lines, f'outputs: {{last: "${{s{count - 1}.text}}"}}'])


def for_each(count: int) -> str:
    """A pipeline of one step over `count` items."""
    return f"""
name: for_each
inputs: {{salt: {{type: text}}}}
steps:
  script: {{uses: llm.scenes, with: {{data: {{count: {count}, salt: "${{inputs.salt}}"}}, returns: script}}}}
  each:
    uses: llm.trivial
    for_each: ${{script.scenes}}
    with: {{data: {{text: "${{item.narration}}"}}}}
outputs: {{all: "${{each.text}}"}}
"""


def by_hand(count: int, *, each: bool) -> Callable[[str], Awaitable[Any]]:
    """The same as a flow that a Prefect user would write."""
    from prefect import flow, task
    from prefect.cache_policies import INPUTS

    @task(persist_result=True, cache_policy=INPUTS, task_run_name="{name}")
    async def one(name: str, text: str) -> str:
        return text

    @task(persist_result=True, cache_policy=INPUTS)
    async def scenes(salt: str) -> list[str]:
        return [f"{salt} {i}" for i in range(count)]

    @flow(name="by-hand-sequential")
    async def in_a_row(salt: str) -> str:
        text = salt
        for i in range(count):
            text = await one(f"s{i}", text)
        return text

    @flow(name="by-hand-each")
    async def at_once(salt: str) -> list[str]:
        texts = await scenes(salt)
        return await asyncio.gather(*(one(f"each[s{i}]", text) for i, text in enumerate(texts)))

    return at_once if each else in_a_row


def compiled(plan: Plan, catalog: Catalog, settings: Settings, folder: Path) -> Callable[[str], Awaitable[Any]]:
    """The pipeline as the engine runs it."""
    from coursewright.run.execute import Execution
    from coursewright.run.flow import run_in_flow

    async def run(salt: str) -> Any:
        inputs = {"salt": salt}
        execution = Execution(plan, inputs, catalog=catalog, store=LocalStore(folder), settings=settings)
        report = await run_in_flow(execution, inputs)
        assert report.state == "completed", report.failures
        return report

    return run


async def seconds(run: Callable[[str], Awaitable[Any]], salt: str) -> float:
    """Wall time of one run."""
    started = time.perf_counter()
    await run(salt)
    return time.perf_counter() - started


async def compare(settings: Settings, folder: Path) -> None:
    """Print the table."""
    catalog = catalog_of({"bench": [Trivial, Scenes]})
    print(f"{'steps':>6} {'shape':<11} {'by hand s':>10} {'compiled s':>11} {'ratio':>6}   limit {LIMIT:.2f}")
    for shape, text in (("sequential", sequential), ("for_each", for_each)):
        for count in (1, 20, 200):
            plan = compile_pipeline(text(count), name=shape, catalog=catalog, read=lambda _: None)
            ours = compiled(plan, catalog, settings, folder / "store")
            hand = by_hand(count, each=shape == "for_each")
            ratios, ours_s, hand_s = [], [], []
            for number in range(ROUNDS + 1):
                salt = f"{shape} {count} {number}"
                pair = (await seconds(hand, salt), await seconds(ours, salt))
                if number:  # the first round warms both
                    hand_s.append(pair[0])
                    ours_s.append(pair[1])
                    ratios.append(pair[1] / pair[0])
            print(
                f"{count:>6} {shape:<11} {statistics.median(hand_s):>10.2f} {statistics.median(ours_s):>11.2f} "
                f"{statistics.median(ratios):>6.2f}"
            )


def main() -> None:
    """Run the benchmark against an embedded server of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = Settings(data_dir=folder)
        with prefect_api(settings) as api:
            os.environ.update(environment(settings, api.url))
            api.wait()
            asyncio.run(compare(settings, folder))
        stop(settings)


if __name__ == "__main__":
    main()
