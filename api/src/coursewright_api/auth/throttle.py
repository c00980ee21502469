"""How often something may be tried, counted in the database: the same for all processes."""

from __future__ import annotations

import ipaddress
import time
from typing import Annotated

import msgspec
from msgspec import Meta

from coursewright_api.auth.keys import Keys
from coursewright_api.database.tables import Throttle
from coursewright_api.problems import too_many


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """So many tries in a window that begins with the first."""

    name: str
    tries: int
    window_s: Annotated[int, Meta(gt=0)]


PASSWORD_BY_ACCOUNT = Allowance(name="password account", tries=10, window_s=900)
"""960 guesses a day at one password."""
PASSWORD_BY_ADDRESS = Allowance(name="password address", tries=100, window_s=900)
"""A class of pupils behind one address mistypes less than that; successes do not count."""
ACCOUNTS_BY_ADDRESS = Allowance(name="accounts address", tries=60, window_s=3600)
"""A class that registers together."""
LINKS_BY_ADDRESS = Allowance(name="links address", tries=30, window_s=900)
REFRESH_BY_ADDRESS = Allowance(name="refresh address", tries=1000, window_s=900)

_SWEEP_EVERY_S = 600
"""Guesses at made-up addresses must not fill the table."""

_COUNT = """
INSERT INTO "throttle" ("key", "tries", "ends") VALUES ({}, 1, {})
ON CONFLICT ("key") DO UPDATE SET
    "tries" = CASE WHEN "throttle"."ends" <= {} THEN 1 ELSE "throttle"."tries" + 1 END,
    "ends" = CASE WHEN "throttle"."ends" <= {} THEN excluded."ends" ELSE "throttle"."ends" END
RETURNING "tries", "ends"
"""


class Throttles:
    """Counts tries. Each is counted before it is made, so that many at once do not slip through."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._swept = 0

    async def count(self, allowance: Allowance, whose: str) -> None:
        """Count one try. Raises a 429 with Retry-After when there were too many."""
        now = int(time.time())
        if now - self._swept > _SWEEP_EVERY_S:
            await self.sweep()
        key = self._key(allowance, whose)
        rows = await Throttle.raw(_COUNT, key, now + allowance.window_s, now, now)
        if rows[0]["tries"] > allowance.tries:
            raise too_many("this was tried too often", rows[0]["ends"] - now)

    async def forgive(self, allowance: Allowance, whose: str, *, all_tries: bool = False) -> None:
        """Take back one try, or all: it was the right password."""
        key = self._key(allowance, whose)
        if all_tries:
            await Throttle.delete().where(Throttle.key == key)
        else:
            await Throttle.raw('UPDATE "throttle" SET "tries" = "tries" - 1 WHERE "key" = {} AND "tries" > 0', key)

    async def sweep(self) -> None:
        """Forget windows that are over."""
        self._swept = int(time.time())
        await Throttle.delete().where(Throttle.ends < self._swept)

    def _key(self, allowance: Allowance, whose: str) -> str:
        return self._keys.mac("throttle", f"{allowance.name}\n{whose}")


def network(address: str) -> str:
    """Whom an address belongs to: an IPv6 customer has at least a /64 to choose from."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
