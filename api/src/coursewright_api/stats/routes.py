"""`/api/stats`: a person's usage."""

from __future__ import annotations

from litestar import Controller, get

from coursewright_api.auth.routes import Asked
from coursewright_api.problems import documented
from coursewright_api.service import Services
from coursewright_api.stats.usage import Usage, usage_of


class StatsController(Controller):
    """Figures for the person who asks."""

    path = "/api/stats"
    tags = ("Usage",)

    @get("", summary="Your usage", responses=documented(401, 403))
    async def stats(self, request: Asked, service: Services) -> Usage:
        """Counted now. Days are those of UTC; figures that nobody knows are null."""
        return await usage_of(request.user.user_id, service.database, service.server.quota_bytes)
