"""Every question Coursewright asks a plugin. This page is the plugin author's contract.

A plugin is a distribution with an entry point in the group `coursewright` that names a module; the
module implements hooks from this page with `@hookimpl`:

    from coursewright.hookspecs import hookimpl

    @hookimpl
    def coursewright_providers():
        return [MyVoice]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pluggy

from coursewright.providers import Provider

GROUP = "coursewright"
"""The entry-point group, and pluggy's project name."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def coursewright_providers() -> Iterable[type[Provider[Any, Any]]]:
    """Return the provider classes this plugin offers.

    Called once per process, before any pipeline is compiled. Import heavy libraries where a request
    is served, not here: listing what is installed must stay quick.
    """
    raise NotImplementedError  # pluggy reads the signature and never calls a spec
