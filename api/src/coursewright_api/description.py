"""What the service says of its own routes: the OpenAPI document, and which methods there are at a path."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from coursewright import __version__
from litestar import Request, Router
from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.routes import HTTPRoute
from litestar.types import Message, Scope

from coursewright_api.auth.cookies import ACCESS, CSRF_HEADER
from coursewright_api.auth.middleware import PUBLIC
from coursewright_api.bodies import In

OPENAPI_PATH = "/api/openapi.json"
_BODILESS = ("204", "304")


def openapi() -> OpenAPIConfig:
    """How the document is made, and where it is."""
    return OpenAPIConfig(
        title="Coursewright",
        version=__version__,
        description="Errors are problem details (RFC 9457). Lists come in pages. Times are UTC with offset.",
        openapi_router=Router(path=OPENAPI_PATH, route_handlers=[], opt={PUBLIC: True}, include_in_schema=False),
        render_plugins=[_Exact(path="/openapi.json")],
        use_handler_docstrings=True,
        security=[{"bearer": []}, {"cookie": []}],
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(
                    type="http", scheme="bearer", description="An access token, or an API key (cwk_…)."
                ),
                "metrics": SecurityScheme(
                    type="http", scheme="bearer", description="The operator's secret METRICS_TOKEN."
                ),
                "cookie": SecurityScheme(
                    type="apiKey",
                    security_scheme_in="cookie",
                    name=ACCESS,
                    description=f"A browser's session; requests that change something also need {CSRF_HEADER}.",
                ),
            }
        ),
    )


class _Exact(JsonRenderPlugin):
    """Adds what Litestar's document leaves out: that unknown fields are refused, and what may be empty."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        closed = {each.__name__ for each in _below(In)}
        for schema in openapi_schema["components"]["schemas"].values():
            if schema.get("title") in closed:
                schema["additionalProperties"] = False
        for path in openapi_schema["paths"].values():
            for operation in path.values():
                for status in _BODILESS:
                    operation["responses"].get(status, {}).pop("content", None)
                if "requestBody" in operation:
                    _let_go(operation["requestBody"])
                    operation["responses"].setdefault("413", _too_large(operation["responses"]["400"]))
        return super().render(request, openapi_schema)


def _too_large(like: dict[str, Any]) -> dict[str, Any]:
    """What any route that takes a body may answer; another problem shows what it looks like."""
    content = {kind: {"schema": each["schema"]} for kind, each in like["content"].items()}
    return {"description": HTTPStatus.REQUEST_ENTITY_TOO_LARGE.phrase, "content": content}


def _let_go(body: dict[str, Any]) -> None:
    """A body that may be null may also be missing."""
    kinds = body.get("content", {}).get("application/json", {}).get("schema", {}).get("oneOf", [])
    if {"type": "null"} in kinds:
        body["required"] = False


def _below(kind: type[Any]) -> Iterator[type[Any]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


async def name_all_methods(message: Message, scope: Scope) -> None:
    """Corrects answers to OPTIONS: of several methods at a path, Litestar names only the first."""
    if message["type"] != "http.response.start" or scope["type"] != ScopeType.HTTP or scope["method"] != "OPTIONS":
        return
    headers = MutableScopeHeaders.from_message(message)
    if "Allow" not in headers:
        return
    for route in scope["litestar_app"].routes:
        if isinstance(route, HTTPRoute) and route.path_format == scope["path_template"]:
            headers["Allow"] = ", ".join(sorted(route.methods))
