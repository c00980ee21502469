"""Which part of a pipeline a deployed run is to make, as options of its command."""

from __future__ import annotations

import msgspec

from coursewright.capabilities.artifacts import Artifact
from coursewright.errors import InputError
from coursewright.plan import Plan
from coursewright.run.outcomes import Selection
from coursewright.run.references import artifact_of
from coursewright.run.selecting import select
from coursewright.store.contract import Store


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What of a pipeline is to be made, and what of it anew. The default: all, reusing what is finished."""

    from_step: str = ""
    """This step and all that follow from it are made anew."""
    until_step: str = ""
    """Only this step and what it needs."""
    item: str = ""
    """Of every `for_each` only this item; the others count where they are finished."""
    anew: bool = False
    """Reuse nothing."""
    supplied: dict[str, str] = {}
    """References of artifacts that stand for results, by step or `step[item]`."""

    def options(self) -> list[str]:
        """The same as words of the command line of `coursewright run-deployed`."""
        words = [
            *(["--from", self.from_step] if self.from_step else []),
            *(["--until", self.until_step] if self.until_step else []),
            *(["--only", self.item] if self.item else []),
            *(["--no-cache"] if self.anew else []),
        ]
        return words + [word for label, each in self.supplied.items() for word in ("--supply", f"{label}={each}")]

    def selection(self, plan: Plan, store: Store) -> Selection:
        """The same for the scheduler. Raises InputError naming what the plan does not have."""
        return select(
            plan,
            from_step=self.from_step or None,
            until_step=self.until_step or None,
            only_item=self.item or None,
            supplied={label: store.fetch(_artifact(label, each)) for label, each in self.supplied.items()},
            store=store,
        )


def _artifact(label: str, reference: str) -> Artifact:
    artifact = artifact_of(reference)
    if artifact is None:
        raise InputError(f"--supply {label}: '{reference}' is no artifact", field="--supply")
    return artifact
