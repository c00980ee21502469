"""Pages by which people come in: set-up, login, register, a new password."""

from __future__ import annotations

from typing import Annotated, Any

from coursewright_api.auth import rules
from coursewright_api.service import Services
from litestar import Response, get
from litestar.params import QueryParameter
from litestar.response import Redirect

from coursewright_web.pages.base import OpenController
from coursewright_web.rendering import Renders
from coursewright_web.visitor import Asked, MaybeVisitor

Next = Annotated[str, QueryParameter(name="next", max_length=2000, description="Where to go afterwards.")]


class DoorController(OpenController):
    """They work for whoever has the link, logged in or not."""

    @get("/login")
    async def login(
        self, request: Asked, renderer: Renders, service: Services, visitor: MaybeVisitor, following: Next = ""
    ) -> Response[Any]:
        if visitor is not None:
            return Redirect(own(following), status_code=303)
        registration = service.server.registration == "open"
        return renderer.page(request, "login.html", following=own(following), registration=registration)

    @get("/register")
    async def register(self, request: Asked, renderer: Renders, service: Services) -> Response[Any]:
        return renderer.page(
            request,
            "register.html",
            registration=service.server.registration == "open",
            terms_url=service.server.terms_url,
            shortest=rules.MIN_PASSWORD,
        )

    @get("/setup")
    async def setup(self, request: Asked, renderer: Renders) -> Response[Any]:
        """The token stands behind `#`, which only the page's script can read."""
        return renderer.page(request, "setup.html", shortest=rules.MIN_PASSWORD)

    @get("/password")
    async def password(self, request: Asked, renderer: Renders) -> Response[Any]:
        return renderer.page(request, "password.html", shortest=rules.MIN_PASSWORD)

    @get("/forgot")
    async def forgot(self, request: Asked, renderer: Renders) -> Response[Any]:
        return renderer.page(request, "forgot.html")


def own(path: str) -> str:
    """A path of ours, or the first page: never another site's address."""
    plain = path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"
