"""Piccolo's configuration, which it looks up by the variable PICCOLO_CONF.

`DB` is the engine in use once `Database.open` has set it; before that, as for Piccolo's own command, the one
that the settings of the environment name.
"""

from __future__ import annotations

import os
from typing import Any

from piccolo.conf.apps import AppRegistry

MODULE = __name__
APP_REGISTRY = AppRegistry(apps=["coursewright_api.database.piccolo_app"])


def __getattr__(name: str) -> Any:
    if name != "DB":
        raise AttributeError(name)
    from coursewright.settings import settings_from

    from coursewright_api.database import engine_for
    from coursewright_api.settings import server_settings

    settings = settings_from(os.environ)
    return engine_for(settings, server_settings(settings))
