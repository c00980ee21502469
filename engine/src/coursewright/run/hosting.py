"""A provider made ready for this installation: its service, its secrets, its history."""

from __future__ import annotations

import msgspec

from coursewright.catalog import AnyProvider
from coursewright.errors import InputError
from coursewright.run.history import InstalledHost
from coursewright.settings import PREFIX, Settings


def hosted(kind: type[AnyProvider], settings: Settings, options: msgspec.Struct | None = None) -> AnyProvider:
    """An instance of a provider. Raises InputError naming the setting that its service does not take."""
    provider_id = f"{kind.capability}.{kind.name}"
    return kind(options, service=_service(kind, provider_id, settings), host=InstalledHost(provider_id, settings))


def _service(kind: type[AnyProvider], provider_id: str, settings: Settings) -> msgspec.Struct:
    given = settings.services.get(provider_id, {})
    try:
        return msgspec.convert(given, kind.Service, strict=False)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$.")
        field = place.rstrip("`")
        variable = f"{PREFIX}SERVICE_{provider_id.replace('.', '_').upper()}__{(field or 'URL').upper()}"
        known = ", ".join(kind.Service.__struct_fields__) or "nothing"
        raise InputError(
            f"the service of {provider_id} is set wrongly: {f'{field}: ' if field else ''}{reason}",
            field=f"services.{provider_id}.{field}".rstrip("."),
            remedy=f'correct [services."{provider_id}"] in the settings file, or {variable}; it takes: {known}',
        ) from None
