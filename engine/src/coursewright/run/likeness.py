"""The rule on voices and faces: no clone of a voice, and no photo to a service, without a consent.

It is asked for each request, before any provider is and before a finished result is used again, so that it holds for
every pipeline and every way to start one, and a revoked consent counts at once. What it goes by:

- Speech from a voice sample needs consent, whoever speaks: what a provider does with the sample, nobody here can see.
- A portrait needs consent where the provider `sends` what it is given to somebody: a photo cannot be called back.
  Animating it on this machine needs none, and neither does a drawing. What a file is, its bytes say.
"""

from __future__ import annotations

import shlex

import msgspec

from coursewright.capabilities.artifacts import Artifact
from coursewright.catalog import AnyProvider
from coursewright.consent import consent_for
from coursewright.errors import ArtifactDamaged, BadInput
from coursewright.run.keys import artifacts_in
from coursewright.run.media import media_type_of
from coursewright.store.contract import Store

_HEAD_BYTES = 8192
_SENTENCES = {
    "tts": "nobody has agreed that the voice in '{name}' is cloned",
    "video": "nobody has agreed that the portrait '{name}' is given to a service",
}


def must_be_agreed(provider: AnyProvider, request: msgspec.Struct, store: Store) -> None:
    """Raise BadInput when the request needs a consent that is not there."""
    for field, artifact in _needing(provider, request, store):
        if consent_for(store, artifact.digest) is None:
            file = shlex.quote(artifact.name)
            raise BadInput(
                _SENTENCES[provider.capability].format(name=artifact.name),
                field=field,
                remedy=f'if they agree: coursewright consent {file} --person "NAME" --purpose "…"',
            )


def _needing(provider: AnyProvider, request: msgspec.Struct, store: Store) -> list[tuple[str, Artifact]]:
    """(field, artifact) of what the request says of a person; a provider's options may carry samples as well."""
    if provider.capability == "tts":
        return _carried(request) + _carried(provider.options)
    if provider.capability == "video" and provider.sends:
        pictures = [(field, each) for field, each in _carried(request) if field == "portrait"]
        return [(field, each) for field, each in pictures + _carried(provider.options) if not _is_drawing(each, store)]
    return []


def _carried(values: msgspec.Struct) -> list[tuple[str, Artifact]]:
    return [(name, each) for name in values.__struct_fields__ for each in artifacts_in(getattr(values, name))]


def _is_drawing(artifact: Artifact, store: Store) -> bool:
    try:
        with store.open(artifact) as file:
            return media_type_of(file.read(_HEAD_BYTES), artifact.name) == "image/svg+xml"
    except ArtifactDamaged:  # said in better words before a provider is asked
        return True
