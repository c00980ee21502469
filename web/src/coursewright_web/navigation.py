"""What the sidebar offers, to whom."""

from __future__ import annotations

import msgspec
from coursewright_api.database.states import Role


class Place(msgspec.Struct, frozen=True):
    """A page of the sidebar. `title` is a message that the catalogues translate."""

    path: str
    icon: str
    title: str
    role: Role = Role.author

    def holds(self, path: str) -> bool:
        """Is that page here, or below?"""
        return path == self.path or (self.path != "/" and path.startswith(f"{self.path}/"))


def _(message: str) -> str:
    """Marks a message for the catalogues; it is translated where it is shown."""
    return message


PLACES = (
    Place("/", "home", _("Dashboard")),
    Place("/create", "plus-circle", _("Create")),
    Place("/jobs", "queue-list", _("Jobs")),
    Place("/assets", "photo", _("Files")),
    Place("/pipelines", "rectangle-group", _("Pipelines")),
    Place("/providers", "puzzle-piece", _("Providers")),
    Place("/settings", "cog-6-tooth", _("Settings")),
    Place("/admin", "shield-check", _("Admin"), Role.admin),
)


def places_for(role: Role) -> list[Place]:
    """The pages that somebody with this role may see."""
    return [place for place in PLACES if role.includes(place.role)]
