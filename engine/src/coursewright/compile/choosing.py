"""Which providers serve a step, and in which order they are asked."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from coursewright.catalog import Catalog
from coursewright.compile import shape
from coursewright.document import codes
from coursewright.document.nodes import Entry, Scalar
from coursewright.document.problems import Place, Report, did_you_mean, listed, meant, near, quoted

_WORD = re.compile("[a-z0-9][a-z0-9_-]{0,40}")


class Choice(msgspec.Struct, frozen=True):
    """The ids that serve a step, in order.

    `set_aside` are installed providers that would serve if the run had not chosen another; `absent` are
    named but not installed. `failed`: a problem was reported, and what follows from it should not be.
    """

    ids: tuple[str, ...] = ()
    set_aside: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    failed: bool = False


class Chooser:
    """Chooses providers for the steps of one pipeline.

    The order of precedence: an override for the step, the step's own names, an override for the
    capability, the pipeline's defaults, the settings' preference, and last whatever is installed and sends nothing
    to anybody else.
    """

    def __init__(
        self,
        report: Report,
        catalog: Catalog,
        *,
        defaults: Mapping[str, tuple[Scalar, ...]],
        overrides: Mapping[str, str],
        preferred: Mapping[str, str],
    ) -> None:
        self._report = report
        self._catalog = catalog
        self._defaults = defaults
        self._overrides = overrides
        self._preferred = preferred

    def choose(self, step: str, capability: str, own: tuple[Scalar, ...], at: Place) -> Choice:
        """The providers of a step of that capability; `own` are the names the step itself gives."""
        for_step = self._override(step, capability)
        for_capability = self._override(capability, capability)
        written = own or self._defaults.get(capability, ())
        chosen = for_step or (None if own else for_capability)
        if chosen is not None:
            return _only(chosen, self._named(capability, written) if written else self._installed(capability))
        choice = self._named(capability, written) if written else self._preferred_or_installed(capability, at)
        self._report_absent(choice, capability, written)
        if for_capability in choice.ids:
            return _only(for_capability, choice)
        if for_capability is not None and not choice.failed:
            name = for_capability.partition(".")[2]
            self._report.add(
                codes.OVERRIDE_UNUSED,
                own[0].place,
                f"'{capability}={name}' is not among the providers of step '{step}'",
                f"to use it in this step: --provider {step}={name}",
            )
        return choice

    def _override(self, key: str, capability: str) -> str | None:
        """The installed provider that the run chose under this key, if any; what is wrong is reported apart."""
        provider_id = full_id(self._overrides.get(key, ""), capability)
        return provider_id if provider_id in self._installed(capability).ids else None

    def _named(self, capability: str, names: tuple[Scalar, ...]) -> Choice:
        ids = [full_id(name.text, capability) for name in names]
        found = tuple(each for each in ids if each in self._catalog.offers and each.startswith(f"{capability}."))
        return Choice(found, absent=tuple(each for each in ids if each not in found), failed=not found)

    def _report_absent(self, choice: Choice, capability: str, names: tuple[Scalar, ...]) -> None:
        """An error when nobody else can serve the step, otherwise a warning."""
        for name in names:
            provider_id = full_id(name.text, capability)
            if provider_id not in choice.absent:
                continue
            hint = self.absence(provider_id, capability)
            if provider_id.partition(".")[0] != capability:
                message = f"{quoted(name.text)} is not a provider of '{capability}'"
                self._report.add(codes.UNKNOWN_PROVIDER, name.place, message, hint)
            elif choice.failed:
                message = f"no provider is called {quoted(provider_id)}"
                self._report.add(codes.UNKNOWN_PROVIDER, name.place, message, hint)
            else:
                message = f"provider {quoted(provider_id)} is not installed"
                self._report.add(codes.PROVIDER_ABSENT, name.place, message, hint)

    def absence(self, provider_id: str, capability: str) -> str:
        """What to do about a provider that is not installed."""
        name = provider_id.partition(".")[2]
        for failure in self._catalog.failures:
            if f"{capability}-{name}" in failure.plugin.replace("_", "-") or f"'{provider_id}'" in failure.reason:
                return f"the plugin {failure.plugin} could not be loaded: {failure.reason}"
        installed = [each.name for each in self._catalog.of(capability)]
        if close := near(name, installed):
            return meant(f"{capability}.{each}" for each in close)
        own = provider_id.startswith(f"{capability}.") and _WORD.fullmatch(name)
        hints = [f"pip install coursewright-{capability}-{name}"] if own else []
        return "\n".join(hints + ([f"installed: {listed(installed)}"] if installed else []))

    def _installed(self, capability: str) -> Choice:
        return Choice(tuple(f"{capability}.{provider.name}" for provider in self._catalog.of(capability)))

    def _preferred_or_installed(self, capability: str, at: Place) -> Choice:
        installed = self._installed(capability)
        if not installed.ids:
            broken = [f"the plugin {each.plugin} could not be loaded: {each.reason}" for each in self._catalog.failures]
            hint = "\n".join(broken[:3]) or f"pip install a plugin for it, such as coursewright-{capability}-…"
            self._report.add(codes.NO_PROVIDER, at, f"no provider of '{capability}' is installed", hint)
            return Choice(failed=True)
        wish = self._preferred.get(capability)
        if wish is None:
            return self._at_home(installed)
        provider_id = full_id(wish, capability)
        if provider_id in installed.ids:
            return Choice((provider_id,))
        message = f"provider {quoted(provider_id)}, preferred in the settings, is not installed"
        self._report.add(codes.PREFERRED_ABSENT, at, message, self.absence(provider_id, capability))
        return self._at_home(installed)

    def _at_home(self, installed: Choice) -> Choice:
        """Without those that send an author's material elsewhere, which somebody has to choose; all, if no other is."""
        ids = tuple(each for each in installed.ids if not self._catalog.offers[each].provider.sends)
        return Choice(ids or installed.ids)


def _only(provider_id: str, instead_of: Choice) -> Choice:
    aside = tuple(each for each in instead_of.ids if each != provider_id)
    return Choice((provider_id,), set_aside=aside, absent=instead_of.absent)


def full_id(name: str, capability: str) -> str:
    """`espeak` and `tts.espeak` both name `tts.espeak`."""
    return name if "." in name else f"{capability}.{name}"


def check_overrides(
    report: Report, chooser: Chooser, catalog: Catalog, overrides: Mapping[str, str], capability_of: Mapping[str, str]
) -> None:
    """Report each override that cannot be meant: `capability_of` maps capabilities and step names to capabilities."""
    for key, name in overrides.items():
        label = f"--provider {key}={name}"
        capability = capability_of.get(key)
        if capability is None:
            hint = did_you_mean(key, capability_of)
            report.add_placeless(
                codes.BAD_OVERRIDE, label, f"{quoted(key)} is neither a capability nor a step of this pipeline", hint
            )
        elif capability and (provider_id := full_id(name, capability)) not in catalog.offers:
            hint = chooser.absence(provider_id, capability)
            report.add_placeless(codes.BAD_OVERRIDE, label, f"no provider is called {quoted(provider_id)}", hint)


def read_defaults(
    report: Report, entry: Entry | None, capabilities: Mapping[str, object]
) -> dict[str, tuple[Scalar, ...]]:
    """`defaults.provider`: names of providers by capability."""
    if entry is None:
        return {}
    keys = shape.known(report, shape.entries(report, entry.value, "'defaults'"), ("provider",), "'defaults'")
    if "provider" not in keys:
        return {}
    what = "'provider' of 'defaults'"
    found = shape.known(report, shape.entries(report, keys["provider"].value, what), capabilities, what)
    return {name: tuple(shape.several(report, each.value, f"'{name}' in {what}")) for name, each in found.items()}
