"""What goes in and out of the routes for pipelines."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from coursewright.document.problems import Problem
from litestar.datastructures import UploadFile
from msgspec import Meta

from coursewright_api.bodies import LINE, In
from coursewright_api.database.states import PipelineOrigin
from coursewright_api.pipelines.scan import FileProblem

MAX_TEXT = 1_000_000
"""Characters; the checker sets a tighter limit, with a message of its own."""
FilePath = Annotated[str, Meta(min_length=1, max_length=200)]
Files = Annotated[
    dict[FilePath, Annotated[str, Meta(max_length=MAX_TEXT)]],
    Meta(max_length=100, description="The texts beside it, such as prompts, by their relative paths."),
]
PipelineText = Annotated[
    str,
    Meta(
        max_length=MAX_TEXT,
        description="The YAML.",
        examples=[
            "name: hello\ninputs: {text: {type: text}}\nsteps:\n  speech: {uses: tts, with: {text: '${inputs.text}'}}\n"
            "outputs: {audio: '${speech.audio}'}\n"
        ],
    ),
]
Note = Annotated[str, Meta(max_length=200, pattern=LINE, description="What is new, in a few words.")]


class CheckRequest(In, frozen=True, kw_only=True):
    """A pipeline that nobody keeps."""

    text: PipelineText
    files: Files = msgspec.field(default_factory=dict)


class CreateRequest(In, frozen=True, kw_only=True):
    """A new pipeline. Its name is the one in the text."""

    text: PipelineText
    files: Files = msgspec.field(default_factory=dict)
    note: Note = ""


class ChangeRequest(In, frozen=True, kw_only=True):
    """A new version."""

    text: PipelineText
    files: Files = msgspec.field(default_factory=dict)
    note: Note = ""
    base_version: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="The number of the version that was changed; or send it as `If-Match`."),
    ] = None


class RestoreRequest(In, frozen=True, kw_only=True):
    """Which version new jobs are to run."""

    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]


class ImportForm(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline in a file."""

    file: UploadFile


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """What leaves the machine."""

    provider: str
    what: Annotated[str, Meta(description="What is sent, and to whom.")]
    steps: Annotated[list[str], Meta(description="In which steps.")]
    fallback: Annotated[bool, Meta(description="Only when the provider before it does not serve.")]


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A step."""

    step: str
    title: str
    capability: str
    providers: Annotated[list[str], Meta(description="In the order in which they are asked.")]
    for_each: Annotated[str, Meta(description="What it goes over, item by item; empty: one task.")] = ""
    when: Annotated[str, Meta(description="Its condition; empty: always.")] = ""
    needs: Annotated[list[str], Meta(description="Steps it waits for without using their results.")] = []
    optional: bool = False
    gives: Annotated[str, Meta(description="The type of what each of its tasks gives: script, speech, slide.")] = ""
    inputs: Annotated[list[str], Meta(description="Inputs that it reads itself.")] = []


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """A step that another depends on."""

    source: str
    target: str
    kind: Annotated[
        Literal["reads", "each", "needs"],
        Meta(description="`each`: item by item, as soon as one is there. `needs`: waits without using the result."),
    ]


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """Steps in an order in which each comes after what it depends on."""

    nodes: list[Node]
    edges: list[Edge]


class PipelineInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline that jobs can be made with."""

    name: str
    title: str
    description: str
    version: Annotated[int, Meta(description="The number of the current version.")]
    version_id: UUID
    origin: PipelineOrigin
    created_at: Annotated[datetime, Meta(description="When this version was made.")]
    steps: Annotated[int, Meta(description="How many.")] = 0
    capabilities: Annotated[list[str], Meta(description="What kinds of work they are.")] = []
    inputs: Annotated[dict[str, Any], Meta(description="JSON Schema of the inputs, in the order of a form.")] = {}
    outputs: list[str] = []
    sends: list[Sending] = []
    usual_s: Annotated[float | None, Meta(description="Seconds that half of its last jobs took; null without any.")] = (
        None
    )
    fault: Annotated[
        str, Meta(description="Why no job can be made with it now, such as a provider that is gone; else empty.")
    ] = ""


class Pipeline(PipelineInfo, frozen=True, kw_only=True):
    """A pipeline, or one version of it, in full."""

    current: bool
    text: str
    files: dict[str, str]
    note: str
    graph: Graph


class PipelinePage(msgspec.Struct, frozen=True, kw_only=True):
    """Part of the list."""

    items: list[PipelineInfo]
    next_cursor: Annotated[str | None, Meta(description="Where the next page begins; null on the last one.")] = None
    problems: Annotated[
        list[FileProblem], Meta(description="Files of the operator's folder that are not taken; for designers.")
    ] = []


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a pipeline."""

    version: int
    version_id: UUID
    current: bool
    title: str
    origin: PipelineOrigin
    note: str
    author: Annotated[str, Meta(description="Their user name; empty for a file, or when the account is gone.")]
    created_at: datetime


class CheckAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the checker says."""

    ok: Annotated[bool, Meta(description="Can it be run? Warnings do not matter for that.")]
    problems: Annotated[
        tuple[Problem, ...],
        Meta(description="In file order, as `coursewright check --json` has them; `hint` is the way out."),
    ]
    name: str = ""
    title: str = ""
    inputs: dict[str, Any] = {}
    graph: Graph | None = None


class EstimateRequest(In, frozen=True, kw_only=True):
    """What a job would be given. Inputs may be left out: what depends on them stays unknown."""

    inputs: Annotated[
        dict[Annotated[str, Meta(max_length=64)], Any],
        Meta(
            max_length=100, description="By name; a file by the id of its asset.", examples=[{"text": "Good morning."}]
        ),
    ] = msgspec.field(default_factory=dict)
    providers: Annotated[
        dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=80)]],
        Meta(max_length=100, description="Chosen for this job, by step or capability.", examples=[{"tts": "espeak"}]),
    ] = msgspec.field(default_factory=dict)


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """Money."""

    money: float
    currency: str


class StepEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """What one step takes. Null is unknown, and `reason` says why."""

    step: str
    provider: Annotated[str, Meta(description="The first that does not refuse it.")]
    tasks: Annotated[int, Meta(description="A guess for a `for_each` whose items nobody knows yet.")] = 1
    tasks_guessed: bool = False
    seconds: Annotated[float | None, Meta(description="Of work, for all of its tasks.")] = None
    cost: Amount | None = None
    reason: str = ""
    remedy: Annotated[str, Meta(description="What to do about a refusal.")] = ""
    refused: Annotated[bool, Meta(description="No provider of the step can do this: the job would fail there.")] = False


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a job takes. Null is unknown: nothing was measured here, or it depends on what is not known yet."""

    steps: list[StepEstimate]
    seconds: Annotated[float | None, Meta(description="All steps one after the other; usually they overlap.")] = None
    known_s: Annotated[float, Meta(description="Of the steps for which it is known.")] = 0.0
    usual_s: Annotated[float | None, Meta(description="Seconds that half of its last jobs took.")] = None
    costs: Annotated[list[Amount] | None, Meta(description="By currency; null when one of them is unknown.")] = None
    reason: str = ""
    sends: list[Sending] = []
