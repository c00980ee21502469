"""`/api/auth`: what each person does for themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, delete, get, post, put
from litestar.datastructures import Cookie
from litestar.params import FromPath, JSONBody

from coursewright_api.auth import rules, structs, throttle
from coursewright_api.auth.audit import Action, note
from coursewright_api.auth.cookies import REFRESH, check_csrf, cookies_for, no_cookies
from coursewright_api.auth.identity import Identity, Scope, by_session
from coursewright_api.auth.middleware import PUBLIC
from coursewright_api.auth.sessions import Grant, ended
from coursewright_api.database.columns import now
from coursewright_api.database.states import EndReason, Role
from coursewright_api.database.tables import Session, User
from coursewright_api.problems import documented, not_found, unauthorized
from coursewright_api.service import Asker, Service, Services

_PUBLIC: dict[str, Any] = {"opt": {PUBLIC: True}, "security": [{}]}
Anybody = Request[Any, Any, Any]
Asked = Request[Identity, UUID | None, Any]
Id = FromPath[UUID]


class AuthController(Controller):
    """Opening accounts, sessions, the profile, API keys."""

    path = "/api/auth"
    tags = ("Accounts",)

    @get("/rules", summary="What a page must know before anybody is logged in", **_PUBLIC)
    async def rules(self, service: Services) -> structs.Rules:
        return structs.Rules(
            registration=service.server.registration,
            terms_url=service.server.terms_url,
            setup_needed=not await User.exists().where(User.role == Role.admin.value),
            password_min_length=rules.MIN_PASSWORD,
            password_max_length=rules.MAX_PASSWORD,
        )

    @post(
        "/register",
        summary="Open an account",
        status_code=202,
        responses=documented(403, 409, 422, 429),
        **_PUBLIC,
    )
    async def register(self, data: JSONBody[structs.Register], service: Services, origin: Asker) -> structs.Registered:
        """The answer is the same for an address that has an account already, which stays as it is."""
        await service.accounts.register(data, origin)
        return structs.Registered()

    @post(
        "/setup",
        summary="Open the first admin's account",
        status_code=204,
        responses=documented(403, 409, 422, 429),
        **_PUBLIC,
    )
    async def setup(self, data: JSONBody[structs.Setup], service: Services, origin: Asker) -> None:
        """With the token of the link that `coursewright serve` prints while there is no admin."""
        await service.accounts.setup(data, origin)

    @post("/login", summary="Begin a session", status_code=200, responses=documented(401, 403, 422, 429), **_PUBLIC)
    async def login(
        self, data: JSONBody[structs.Login], service: Services, origin: Asker
    ) -> Response[structs.TokenPair]:
        """Programs get tokens and send `Authorization: Bearer …`; browsers ask for `cookies`."""
        return _answer(service, await service.accounts.login(data, origin), in_cookies=data.cookies)

    @post(
        "/refresh", summary="Continue a session", status_code=200, responses=documented(401, 403, 422, 429), **_PUBLIC
    )
    async def refresh(
        self,
        request: Request[Any, Any, Any],
        service: Services,
        origin: Asker,
        data: JSONBody[structs.Refresh | None] = None,
    ) -> Response[structs.TokenPair]:
        """Each refresh token works once. One that comes a second time ends the session."""
        await service.throttles.count(throttle.REFRESH_BY_ADDRESS, throttle.network(origin.address))
        if data is not None and data.refresh_token:
            return _answer(service, await service.sessions.refresh(data.refresh_token, origin), in_cookies=False)
        cookie = request.cookies.get(REFRESH)
        if not cookie:
            raise unauthorized("there is no refresh token")
        check_csrf(request, service.sessions, service.sessions.session_of(cookie).session_id)
        return _answer(service, await service.sessions.refresh(cookie, origin), in_cookies=True)

    @post("/logout", summary="End this session", status_code=204, responses=documented(401, 403, 422), **_PUBLIC)
    async def logout(
        self,
        request: Request[Any, Any, Any],
        service: Services,
        origin: Asker,
        data: JSONBody[structs.Refresh | None] = None,
    ) -> Response[None]:
        """Vouched for by the refresh token (in the body or cookie) or by the access token, which may be the older."""
        cookie = request.cookies.get(REFRESH)
        if data is not None and data.refresh_token:
            claims = service.sessions.session_of(data.refresh_token)
            user_id, session_id = claims.user_id, claims.session_id
        elif "authorization" not in request.headers and cookie:
            claims = service.sessions.session_of(cookie)
            check_csrf(request, service.sessions, claims.session_id)
            user_id, session_id = claims.user_id, claims.session_id
        else:
            identity = await service.authentication.identify(request, request.method)
            if identity.session_id is None:
                raise ended()
            user_id, session_id = identity.user_id, identity.session_id
        async with service.database.transaction():
            if await service.sessions.end(EndReason.logout, user_id=user_id, only=session_id):
                await note(Action.logged_out, actor=user_id, name="", origin=origin)
        return Response(None, status_code=204, cookies=no_cookies(service.server))

    @post(
        "/logout-everywhere",
        summary="End all sessions",
        status_code=204,
        guards=[by_session],
        responses=documented(401, 403),
    )
    async def logout_everywhere(self, request: Asked, service: Services, origin: Asker) -> Response[None]:
        """This one included. API keys stay; revoke them one by one."""
        me = request.user
        async with service.database.transaction():
            count = await service.sessions.end(EndReason.logout_everywhere, user_id=me.user_id)
            await note(Action.logged_out_everywhere, actor=me.user_id, name=me.username, origin=origin, sessions=count)
        return Response(None, status_code=204, cookies=no_cookies(service.server))

    @get("/sessions", summary="List the sessions that last", responses=documented(401, 403))
    async def sessions(self, request: Asked, service: Services) -> list[structs.SessionInfo]:
        rows = (
            await Session.select()
            .where(Session.user == request.user.user_id, Session.ended_at.is_null(), Session.expires_at > now())
            .order_by(Session.created_at, ascending=False)
        )
        current = request.user.session_id
        return [
            structs.SessionInfo(
                current=row["id"] == current,
                **{name: row[name] for name in structs.SessionInfo.__struct_fields__ if name != "current"},
            )
            for row in rows
        ]

    @delete(
        "/sessions/{session_id:uuid}",
        summary="End one of your sessions",
        guards=[by_session],
        responses=documented(401, 403, 404),
    )
    async def end_session(self, request: Asked, service: Services, origin: Asker, session_id: Id) -> None:
        me = request.user
        async with service.database.transaction():
            if not await service.sessions.end(EndReason.logout, user_id=me.user_id, only=session_id):
                raise not_found("session")
            await note(Action.session_ended, actor=me.user_id, name=me.username, subject=str(session_id), origin=origin)

    @get("/profile", summary="Your account", responses=documented(401, 403))
    async def profile(self, request: Asked, service: Services) -> structs.Profile:
        return profile_of(await service.accounts.profile(request.user.user_id))

    @put("/profile", summary="Change your account", responses=documented(401, 403, 409, 422, 429))
    async def change_profile(
        self, data: JSONBody[structs.ProfileChange], request: Asked, service: Services, origin: Asker
    ) -> structs.Profile:
        return profile_of(await service.accounts.change_profile(request.user, data, origin))

    @put(
        "/change-password",
        summary="Change your password",
        status_code=204,
        guards=[by_session],
        responses=documented(401, 403, 422, 429),
    )
    async def change_password(
        self, data: JSONBody[structs.PasswordChange], request: Asked, service: Services, origin: Asker
    ) -> None:
        """All other sessions end; this one stays."""
        await service.accounts.change_password(request.user, data, origin)

    @post(
        "/password",
        summary="Choose a new password by a one-time link",
        status_code=204,
        responses=documented(403, 422, 429),
        **_PUBLIC,
    )
    async def password_by_link(self, data: JSONBody[structs.PasswordByLink], service: Services, origin: Asker) -> None:
        """The link comes from an admin. All sessions end."""
        await service.accounts.password_by_link(data, origin)

    @get("/api-keys", summary="List your API keys", responses=documented(401, 403))
    async def api_keys(self, request: Asked, service: Services) -> list[structs.ApiKeyInfo]:
        return [_api_key(row) for row in await service.api_keys.all_of(request.user.user_id)]

    @post(
        "/api-keys",
        summary="Make an API key",
        guards=[by_session],
        responses=documented(401, 403, 409, 422),
    )
    async def make_api_key(
        self, data: JSONBody[structs.ApiKeyRequest], request: Asked, service: Services, origin: Asker
    ) -> structs.NewApiKey:
        """The answer holds the key, which is shown this once. Send it as `Authorization: Bearer cwk_…`."""
        expires_at = now() + timedelta(seconds=data.expires_in_s) if data.expires_in_s else None
        key, row = await service.api_keys.make(request.user, data.name, data.scopes, expires_at, origin)
        return structs.NewApiKey(key=key, info=_api_key(row))

    @delete(
        "/api-keys/{key_id:uuid}",
        summary="Revoke an API key",
        guards=[by_session],
        responses=documented(401, 403, 404),
    )
    async def revoke_api_key(self, request: Asked, service: Services, origin: Asker, key_id: Id) -> None:
        await service.api_keys.revoke(request.user, key_id, origin)


def _answer(service: Service, grant: Grant, *, in_cookies: bool) -> Response[structs.TokenPair]:
    cookies: list[Cookie] = cookies_for(grant, service.sessions, service.server) if in_cookies else []
    pair = structs.TokenPair(
        access_token=None if in_cookies else grant.access_token,
        refresh_token=None if in_cookies else grant.refresh_token,
        expires_in_s=max(0, int((grant.access_expires_at - now()).total_seconds())),
        session_expires_at=grant.session_expires_at,
        csrf_token=service.sessions.csrf_token(grant.session_id) if in_cookies else None,
    )
    return Response(pair, cookies=cookies)


def profile_of(row: dict[str, Any]) -> structs.Profile:
    """The public side of an account's row, for its owner."""
    return structs.Profile(
        role=Role(row["role"]),
        **{name: row[name] for name in structs.Profile.__struct_fields__ if name != "role"},
    )


def _api_key(row: dict[str, Any]) -> structs.ApiKeyInfo:
    return structs.ApiKeyInfo(
        scopes=[Scope(scope) for scope in row["scopes"].split()],
        **{name: row[name] for name in structs.ApiKeyInfo.__struct_fields__ if name != "scopes"},
    )
