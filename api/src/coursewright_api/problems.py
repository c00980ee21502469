"""Every error as problem details (RFC 9457), drawn in one place.

`type` and `code` are stable and say what kind of error it is; `detail` is a sentence for a person, `remedy` the one
thing to do next, and `errors` names each field at fault by a JSON Pointer into the request's body, or by its place
(`query:limit`).
"""

from __future__ import annotations

import logging
import math
import uuid
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from coursewright import errors as engine
from litestar import Request, Response
from litestar.exceptions import HTTPException, SerializationException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from msgspec import Meta

from coursewright_api.fields import FieldError, body_errors, is_utf8, sent_name

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error, as RFC 9457 has it."""

    type: Annotated[str, Meta(description="Stable URI of the kind of error.")]
    title: Annotated[str, Meta(description="The kind of error in words.")]
    status: int
    code: Annotated[str, Meta(description="Stable name of the kind of error; the last part of `type`.")]
    detail: Annotated[str, Meta(description="What is wrong, in a sentence for a person.")]
    remedy: Annotated[str, Meta(description="What to do next.")] = ""
    instance: Annotated[str, Meta(description="Which occurrence; the service's log has the same.")] = ""
    errors: Annotated[tuple[FieldError, ...], Meta(description="Each field at fault.")] = ()


class ApiError(engine.CoursewrightError):
    """An error that the service itself finds. `status` and `code` are what a client sees."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        remedy: str = "",
        errors: Sequence[FieldError] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status
        self.code = code
        self.errors = tuple(errors)
        self.headers = headers or {}


def not_found(what: str = "resource") -> ApiError:
    """The same whether it does not exist or is somebody else's."""
    return ApiError(404, "not_found", f"there is no such {what}")


def unauthorized(message: str, *, code: str = "unauthorized", remedy: str = "log in again") -> ApiError:
    """No credentials, or none that are good."""
    return ApiError(401, code, message, remedy=remedy, headers={"WWW-Authenticate": 'Bearer realm="coursewright"'})


def forbidden(message: str, *, code: str = "forbidden", remedy: str = "") -> ApiError:
    """Good credentials that do not allow this."""
    return ApiError(403, code, message, remedy=remedy)


def conflict(message: str, *, code: str = "conflict", field: str = "", remedy: str = "") -> ApiError:
    """The request does not go with the present state."""
    errors = [FieldError(pointer=f"/{field}", message=message)] if field else []
    return ApiError(409, code, message, errors=errors, remedy=remedy)


def invalid(errors: Sequence[FieldError]) -> ApiError:
    """Fields that break a rule."""
    words = "; ".join(f"{error.name}: {error.message}" for error in errors)
    return ApiError(422, "invalid", words, errors=errors)


def too_many(message: str, retry_after_s: float) -> ApiError:
    """Asked too often."""
    seconds = max(1, math.ceil(retry_after_s))
    return ApiError(
        429, "too_many_requests", message, remedy=f"wait {seconds} s", headers={"Retry-After": str(seconds)}
    )


_ENGINE: dict[type[Exception], tuple[int, str]] = {
    engine.CompileFailed: (422, "pipeline_invalid"),
    engine.InputError: (422, "input_invalid"),
    engine.BadInput: (422, "input_invalid"),
    engine.ArtifactDamaged: (500, "artifact_damaged"),
    engine.StoreError: (503, "store_unavailable"),
    engine.RunFailed: (500, "run_failed"),
    engine.RunCancelled: (409, "cancelled"),
    engine.Cancelled: (409, "cancelled"),
    engine.Unsuited: (422, "provider_unsuited"),
    engine.Unavailable: (503, "provider_unavailable"),
    engine.Busy: (503, "provider_busy"),
    engine.QuotaExceeded: (503, "provider_quota"),
    engine.AuthFailed: (503, "provider_unauthorized"),
    engine.TimedOut: (504, "provider_timeout"),
    engine.ProviderError: (502, "provider_failed"),
    engine.CoursewrightError: (500, "failed"),
}
"""The engine's family in HTTP's words. The nearest class in an error's ancestry counts."""

_HTTP_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
}


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The one exception handler of the application."""
    return respond(_as_api_error(request, error))


def respond(found: ApiError) -> Response[Problem]:
    """An error as a response."""
    instance = ""
    if found.status >= 500:
        instance = f"urn:uuid:{uuid.uuid4()}"
        log.error("%s %s: %s", found.status, instance, found, exc_info=found.__cause__)
    problem = Problem(
        type=f"urn:coursewright:problem:{found.code}",
        title=HTTPStatus(found.status).phrase,
        status=found.status,
        code=found.code,
        detail=found.message,
        remedy=found.remedy,
        instance=instance,
        errors=found.errors,
    )
    return Response(problem, status_code=found.status, media_type=MEDIA_TYPE, headers=found.headers)


def _as_api_error(request: Request[Any, Any, Any], error: Exception) -> ApiError:
    malformed = ApiError(400, "malformed", "the body is not well-formed JSON", remedy="send JSON as UTF-8")
    match error:
        case ApiError():
            return error
        case ValidationException():
            return _validation(request, error)
        case HTTPException() if isinstance(error.__cause__, SerializationException):
            return malformed
        case UnicodeDecodeError() if not is_utf8(request):
            return malformed
        case RecursionError() if "deserializing" in str(error):  # msgspec's word for a body that is nested too deep
            return malformed
        case HTTPException():
            return _http(request, error)
        case engine.CoursewrightError():
            return _engine(error)
    from coursewright_api.database import is_unreachable

    if is_unreachable(error):
        found = ApiError(
            503,
            "database_unavailable",
            "the database does not answer",
            remedy="try again in a few seconds",
            headers={"Retry-After": "5"},
        )
    else:
        found = ApiError(
            500,
            "internal",
            "something went wrong that nobody foresaw",
            remedy="try again; if it fails again, tell the operator the value of `instance`",
        )
    found.__cause__ = error
    return found


def _engine(error: engine.CoursewrightError) -> ApiError:
    from coursewright.run.orchestrated import PrefectUnavailable

    from coursewright_api.database import DatabaseUnavailable

    known = {
        **_ENGINE,
        DatabaseUnavailable: (503, "database_unavailable"),
        PrefectUnavailable: (503, "prefect_unavailable"),
    }
    status, code = next(known[kind] for kind in type(error).__mro__ if kind in known)
    fields: list[FieldError] = []
    if isinstance(error, engine.CompileFailed):
        fields = [FieldError(pointer="", message=str(problem)) for problem in error.problems]
    elif field := getattr(error, "field", ""):
        fields = [FieldError(pointer="/" + field.replace(".", "/"), message=error.message)]
    wait_s = getattr(error, "retry_after_s", None)
    headers = {"Retry-After": str(max(1, math.ceil(wait_s)))} if wait_s is not None else {}
    found = ApiError(status, code, error.message, remedy=error.remedy, errors=fields, headers=headers)
    found.__cause__ = error
    return found


def _http(request: Request[Any, Any, Any], error: HTTPException) -> ApiError:
    """Litestar's own errors: routing, sizes, methods."""
    status = error.status_code
    code = _HTTP_CODES.get(status, "internal" if status >= 500 else "bad_request")
    remedy, detail = "", error.detail
    match status:
        case 404:
            return ApiError(404, code, f"there is nothing at {request.url.path}", headers=error.headers)
        case 405:
            detail = f"{request.method} is not possible here"
            remedy = f"use {(error.headers or {}).get('allow', 'another method')}"
        case 413:
            detail, remedy = "the request's body is too large", "send less"
        case 500:
            detail = "something went wrong that nobody foresaw"
    found = ApiError(status, code, detail, remedy=remedy, headers=error.headers)
    found.__cause__ = error if status >= 500 else None
    return found


def _validation(request: Request[Any, Any, Any], error: ValidationException) -> ApiError:
    """What does not fit a route's types: all fields of the body at once, or the parameter at fault."""
    if found := body_errors(request):
        return invalid(found)
    listed = [each for each in error.extra if isinstance(each, dict)] if isinstance(error.extra, list) else []
    return invalid([_parameter(request, each) for each in listed] or [FieldError(message=error.detail)])


def _parameter(request: Request[Any, Any, Any], extra: dict[str, Any]) -> FieldError:
    source = getattr(extra.get("source"), "value", extra.get("source")) or "body"
    message = str(extra.get("message", "is wrong"))
    message = "is missing" if message == "'data'" else message[:1].lower() + message[1:]
    if source == "body":
        return FieldError(message=message)
    return FieldError(parameter=f"{source}:{sent_name(request, str(extra.get('key', '')))}", message=message)


def documented(*statuses: int) -> dict[int, ResponseSpec]:
    """OpenAPI's entries for the problems that a route answers with, a request that cannot be read among them."""
    return {
        status: ResponseSpec(
            Problem,
            description=HTTPStatus(status).phrase,
            media_type=MEDIA_TYPE,
            generate_examples=False,
            examples=[Example(value=_example(status))],
        )
        for status in (400, *statuses)
    }


def _example(status: int) -> dict[str, Any]:
    code = {400: "malformed", 409: "conflict", 422: "invalid", 503: "database_unavailable"}.get(
        status, _HTTP_CODES.get(status, "internal")
    )
    return {
        "type": f"urn:coursewright:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": "a sentence that says what is wrong",
    }
