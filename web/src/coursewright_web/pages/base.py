"""What all pages have in common."""

from __future__ import annotations

from coursewright_api.auth.middleware import PUBLIC
from litestar import Controller
from litestar.di import Provide

from coursewright_web.visitor import identified, maybe_identified


class PageController(Controller):
    """Pages for those who are logged in, by `visitor: Visitor`. The others are sent to the login.

    `PUBLIC` is meant: the API's own check would answer with a problem where a person needs a page.
    """

    opt = {PUBLIC: True}  # noqa: RUF012  # Litestar's way
    include_in_schema = False
    dependencies = {"visitor": Provide(identified)}  # noqa: RUF012  # Litestar's way


class OpenController(PageController):
    """Pages for everybody, by `visitor: MaybeVisitor`."""

    dependencies = {"visitor": Provide(maybe_identified)}  # noqa: RUF012  # Litestar's way
