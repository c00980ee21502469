"""Accounts: opening, logging in, changing. What each person does for themselves."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import msgspec

from coursewright_api.auth import rules, structs, throttle
from coursewright_api.auth.audit import Action, Origin, note
from coursewright_api.auth.identity import Identity
from coursewright_api.auth.links import Links
from coursewright_api.auth.passwords import Passwords
from coursewright_api.auth.sessions import Grant, Sessions
from coursewright_api.database import Database, is_duplicate
from coursewright_api.database.columns import now
from coursewright_api.database.states import EndReason, LinkPurpose, Role, UserState
from coursewright_api.database.tables import User
from coursewright_api.fields import FieldError
from coursewright_api.problems import conflict, forbidden, invalid, not_found, unauthorized
from coursewright_api.settings import ServerSettings

ADMINS = "admins"
"""The name under which changes that could leave no admin, or make two first ones, exclude each other."""


class Accounts:
    """Opens and changes accounts, and lets people in."""

    def __init__(
        self,
        database: Database,
        sessions: Sessions,
        links: Links,
        throttles: throttle.Throttles,
        passwords: Passwords,
        server: ServerSettings,
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._links = links
        self._throttles = throttles
        self._passwords = passwords
        self._server = server

    async def register(self, data: structs.Register, origin: Origin) -> None:
        """Open an account; silently nothing when the address has one. Raises 403, 409 (user name), 422 and 429."""
        if self._server.registration == "closed":
            raise forbidden(
                "accounts are opened by an admin here", code="registration_closed", remedy="ask an admin for one"
            )
        self._check(data)
        if self._server.terms_url and not data.accept_terms:
            raise invalid([FieldError(pointer="/accept_terms", message=f"read and accept {self._server.terms_url}")])
        await self._throttles.count(throttle.ACCOUNTS_BY_ADDRESS, throttle.network(origin.address))
        hashed = await self._passwords.hash(data.password)  # before anything is looked up: the time tells nothing
        user = new_user(data.email, data.username, data.full_name, hashed)
        try:
            async with self._database.transaction():
                await user.save()
                await note(
                    Action.registered,
                    actor=user.id,
                    name=user.username,
                    origin=origin,
                    **({"terms": self._server.terms_url} if self._server.terms_url else {}),
                )
        except Exception as error:
            if not is_duplicate(error):
                raise
            await self._username_must_be_free(data.username)

    async def setup(self, data: structs.Setup, origin: Origin) -> None:
        """Open the first admin's account. Raises 403 when the link is no good or there is an admin."""
        await self._throttles.count(throttle.LINKS_BY_ADDRESS, throttle.network(origin.address))
        self._check(data)
        hashed = await self._passwords.hash(data.password)
        user = new_user(data.email, data.username, data.full_name, hashed, Role.admin)
        try:
            async with self._database.exclusive(ADMINS):
                await self._links.use(LinkPurpose.setup, data.token)
                if await User.exists().where(User.role == Role.admin.value):
                    raise forbidden("there is an admin already", code="link_invalid", remedy="ask them for an account")
                await user.save()
                await note(Action.setup, actor=user.id, name=user.username, origin=origin)
        except Exception as error:
            if not is_duplicate(error):
                raise
            await self._username_must_be_free(data.username)
            raise conflict("there is an account with that address already", field="email") from None

    async def login(self, data: structs.Login, origin: Origin) -> Grant:
        """Begin a session. One answer for an unknown address, a wrong password and a closed account: 401."""
        email, network = rules.email_key(data.email), throttle.network(origin.address)
        await self._throttles.count(throttle.PASSWORD_BY_ADDRESS, network)
        await self._throttles.count(throttle.PASSWORD_BY_ACCOUNT, email)
        user = None if rules.email_errors(email) else await User.select().where(User.email == email).first()
        good = await self._passwords.verify(user["password_hash"] if user else None, data.password)
        if user is None or not good or user["state"] != UserState.active.value:
            await note(Action.login_failed, actor=user["id"] if user else None, name=email, origin=origin)
            raise unauthorized("the e-mail address or the password is wrong", code="login_failed", remedy="try again")
        await self._throttles.forgive(throttle.PASSWORD_BY_ACCOUNT, email, all_tries=True)
        await self._throttles.forgive(throttle.PASSWORD_BY_ADDRESS, network)
        change: dict[Any, Any] = {User.last_login_at: now()}
        if self._passwords.outdated(user["password_hash"]):
            change[User.password_hash] = await self._passwords.hash(data.password)
        async with self._database.transaction():
            # Again: the account may have been closed, or the password changed, while it was being checked.
            unchanged = (
                await User.update(change)
                .where(
                    User.id == user["id"],
                    User.state == UserState.active.value,
                    User.password_hash == user["password_hash"],
                )
                .returning(User.id)
            )
            if not unchanged:
                raise unauthorized("the account has just changed", code="login_failed")
            await note(Action.logged_in, actor=user["id"], name=user["username"], origin=origin)
            return await self._sessions.begin(user["id"], remember=data.remember, origin=origin)

    async def profile(self, user_id: UUID) -> dict[str, Any]:
        """The account's row. Raises a 404."""
        row = await User.select().where(User.id == user_id).first()
        if row is None:
            raise not_found("user")
        return row

    async def change_profile(self, identity: Identity, data: structs.ProfileChange, origin: Origin) -> dict[str, Any]:
        """Change what is given. Another e-mail address needs the password. Raises 401, 409, 422."""
        change: dict[Any, Any] = {}
        errors: list[FieldError] = []
        if data.username is not msgspec.UNSET:
            errors += rules.username_errors(data.username)
            change |= {User.username: data.username, User.username_key: rules.username_key(data.username)}
        if data.full_name is not msgspec.UNSET:
            change[User.full_name] = data.full_name.strip()
        if data.email is not msgspec.UNSET:
            errors += rules.email_errors(data.email)
        if errors:
            raise invalid(errors)
        if data.email is not msgspec.UNSET and rules.email_key(data.email) != identity.email:
            if identity.session_id is None:
                raise forbidden("an API key cannot change the e-mail address", code="session_needed")
            await self._must_know_password(identity, data.password, "password", origin)
            change[User.email] = rules.email_key(data.email)
        if change:
            names = sorted(column._meta.name for column in change if column is not User.username_key)
            try:
                async with self._database.transaction():
                    await User.update({**change, User.updated_at: now()}).where(User.id == identity.user_id)
                    await note(
                        Action.profile_changed,
                        actor=identity.user_id,
                        name=identity.username,
                        origin=origin,
                        fields=names,
                    )
            except Exception as error:
                if not is_duplicate(error):
                    raise
                if data.username is not msgspec.UNSET:
                    await self._username_must_be_free(data.username, but=identity.user_id)
                raise conflict("this e-mail address cannot be used here", field="email") from None
        return await self.profile(identity.user_id)

    async def change_password(self, identity: Identity, data: structs.PasswordChange, origin: Origin) -> None:
        """Another password; all other sessions end. Raises 401, 422, 429."""
        about = (identity.email, identity.username)
        if errors := rules.password_errors(data.new_password, about=about, field="new_password"):
            raise invalid(errors)
        await self._must_know_password(identity, data.current_password, "current_password", origin)
        hashed = await self._passwords.hash(data.new_password)
        async with self._database.transaction():
            await User.update({User.password_hash: hashed, User.updated_at: now()}).where(User.id == identity.user_id)
            await self._sessions.end(EndReason.password_changed, user_id=identity.user_id, but=identity.session_id)
            await note(Action.password_changed, actor=identity.user_id, name=identity.username, origin=origin)

    async def password_by_link(self, data: structs.PasswordByLink, origin: Origin) -> None:
        """A new password by a one-time link; all sessions end. Raises 403, 422, 429."""
        await self._throttles.count(throttle.LINKS_BY_ADDRESS, throttle.network(origin.address))
        if errors := rules.password_errors(data.new_password, field="new_password"):
            raise invalid(errors)
        hashed = await self._passwords.hash(data.new_password)
        async with self._database.transaction():
            user_id = await self._links.use(LinkPurpose.password, data.token)
            if user_id is None:  # such links are made for somebody
                raise not_found("user")
            rows = (
                await User.update({User.password_hash: hashed, User.updated_at: now()})
                .where(User.id == user_id)
                .returning(User.username, User.email)
            )
            await self._sessions.end(EndReason.password_changed, user_id=user_id)
            await note(Action.password_reset, actor=user_id, name=rows[0]["username"], origin=origin)
        await self._throttles.forgive(throttle.PASSWORD_BY_ACCOUNT, rows[0]["email"], all_tries=True)

    async def _must_know_password(self, identity: Identity, password: str, field: str, origin: Origin) -> None:
        await self._throttles.count(throttle.PASSWORD_BY_ADDRESS, throttle.network(origin.address))
        await self._throttles.count(throttle.PASSWORD_BY_ACCOUNT, identity.email)
        row = await self.profile(identity.user_id)
        if not await self._passwords.verify(row["password_hash"], password):
            raise invalid([FieldError(pointer=f"/{field}", code="wrong_password", message="is not your password")])
        await self._throttles.forgive(throttle.PASSWORD_BY_ACCOUNT, identity.email, all_tries=True)
        await self._throttles.forgive(throttle.PASSWORD_BY_ADDRESS, throttle.network(origin.address))

    async def _username_must_be_free(self, username: str, *, but: UUID | None = None) -> None:
        query = User.exists().where(User.username_key == rules.username_key(username))
        if await (query.where(User.id != but) if but else query):
            raise conflict(f"the user name '{username}' is taken", field="username", remedy="choose another")

    def _check(self, data: structs.Register) -> None:
        if errors := [
            *rules.email_errors(data.email),
            *rules.username_errors(data.username),
            *rules.password_errors(data.password, about=(data.email, data.username, data.full_name)),
        ]:
            raise invalid(errors)


def new_user(email: str, username: str, full_name: str, password_hash: str, role: Role = Role.author) -> User:
    """A row that is not saved yet."""
    moment = now()
    return User(
        id=uuid4(),
        email=rules.email_key(email),
        username=username,
        username_key=rules.username_key(username),
        full_name=full_name.strip(),
        password_hash=password_hash,
        role=role,
        state=UserState.active,
        created_at=moment,
        updated_at=moment,
    )
