"""Lists of assets cost the same at any depth, in each order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from coursewright_api.assets.structs import Sort
from coursewright_api.database.columns import now
from coursewright_api.database.states import AssetState, AssetType
from coursewright_api.database.tables import Asset
from coursewright_api.pages import Order

pytestmark = pytest.mark.anyio

SEVERAL = 60


async def assets_of(person: Any, count: int) -> None:
    """Rows with few different names and sizes, so that the id decides their order."""
    began = now()
    rows = [
        Asset(
            id=uuid4(),
            owner=UUID(person.id),
            type=list(AssetType)[index % 3],
            state=AssetState.ready,
            name=f"name {index % 7}",
            size_bytes=index % 5,
            created_at=began + timedelta(seconds=index // 4),
            updated_at=began,
        )
        for index in range(count)
    ]
    for start in range(0, count, 500):
        await Asset.insert(*rows[start : start + 500])


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("order", Order)
async def test_equal_values_are_neither_lost_nor_repeated(api: Any, sort: Sort, order: Order) -> None:
    bob = await api.author()
    await assets_of(bob, SEVERAL)
    seen: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        params = {"sort": sort.value, "order": order.value, "limit": 7, "cursor": cursor}
        page = (await bob.ask("GET", "/api/assets", params=params)).json()
        seen += page["items"]
        cursor = page["next_cursor"]
    assert len(seen) == len({each["id"] for each in seen}) == SEVERAL
    name = {"created": "created_at", "name": "name", "size": "size_bytes"}[sort.value]
    values = [each[name] for each in seen]
    assert values == sorted(values, reverse=order is Order.desc)


@pytest.mark.parametrize("ready_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({}, "asset_by_creation"),
        ({"order": Order.asc}, "asset_by_creation"),
        ({"sort": Sort.name}, "asset_by_name"),
        ({"sort": Sort.size, "order": Order.asc}, "asset_by_size"),
        ({"type": AssetType.portrait}, "asset_by_type"),
        ({"state": AssetState.failed}, "asset_by_state"),
    ],
    ids=str,
)
async def test_each_list_is_read_from_an_index(
    api: Any, monkeypatch: pytest.MonkeyPatch, wanted: dict[str, Any], index: str
) -> None:
    bob = await api.author()
    await assets_of(bob, SEVERAL)
    sort = wanted.get("sort", Sort.created)
    first = await api.service.assets.page(UUID(bob.id), limit=5, **{**wanted, "state": None})
    from coursewright_api.pages import page_of

    by = {Sort.created: "created_at", Sort.name: "name", Sort.size: "size_bytes"}[sort]
    cursor = page_of(first, 5, dict, by, "id").next_cursor
    asked: list[tuple[str, Any]] = []
    engine = api.service.database.engine
    run = engine._run_alone

    async def noted(query: str, args: list[Any]) -> Any:
        asked.append((query, args))
        return await run(query, args)

    with monkeypatch.context() as patched:
        patched.setattr(type(engine), "_run_alone", staticmethod(noted))
        await api.service.assets.page(UUID(bob.id), limit=5, cursor=cursor, **wanted)
    [(query, args)] = asked
    plan = " ".join(str(row["detail"]) for row in await run(f"EXPLAIN QUERY PLAN {query}", args))
    assert f"USING INDEX {index} " in plan, plan
    assert "TEMP B-TREE" not in plan, plan
