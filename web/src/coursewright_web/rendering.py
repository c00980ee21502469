"""From a template to a response: language, theme, who looks, and the policy that keeps foreign code out."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
from coursewright.store.contract import Store
from coursewright_api.auth.identity import Identity
from coursewright_api.problems import Problem
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.enums import MediaType
from markupsafe import Markup, escape

from coursewright_web.assets import PATH as STATIC_PATH
from coursewright_web.built import Built
from coursewright_web.language import Catalogues, chosen
from coursewright_web.navigation import places_for

if TYPE_CHECKING:
    from jinja2 import Environment

THEME_COOKIE = "coursewright_theme"
SIDEBAR_COOKIE = "coursewright_sidebar"
_TEMPLATES = Path(str(files(__package__) / "templates"))


class Renderer:
    """Renders the pages."""

    def __init__(self, store: Store) -> None:
        self._built = Built()
        self._catalogues = Catalogues()
        self._policy = _policy(_origin_of(store))
        self._environments: dict[str, Environment] = {}

    def page(
        self,
        request: Request[Any, Any, Any],
        template: str,
        *,
        visitor: Identity | None = None,
        status: int = 200,
        **values: Any,
    ) -> Response[str]:
        """A page: `templates/pages/<template>` with these values."""
        language = chosen(request, self._built.languages)
        theme = request.cookies.get(THEME_COOKIE, "")
        nonce = secrets.token_urlsafe(16)
        text = (
            self._environment(language)
            .get_template(f"pages/{template}")
            .render(
                nonce=nonce,
                language=language,
                languages=self._built.languages,
                theme=theme if theme in {"light", "dark"} else "",
                narrow=request.cookies.get(SIDEBAR_COOKIE) == "narrow",
                path=request.url.path,
                visitor=visitor,
                places=places_for(visitor.role) if visitor else [],
                manifest=self._built.manifest,
                **values,
            )
        )
        headers = {"Content-Security-Policy": self._policy.format(nonce=nonce), "Content-Language": language}
        return Response(text, status_code=status, media_type=MediaType.HTML, headers=headers)

    def words(self, request: Request[Any, Any, Any]) -> tuple[str, Callable[[str], str]]:
        """The language of the one who asks, and what translates into it, for pages of the service's own."""
        language = chosen(request, self._built.languages)
        return language, self._catalogues.of(language).gettext

    def error(self, request: Request[Any, Any, Any], answer: Response[Problem]) -> Response[str]:
        """A problem in plain words."""
        problem = answer.content
        page = self.page(request, "error.html", status=problem.status, problem=problem)
        if wait := answer.headers.get("Retry-After"):
            page.headers["Retry-After"] = wait
        return page

    def _environment(self, language: str) -> Environment:
        if language not in self._environments:
            self._environments[language] = self._make_environment(language)
        environment, catalogue = self._environments[language], self._catalogues.of(language)
        environment.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]  # of the extension
        environment.filters["localised"] = lambda text: catalogue.gettext(text) if text else ""
        return environment

    def _make_environment(self, language: str) -> Environment:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            extensions=["jinja2.ext.i18n"],
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.policies["ext.i18n.trimmed"] = True
        environment.filters["js"] = _js
        environment.globals |= {"icon": self._icon, "scripts": self._scripts, "static": _static}
        return environment

    def _icon(self, name: str, classes: str = "") -> Markup:
        """An icon of the build's list; it says nothing to those who cannot see it."""
        manifest = self._built.manifest
        if name not in manifest.icon_names:
            raise LookupError(f"there is no icon '{name}'; add it to frontend/icons.txt")
        address = escape(f"{_static(manifest.icons)}#{name}")
        return Markup('<svg class="icon {}" aria-hidden="true"><use href="{}"/></svg>').format(classes, address)

    def _scripts(self, names: list[str]) -> tuple[list[str], list[str]]:
        """What these scripts import, each once, and their own files, in this order."""
        scripts = [self._built.manifest.scripts[name] for name in names]
        return list(dict.fromkeys(file for each in scripts for file in each.needs)), [each.file for each in scripts]


def _js(text: str) -> Markup:
    """A text as part of an expression of Alpine's, whatever quotation marks are in it."""
    return escape(msgspec.json.encode(str(text)).decode())


def _static(name: str) -> str:
    return f"{STATIC_PATH}/{name}"


def _origin_of(store: Store) -> str:
    """The origin that browsers send files to and fetch them from; empty when it is the service itself."""
    if store.direct is None:
        return ""
    parts = urlsplit(store.direct.download_url("0" * 64, expires_in_s=60.0, media_type="", disposition=""))
    return f"{parts.scheme}://{parts.netloc}"


def _policy(elsewhere: str) -> str:
    """The content security policy: everything from here, files also from the store.

    Style sheets that a page's own scripts make bear its `{nonce}`, which is another for each answer.
    """
    files_from = f"'self' {elsewhere}".strip()
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self' 'nonce-{nonce}'",
            f"img-src {files_from} blob: data:",
            f"media-src {files_from} blob:",
            f"connect-src {files_from} blob:",
            "font-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )


Renders = NamedDependency[Renderer]
"""How a page asks for its renderer: `renderer: Renders`."""
