"""The parts of sharing, put together."""

from __future__ import annotations

from coursewright.store.contract import Store

from coursewright_api.auth.keys import Keys
from coursewright_api.auth.passwords import Passwords
from coursewright_api.auth.throttle import Throttles
from coursewright_api.database import Database
from coursewright_api.settings import ServerSettings
from coursewright_api.share.keeping import Shares
from coursewright_api.share.opening import Openings
from coursewright_api.share.package import Packages
from coursewright_api.share.showing import Showing
from coursewright_api.share.tokens import Tokens


class Sharing:
    """`links` are their owners', `openings` the viewers'."""

    def __init__(
        self,
        database: Database,
        store: Store,
        keys: Keys,
        passwords: Passwords,
        throttles: Throttles,
        server: ServerSettings,
    ) -> None:
        self.tokens = Tokens(keys)
        self.links = Shares(database, passwords)
        self.openings = Openings(self.tokens, passwords, throttles)
        self.showing = Showing(self.tokens, server.url)
        self.packages = Packages(store)
