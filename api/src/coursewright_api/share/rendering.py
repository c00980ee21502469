"""HTML of the player page. No scripts: the browser's own player, or the package's in a frame."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.enums import MediaType

if TYPE_CHECKING:
    from jinja2 import Environment


WORDS = "words"
"""Under this key of the application's state, what joins the service may give the words of other languages: a function
that takes a request and returns a language's code and what translates into it. Without one, pages speak English."""


def html(
    request: Request[Any, Any, Any],
    template: str,
    *,
    status: int = 200,
    cookies: Sequence[Cookie] = (),
    media_from: str = "",
    **values: Any,
) -> Response[str]:
    """A page that may stand in another site's frame. `media_from` is another origin that films come from."""
    nonce = secrets.token_urlsafe(16)
    media = f"'self' {media_from}".strip()
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; img-src {media} data:; media-src {media}; frame-src 'self'; "
        "form-action 'self'; base-uri 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "same-origin",  # with no-referrer the password's form would come from nowhere
        "X-Robots-Tag": "noindex",
    }
    words = request.app.state.get(WORDS)
    language, translate = words(request) if words else ("en", str)
    text = _environment().get_template(template).render(nonce=nonce, language=language, _=translate, **values)
    return Response(text, status_code=status, media_type=MediaType.HTML, headers=headers, cookies=list(cookies))


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    folder = files(__package__) / "templates"
    environment = Environment(
        loader=FunctionLoader(lambda name: (folder / name).read_text("utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["begun"] = lambda text: text[:1].upper() + text[1:]  # Jinja's own would make the rest small
    return environment
