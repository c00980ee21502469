"""The tables. What changes here needs a migration: `migrations` says how one is written."""

from __future__ import annotations

from piccolo.columns import UUID, BigInt, BigSerial, Boolean, ForeignKey, Integer, OnDelete, Real, Text, Varchar
from piccolo.table import Table

from coursewright_api.database.columns import Time
from coursewright_api.database.states import (
    AssetState,
    AssetType,
    EndReason,
    JobState,
    LinkPurpose,
    PipelineOrigin,
    Priority,
    Purpose,
    Role,
    StepState,
    UserState,
)


class User(Table, tablename="users"):
    """A person with an account."""

    id = UUID(primary_key=True)
    email = Varchar(length=254, unique=True)
    """Lower case."""
    username = Varchar(length=32)
    """As the person writes it."""
    username_key = Varchar(length=32, unique=True)
    """Lower case: two names that differ in case only are one."""
    full_name = Varchar(length=120)
    password_hash = Varchar(length=200)
    """Argon2id. Empty for an invited person who has not chosen one."""
    role = Varchar(length=32, choices=Role, default=Role.author)
    state = Varchar(length=32, choices=UserState, default=UserState.active)
    created_at = Time()
    updated_at = Time()
    last_login_at = Time()


class Session(Table, tablename="session"):
    """A login: the family of refresh tokens that follow one another from it."""

    id = UUID(primary_key=True)
    user = ForeignKey(User, on_delete=OnDelete.cascade, null=False, index=True)
    generation = Integer(default=0)
    """How often the refresh token was replaced. Only the newest is good."""
    remembered = Boolean(default=False)
    address = Varchar(length=64)
    user_agent = Varchar(length=200)
    created_at = Time()
    used_at = Time()
    """When it was refreshed last."""
    expires_at = Time(index=True)
    ended_at = Time()
    end_reason = Varchar(length=32, choices=EndReason, null=True, default=None)


class ApiKey(Table, tablename="api_key"):
    """A key for a program. The key itself is shown once and kept nowhere."""

    id = UUID(primary_key=True)
    user = ForeignKey(User, on_delete=OnDelete.cascade, null=False, index=True)
    name = Varchar(length=80)
    hint = Varchar(length=16)
    """The key's first characters, to tell keys apart."""
    digest = Varchar(length=64, unique=True)
    """SHA-256: the key has 256 random bits, so nothing slower is needed."""
    scopes = Varchar(length=80)
    """Separated by spaces."""
    created_at = Time()
    used_at = Time()
    expires_at = Time()
    revoked_at = Time()


class OneTimeLink(Table, tablename="one_time_link"):
    """A link that works once: the first admin's set-up, or a new password."""

    id = UUID(primary_key=True)
    purpose = Varchar(length=32, choices=LinkPurpose, default=LinkPurpose.password)
    digest = Varchar(length=64, unique=True)
    user = ForeignKey(User, on_delete=OnDelete.cascade, null=True, default=None, index=True)
    created_at = Time()
    expires_at = Time(index=True)
    used_at = Time()


class Throttle(Table, tablename="throttle"):
    """How often something was tried in the running window. The key is a hash: no address is kept in the clear."""

    key = Varchar(length=64, primary_key=True)
    tries = Integer(default=0)
    ends = BigInt(default=0, index=True)
    """End of the window, seconds since 1970."""


class AuditEvent(Table, tablename="audit_event"):
    """Something that matters for security, and who did it."""

    id = BigSerial(primary_key=True)
    at = Time(index=True)
    action = Varchar(length=40)
    actor = ForeignKey(User, on_delete=OnDelete.set_null, null=True, default=None)
    actor_name = Varchar(length=254)
    subject = Varchar(length=254)
    """Whom or what it was done to."""
    address = Varchar(length=64)
    detail = Text()


class PipelineVersion(Table, tablename="pipeline_version"):
    """A pipeline with the prompts it reads, as it was at some time. Never changed; a job names the one it runs."""

    id = UUID(primary_key=True)
    name = Varchar(length=64)
    number = Integer(default=1)
    """1, 2, 3 … of that name."""
    current = Boolean(default=True)
    """The version that new jobs run: one at most of each name, none of a deleted pipeline."""
    title = Varchar(length=200)
    description = Text()
    text = Text()
    """The YAML."""
    files = Text()
    """JSON: the texts beside it that it reads, by their relative paths."""
    bundle = Text()
    """The reference of both as one artifact (`coursewright.run.references`)."""
    bundle_digest = Varchar(length=64, index=True)
    origin = Varchar(length=32, choices=PipelineOrigin, default=PipelineOrigin.edited)
    note = Varchar(length=200)
    author = ForeignKey(User, on_delete=OnDelete.set_null, null=True, default=None)
    created_at = Time()
    deployment = UUID(null=True, default=None)
    """Prefect's deployment of that name, once it has this version."""


class Job(Table, tablename="job"):
    """One run of a pipeline that a person asked for. Retrying it is another attempt of the same job."""

    id = UUID(primary_key=True)
    owner = ForeignKey(User, on_delete=OnDelete.cascade, null=False)
    pipeline_version = ForeignKey(PipelineVersion, on_delete=OnDelete.restrict, null=False)
    pipeline = Varchar(length=64)
    """The pipeline's name."""
    title = Varchar(length=200)
    description = Text()
    purpose = Varchar(length=32, choices=Purpose, default=Purpose.course)
    priority = Varchar(length=32, choices=Priority, default=Priority.normal)
    inputs = Text()
    """JSON: what the person gave, by input; files as the ids of assets."""
    parameters = Text()
    """JSON: the same as a run gets it; files as references of artifacts."""
    providers = Text()
    """JSON: the providers chosen for this job, by step or capability."""
    part = Text()
    """JSON: which part of the pipeline the present attempt is to make (`coursewright.run.selecting.Part`)."""
    batch = UUID(null=True, default=None)
    idempotency_key = Varchar(length=200, null=True, default=None)
    request_digest = Varchar(length=64)
    """Of the request that came with that key: another request with the same key is refused."""

    state = Varchar(length=32, choices=JobState, default=JobState.pending)
    attempt = Integer(default=1)
    flow_run = UUID(null=True, default=None)
    """Prefect's run of the present attempt; none while it is not submitted."""
    progress = Real(default=0.0)
    """0 to 1; never falls within an attempt."""
    message = Text()
    """What is being done, or what ended it, in a sentence."""
    error = Text()
    """JSON: what failed (`StepFailure`s of the run's report), or empty."""
    outputs = Text()
    """JSON: the values of the pipeline's outputs, or empty."""
    script = Text()
    """JSON: the script that was made last, with its step (`coursewright_api.jobs.live.Made`), or empty."""
    script_edit = Text()
    """JSON: the script as its author wants it, or empty where the step gives it. The next attempt is made of it."""
    expected_s = Real(null=True, default=None)
    """Seconds that the run was estimated to take; none where nobody could tell."""
    created_at = Time()
    updated_at = Time()
    started_at = Time()
    ended_at = Time()
    cancel_requested_at = Time()


class JobStep(Table, tablename="job_step"):
    """One task of a job's present attempt: a step, or one item of a `for_each`."""

    id = BigSerial(primary_key=True)
    job = ForeignKey(Job, on_delete=OnDelete.cascade, null=False)
    step = Varchar(length=64)
    item = Varchar(length=120)
    """The item's key, such as a scene's id; empty for a step without items."""
    position = Integer(default=0)
    """The step's place in the pipeline."""
    state = Varchar(length=32, choices=StepState, default=StepState.waiting)
    provider = Varchar(length=80)
    """Who serves, or has served, it."""
    progress = Real(default=0.0)
    message = Text()
    error = Text()
    """JSON: the refusals that made it fail or fall back, or empty."""
    notices = Text()
    """JSON: what providers want the author to know, or empty."""
    task_run = UUID(null=True, default=None)
    started_at = Time()
    ended_at = Time()


class JobEvent(Table, tablename="job_event"):
    """A change of a job, as its followers are told of it. Ids are committed in their order."""

    id = BigSerial(primary_key=True)
    job = ForeignKey(Job, on_delete=OnDelete.cascade, null=False)
    owner = ForeignKey(User, on_delete=OnDelete.cascade, null=False)
    at = Time()
    type = Varchar(length=32)
    data = Text()
    """JSON."""


class Asset(Table, tablename="asset"):
    """A file that a person owns: uploaded, or made by a job. Its bytes are an artifact of the store."""

    id = UUID(primary_key=True)
    owner = ForeignKey(User, on_delete=OnDelete.cascade, null=False)
    type = Varchar(length=32, choices=AssetType, default=AssetType.document)
    state = Varchar(length=32, choices=AssetState, default=AssetState.pending)
    reason = Text()
    """Why it failed, for its owner."""
    name = Varchar(length=200)
    description = Text()
    file_name = Varchar(length=255)
    digest = Varchar(length=64, null=True, default=None, index=True)
    media_type = Varchar(length=127)
    size_bytes = BigInt(default=0)
    width_px = Integer(null=True, default=None)
    height_px = Integer(null=True, default=None)
    duration_s = Real(null=True, default=None)
    preview = Text()
    """The reference of a thumbnail or waveform, or empty."""
    notes = Text()
    """JSON: what its owner should know about it, such as "two faces were found", or empty."""
    job = ForeignKey(Job, on_delete=OnDelete.cascade, null=True, default=None, index=True)
    """The job that made it, for results."""
    output = Varchar(length=64)
    """Which output of the job it belongs to."""
    upload_expires_at = Time(index=True)
    created_at = Time()
    updated_at = Time()
    deleted_at = Time(index=True)
    """Hidden since then; removed for good later, so that it can be undone."""


class Consent(Table, tablename="consent"):
    """A person's consent to the use of their likeness or voice in one asset."""

    id = UUID(primary_key=True)
    owner = ForeignKey(User, on_delete=OnDelete.cascade, null=False)
    asset = ForeignKey(Asset, on_delete=OnDelete.cascade, null=False, index=True)
    person = Varchar(length=120)
    """Whose face or voice it is."""
    purpose = Varchar(length=500)
    statement = Text()
    """The text that was agreed to."""
    recording = ForeignKey(Asset, on_delete=OnDelete.set_null, null=True, default=None, index=True)
    """The person saying so, where there is such a recording."""
    given_at = Time()
    created_at = Time()
    revoked_at = Time()


class ShareLink(Table, tablename="share_link"):
    """A link by which anybody may watch a job's results."""

    id = UUID(primary_key=True)
    owner = ForeignKey(User, on_delete=OnDelete.cascade, null=False)
    job = ForeignKey(Job, on_delete=OnDelete.cascade, null=False, index=True)
    title = Varchar(length=200)
    may_download = Boolean(default=False)
    password_hash = Varchar(length=200)
    """Argon2id, or empty for a link without a password."""
    opened = Integer(default=0)
    created_at = Time()
    expires_at = Time()
    revoked_at = Time()


TABLES: tuple[type[Table], ...] = (
    User,
    Session,
    ApiKey,
    OneTimeLink,
    Throttle,
    AuditEvent,
    PipelineVersion,
    Job,
    JobStep,
    JobEvent,
    Asset,
    Consent,
    ShareLink,
)
"""All tables, in the order in which they refer to each other."""
