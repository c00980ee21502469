"""How often something may be tried: by account, by address, over processes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest
from coursewright_api.auth import throttle
from coursewright_api.auth.throttle import Allowance, network
from coursewright_api.database.tables import Throttle
from coursewright_api.problems import ApiError

pytestmark = pytest.mark.anyio

TRY = Allowance(name="test", tries=10, window_s=900)

TRIES = """
import asyncio, json, sys
from pathlib import Path
from coursewright.settings import Settings
from coursewright_api.auth.keys import read_keys
from coursewright_api.auth.throttle import Allowance, Throttles
from coursewright_api.database import Database
from coursewright_api.problems import ApiError
from coursewright_api.settings import server_settings

async def main(folder, url):
    settings = Settings(data_dir=Path(folder), server={"database_url": url})
    database = Database(settings, server_settings(settings))
    await database.open()
    throttles, allowed = Throttles(read_keys(settings)), 0
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(15):
        try:
            await throttles.count(Allowance(name="test", tries=10, window_s=900), "somebody")
            allowed += 1
        except ApiError as error:
            assert error.status == 429
    await database.close()
    print(json.dumps(allowed))

asyncio.run(main(*sys.argv[1:]))
"""


async def login(api: Any, email: str, password: str) -> Any:
    return await api.post("/api/auth/login", {"email": email, "password": password})


async def test_guessing_at_an_account_is_slowed_down_whether_or_not_it_exists(api: Any) -> None:
    await api.author()
    for email in ("bob@example.org", "nobody@example.org"):
        answers = [await login(api, email, f"guess number {number}") for number in range(11)]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429]
        last = answers[-1]
        assert last.json()["code"] == "too_many_requests"
        assert 800 < int(last.headers["retry-after"]) <= 900
    before = api.passwords.checked
    assert (await login(api, "BOB@example.org", "correct horse battery")).status_code == 429
    assert api.passwords.checked == before  # and costs nothing


async def test_many_guesses_at_once_do_not_slip_through(api: Any) -> None:
    answers = await asyncio.gather(*(login(api, "x@example.org", "guess guess") for _ in range(25)))
    assert sorted(answer.status_code for answer in answers) == [401] * 10 + [429] * 15


async def test_the_right_password_makes_good(api: Any) -> None:
    await api.author()
    for _ in range(3):
        for _ in range(6):
            await login(api, "bob@example.org", "wrong password")
        assert (await login(api, "bob@example.org", "correct horse battery")).status_code == 200


async def test_an_address_is_slowed_down_over_all_accounts(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "PASSWORD_BY_ADDRESS", Allowance(name="few", tries=5, window_s=900))
    answers = [await login(api, f"p{number}@example.org", "wrong password") for number in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]


async def test_successes_do_not_count_against_an_address(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.author()
    monkeypatch.setattr(throttle, "PASSWORD_BY_ADDRESS", Allowance(name="few", tries=3, window_s=900))
    for _ in range(8):
        assert (await login(api, "bob@example.org", "correct horse battery")).status_code == 200


async def test_changing_the_password_is_no_way_to_guess_it(api: Any) -> None:
    bob = await api.author()
    body = {"current_password": "wrong", "new_password": "another good phrase"}
    answers = [await bob.ask("PUT", "/api/auth/change-password", json=body) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [422] * 10 + [429]


async def test_links_and_accounts_are_limited_by_address(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    few = Allowance(name="few", tries=2, window_s=60)
    monkeypatch.setattr(throttle, "LINKS_BY_ADDRESS", few)
    monkeypatch.setattr(throttle, "ACCOUNTS_BY_ADDRESS", few)
    body = {"token": "guess", "new_password": "another good phrase"}
    answers = [await api.post("/api/auth/password", body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [403, 403, 429]


async def test_a_window_ends(api: Any) -> None:
    throttles = api.service.throttles
    for _ in range(10):
        await throttles.count(TRY, "somebody")
    with pytest.raises(ApiError):
        await throttles.count(TRY, "somebody")
    await throttles.count(TRY, "somebody else")
    await Throttle.update({Throttle.ends: 1}, force=True)
    await throttles.count(TRY, "somebody")
    await Throttle.update({Throttle.ends: 1}, force=True)
    await throttles.sweep()
    assert await Throttle.count() == 0


async def test_no_address_is_kept_in_the_clear(api: Any) -> None:
    await login(api, "bob@example.org", "wrong password")
    assert "bob" not in str(await Throttle.select())


async def test_two_processes_count_together(api: Any) -> None:
    folder, url = api.service.settings.data_dir, api.service.server.database_url
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TRIES, str(folder), url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == "ready\n"
    allowed = [
        json.loads(out)
        for out, _ in await asyncio.gather(
            *(asyncio.to_thread(process.communicate, "go\n", 30) for process in processes)
        )
    ]
    assert sum(allowed) == 10


def test_whom_an_address_belongs_to() -> None:
    assert network("203.0.113.7") == "203.0.113.7"
    assert network("2001:db8:1:2:3:4:5:6") == network("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert network("::ffff:203.0.113.7") == "203.0.113.7"
    assert network("unix") == "unix"
