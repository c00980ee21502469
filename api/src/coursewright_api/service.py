"""What the routes work with, put together once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coursewright.settings import Settings
from coursewright.store import open_store
from litestar import Request
from litestar.di import NamedDependency

from coursewright_api.assets.inspection import Inspector
from coursewright_api.assets.records import Assets
from coursewright_api.assets.staging import FOLDER as UPLOADS
from coursewright_api.assets.staging import Staging
from coursewright_api.assets.uploads import Uploads
from coursewright_api.auth.accounts import Accounts
from coursewright_api.auth.admin import Administration
from coursewright_api.auth.api_keys import ApiKeys
from coursewright_api.auth.audit import Origin
from coursewright_api.auth.keys import read_keys
from coursewright_api.auth.links import Links
from coursewright_api.auth.middleware import Authentication
from coursewright_api.auth.passwords import Passwords
from coursewright_api.auth.sessions import Sessions
from coursewright_api.auth.throttle import Throttles
from coursewright_api.consents.keeping import Consents
from coursewright_api.database import Database
from coursewright_api.files.links import Files
from coursewright_api.generate.status import ProviderStatus
from coursewright_api.jobs.adoption import Adoption
from coursewright_api.jobs.hub import Hub
from coursewright_api.jobs.link import PrefectLink
from coursewright_api.jobs.mirror import Mirror
from coursewright_api.jobs.records import Jobs
from coursewright_api.jobs.scripts import Scripts
from coursewright_api.jobs.streams import Streams
from coursewright_api.jobs.submission import Submitter
from coursewright_api.pipelines.library import Pipelines
from coursewright_api.settings import ServerSettings
from coursewright_api.share.sharing import Sharing
from coursewright_api.threads import Threads


class Service:
    """The parts of the service. Constructing it opens no connection; it reads, or makes, the signing key.

    `prefect_url` answers with the address of Prefect's API, or "" while there is none; it raises what kept it from
    starting.
    """

    def __init__(
        self,
        settings: Settings,
        server: ServerSettings,
        *,
        prefect_url: Callable[[], str] | None = None,
        passwords: Passwords | None = None,
        inspector: Inspector | None = None,
    ) -> None:
        self.settings = settings
        self.server = server
        self.prefect_url = prefect_url or (lambda: settings.prefect_api_url)
        self.store = open_store(settings)
        self.database = Database(settings, server)
        keys = read_keys(settings)
        self.throttles = Throttles(keys)
        self.sessions = Sessions(self.database, keys, server)
        self.api_keys = ApiKeys(self.database)
        self.links = Links(server)
        passwords = passwords or Passwords()
        self.accounts = Accounts(self.database, self.sessions, self.links, self.throttles, passwords, server)
        self.admin = Administration(self.database, self.sessions, self.links)
        self.in_thread = Threads()
        self.files = Files(self.store, keys, server)
        self.consents = Consents(self.database, self.store, self.in_thread)
        self.assets = Assets(self.database, self.store, self.files, self.consents, server, self.in_thread)
        self.inspector = inspector or Inspector()
        self.uploads = Uploads(
            self.database,
            self.store,
            self.files,
            self.assets,
            Staging(settings.data_dir / UPLOADS, self.in_thread),
            self.inspector,
            server,
            self.in_thread,
        )
        self.pipelines = Pipelines(self.database, self.store, settings, server)
        self.provider_status = ProviderStatus(settings, self.pipelines.compiler.catalog)
        self.hub = Hub(self.database)
        self.streams = Streams(self.hub)
        self.prefect = PrefectLink(settings, self.prefect_url)
        self.submitter = Submitter(self.database, self.store, self.hub, self.prefect, self.pipelines, self.in_thread)
        self.jobs = Jobs(
            self.database,
            self.store,
            self.assets,
            self.consents,
            self.pipelines,
            self.submitter,
            self.hub,
            self.in_thread,
        )
        self.scripts = Scripts(self.database, self.store, self.files, self.pipelines, settings, self.in_thread)
        self.mirror = Mirror(
            self.database,
            self.store,
            self.assets,
            self.prefect,
            self.submitter,
            self.hub,
            Adoption(self.database, self.pipelines, server),
            self.in_thread,
        )
        self.share = Sharing(self.database, self.store, keys, passwords, self.throttles, server)
        self.authentication = Authentication(self.sessions, self.api_keys, server)


def origin_of(request: Request[Any, Any, Any]) -> Origin:
    """Where a request comes from. Behind a proxy that the operator trusts: what that says."""
    agent = "".join(char for char in request.headers.get("user-agent", "") if char.isprintable())
    return Origin(address=(request.client.host if request.client else "")[:64], user_agent=agent[:200])


Services = NamedDependency[Service]
"""How a route asks for the service: `service: Services`."""
Asker = NamedDependency[Origin]
"""How a route asks where its request comes from: `origin: Asker`."""
