"""Versions of pipelines as rows."""

from __future__ import annotations

import re
import uuid
from typing import Any
from uuid import UUID

import msgspec
from coursewright.run.bundles import Bundle

from coursewright_api.database.columns import contains, now
from coursewright_api.database.states import PipelineOrigin
from coursewright_api.database.tables import PipelineVersion
from coursewright_api.pages import after
from coursewright_api.pipelines.compiling import Compiled, label_of
from coursewright_api.problems import not_found

MAX_TITLE = 200
MAX_NUMBER = 2**31 - 1
Row = dict[str, Any]
_NAME = re.compile("[a-z][a-z0-9_-]{0,62}")
_HEAVY = ("text", "files", "bundle", "description")
_LIGHT = tuple(column for column in PipelineVersion.all_columns() if column._meta.name not in _HEAVY)
_IS_CURRENT = PipelineVersion.current == True  # noqa: E712  # SQL


def checked(name: str) -> str:
    """A name that can be one. Raises a 404: PostgreSQL takes no NUL, and there is nothing of any other name."""
    if not _NAME.fullmatch(name):
        raise not_found("pipeline")
    return name


async def current_row(name: str) -> Row | None:
    """The version of a name that new jobs run."""
    return await PipelineVersion.select().where(PipelineVersion.name == checked(name), _IS_CURRENT).first()


async def numbered(name: str, number: int) -> Row | None:
    """The version of that number."""
    which = (PipelineVersion.name == checked(name)) & (PipelineVersion.number == min(number, MAX_NUMBER))
    return await PipelineVersion.select().where(which).first()


async def of_id(version_id: UUID) -> Row | None:
    """A version by its id."""
    return await PipelineVersion.select().where(PipelineVersion.id == version_id).first()


async def of_digest(digest: str) -> Row | None:
    """The newest version with that bundle."""
    query = PipelineVersion.select().where(PipelineVersion.bundle_digest == digest)
    return await query.order_by(PipelineVersion.created_at, ascending=False).first()


async def of_content(bundle: Bundle, name: str) -> Row | None:
    """The newest version of a name with that text and those files."""
    which = (PipelineVersion.name == name) & (PipelineVersion.text == bundle.text)
    rows = await PipelineVersion.select().where(which).order_by(PipelineVersion.number, ascending=False)
    return next((row for row in rows if bundle_of_row(row).files == bundle.files), None)


async def current_page(*, text: str, limit: int, cursor: str) -> list[Row]:
    """Current versions by name, one more than `limit` when there are more."""
    query = PipelineVersion.select().where(_IS_CURRENT).order_by(PipelineVersion.name).limit(limit + 1)
    if start := after(cursor, tuple[str]):
        query = query.where(PipelineVersion.name > start[0].replace("\0", ""))
    if words := text.strip().translate({ord(mark): None for mark in "\\%_\0"}):
        query = query.where(contains(PipelineVersion.name, words) | contains(PipelineVersion.title, words))
    return await query


async def page_of_name(name: str, *, limit: int, cursor: str) -> list[Row]:
    """All versions of a name, newest first, with `author.username`. Raises a 404 when there never was one."""
    table: Any = PipelineVersion
    query = table.select(*_LIGHT, table.author.username).where(table.name == checked(name))
    query = query.order_by(table.number, ascending=False).limit(limit + 1)
    start = after(cursor, tuple[int])
    if start:
        query = query.where(table.number < max(0, min(start[0], MAX_NUMBER)))
    rows: list[Row] = await query
    if not rows and start is None:
        raise not_found("pipeline")
    return rows


async def retire(name: str) -> None:
    """No version of that name is current any more."""
    await PipelineVersion.update({PipelineVersion.current: False}).where(PipelineVersion.name == name, _IS_CURRENT)


async def promote(row: Row) -> Row:
    """Make a version the current one of its name."""
    await retire(row["name"])
    await PipelineVersion.update({PipelineVersion.current: True}).where(PipelineVersion.id == row["id"])
    return {**row, "current": True}


async def add(
    made: Compiled, origin: PipelineOrigin, *, author: UUID | None = None, remark: str = "", current: bool = True
) -> Row:
    """The next version of its name. Within a transaction that no other runs beside."""
    name = made.plan.name
    last = (
        await PipelineVersion.select(PipelineVersion.number)
        .where(PipelineVersion.name == name)
        .order_by(PipelineVersion.number, ascending=False)
        .first()
    )
    if current:
        await retire(name)
    version = PipelineVersion(
        id=uuid.uuid4(),
        name=name,
        number=(last["number"] if last else 0) + 1,
        current=current,
        title=(made.plan.title or name)[:MAX_TITLE],
        description=made.plan.description,
        text=made.bundle.text,
        files=msgspec.json.encode(made.bundle.files).decode(),
        bundle=made.reference,
        bundle_digest=made.digest,
        origin=origin.value,
        note=remark,
        author=author,
        created_at=now(),
    )
    await version.save()
    row = await of_id(version.id)
    assert row is not None  # noqa: S101  # written just now, in this transaction
    return row


def bundle_of_row(row: Row) -> Bundle:
    """The pipeline with its texts, as the store has them."""
    files = msgspec.json.decode(row["files"], type=dict[str, str])
    return Bundle(name=label_of(row["name"]), text=row["text"], files=files)
