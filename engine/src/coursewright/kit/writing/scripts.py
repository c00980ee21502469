"""`script` and `translation`: whole courses. `scene`: one scene of a course."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

import msgspec

from coursewright.capabilities.llm import LlmRequest, Scene, SceneReport, Script
from coursewright.errors import BadInput
from coursewright.kit.languages import detected
from coursewright.kit.writing import rules
from coursewright.kit.writing.asks import Reply
from coursewright.kit.writing.material import Material, script_of
from coursewright.kit.writing.pace import Pace
from coursewright.kit.writing.pictures import illustrated
from coursewright.kit.writing.replies import fill, object_of
from coursewright.kit.writing.report import reported, timed
from coursewright.kit.writing.schemas import SCENE, SCRIPT, Schema
from coursewright.providers import Context

TOLERANCE = 0.15
"""How far the length may be from what was asked for."""
_AIM_S = (20.0, 75.0)
"""What a scene should take: attention to one slide fades after a minute."""
_LIMITS_S = (2.0, 120.0)
"""What a scene may take; a greeting is short."""
_MOST_BULLETS = 5
_BULLET_LENGTH = 120
"""Characters of a bullet that still fit two lines of a slide."""
_BULLETS = f"Each scene has one to {_MOST_BULLETS} bullets of at most {_BULLET_LENGTH} characters."
_BULLET_MARK = re.compile(r"\A\s*(?:[-*+•▪◦●–]|\d{1,2}[.)])\s+")
_ID_LENGTH = 63
_ALONE = "scene"
"""The id of a scene that is written by itself."""


class DraftScene(msgspec.Struct, kw_only=True):
    """A scene as a model wrote it."""

    id: str
    title: str
    narration: str
    bullets: list[str] = []


class Draft(msgspec.Struct, kw_only=True):
    """A script as a model wrote it, before any rule."""

    title: str
    scenes: list[DraftScene]
    objectives: list[str] = []


class Scripts:
    """A course of the length that was asked for."""

    schema: Schema = SCRIPT

    def __init__(self, request: LlmRequest, material: Material, pace: Pace) -> None:
        self._material = material
        self._pace = pace
        self._asked_s = 60 * material.minutes if material.minutes else None
        self._known = rules.material(request.data)

    def wanted(self) -> list[str]:
        pace, unit = self._pace, self._pace.unit
        shortest, longest = (pace.amount(length_s) for length_s in _AIM_S)
        length = []
        if self._asked_s:
            about, least, most = (
                pace.amount(self._asked_s * factor) for factor in (1, 1 - 0.8 * TOLERANCE, 1 + 0.8 * TOLERANCE)
            )
            length = [
                f"All narrations together have about {about} {unit}, never under {least} or over {most}: "
                f"that is {self._asked_s / 60:g} minutes at the pace of the voice. Most drafts are too short."
            ]
        return [
            *rules.in_language("Title, objectives, bullets and narration are", self._material.language),
            *length,
            f"Each scene's narration has {shortest} to {longest} {unit}; only a greeting or a farewell may be shorter.",
            _BULLETS,
            "Each scene's id is lower-case ASCII words joined by hyphens, and no two are the same.",
            rules.SPOKEN,
            rules.ADDRESSES,
        ]

    def read(self, reply: Reply) -> tuple[msgspec.Struct | None, list[str]]:
        draft = self._tidied(fill(_unwrapped(object_of(reply), "scenes"), Draft))
        faults = list(self._faults(draft))
        if faults:
            return None, faults
        language = self._material.language or detected(" ".join(scene.narration for scene in draft.scenes)) or "en"
        return fill({**msgspec.to_builtins(draft), "language": language}, Script), []

    def finished(self, value: msgspec.Struct, context: Context) -> msgspec.Struct:
        script = timed(_as_script(value), self._pace)
        if not self._material.notes.strip():
            context.notice("there were no notes: every sentence is the model's own, so check the facts")
        notes = self._material.notes
        script = reported(script, self._pace, notes=notes, asked_s=self._asked_s, notice=context.notice)
        return illustrated(script, notes, self._material.images)

    def _tidied(self, draft: Draft) -> Draft:
        """Without what is harmless to put right here: marks before bullets, ids in another spelling, blanks."""
        for number, scene in enumerate(draft.scenes, 1):
            scene.id = _slug(scene.id) or f"scene-{number}"
            scene.title = " ".join(scene.title.split())
            scene.bullets = [
                bullet for each in scene.bullets if (bullet := " ".join(_BULLET_MARK.sub("", each).split()))
            ]
            scene.narration = scene.narration.strip()
        draft.title = " ".join(draft.title.split())
        draft.objectives = [text for each in draft.objectives if (text := " ".join(_BULLET_MARK.sub("", each).split()))]
        return draft

    def _faults(self, draft: Draft) -> Iterator[str]:
        if not draft.scenes:
            yield "There are no scenes."
            return
        yield from self._wrong_length(draft)
        for scene_id, number in Counter(scene.id for scene in draft.scenes).items():
            if number > 1:
                yield f"{number} scenes have the id '{scene_id}': give each its own."
        for number, scene in enumerate(draft.scenes):
            yield from self._wrong_scene(scene, f"Scene '{scene.id}'", needs_bullets=number > 0)
        yield from _wrong_texts(draft, self._known, self._material.language)

    def _wrong_scene(self, scene: DraftScene, which: str, *, needs_bullets: bool) -> Iterator[str]:
        if not scene.title:
            yield f"{which} has no title."
        length_s = self._pace.seconds(scene.narration)
        have = self._pace.amount(length_s, scene.narration)
        if not scene.narration:
            yield f"{which} has no narration."
        elif length_s < _LIMITS_S[0]:
            yield f"{which} has a narration of {have} {self._pace.unit}: join it with another scene or write more."
        elif length_s > _LIMITS_S[1]:
            most = self._pace.amount(_LIMITS_S[1], scene.narration)
            yield f"{which} has a narration of {have} {self._pace.unit}, at most {most} are allowed: divide it."
        if needs_bullets and not scene.bullets:
            yield f"{which} has no bullets for its slide."
        if len(scene.bullets) > _MOST_BULLETS:
            yield f"{which} has {len(scene.bullets)} bullets, at most {_MOST_BULLETS} are allowed."
        for bullet in scene.bullets:
            if len(bullet) > _BULLET_LENGTH:
                yield f"{which} has a bullet of {len(bullet)} characters, {_BULLET_LENGTH} fit: “{bullet[:40]}…”."

    def _wrong_length(self, draft: Draft) -> Iterator[str]:
        if self._asked_s is None:
            return
        narration = " ".join(scene.narration for scene in draft.scenes)
        length_s = sum(self._pace.seconds(scene.narration) for scene in draft.scenes)
        if abs(length_s - self._asked_s) <= TOLERANCE * self._asked_s:
            return
        unit, have = self._pace.unit, self._pace.amount(length_s, narration)
        least, most = (self._pace.amount(self._asked_s * (1 + sign * TOLERANCE), narration) for sign in (-1, 1))
        about = self._pace.amount(self._asked_s, narration)
        do = (
            f"add about {about - have} {unit} by telling more in every scene or adding scenes"
            if length_s < self._asked_s
            else f"take out about {have - about} {unit}"
        )
        yield (
            f"The narrations have {have} {unit}, which take {length_s / 60:.1f} minutes to say; "
            f"{self._asked_s / 60:g} minutes are {least} to {most} {unit}: {do}."
        )


class Scenes(Scripts):
    """One scene. Its id and its place are known to those who asked."""

    schema = SCENE

    def wanted(self) -> list[str]:
        longest = self._pace.amount(_LIMITS_S[1])
        return [
            *rules.in_language("Title, bullets and narration are", self._material.language),
            f"The narration has at most {longest} {self._pace.unit}.",
            _BULLETS,
            rules.SPOKEN,
            rules.ADDRESSES,
        ]

    def read(self, reply: Reply) -> tuple[msgspec.Struct | None, list[str]]:
        scene = {**_unwrapped(object_of(reply), "narration"), "id": _ALONE}
        draft = self._tidied(fill({"title": _ALONE, "scenes": [scene]}, Draft))
        if faults := list(self._faults(draft)):
            return None, faults
        return fill(msgspec.to_builtins(draft.scenes[0]), Scene), []

    def finished(self, value: msgspec.Struct, context: Context) -> msgspec.Struct:
        if not isinstance(value, Scene):
            raise TypeError(type(value).__name__)
        return msgspec.structs.replace(value, duration_s=round(self._pace.seconds(value.narration), 1))


class Translations(Scripts):
    """The script of the request in another language: the same scenes, in the same order."""

    def __init__(self, request: LlmRequest, material: Material, pace: Pace) -> None:
        super().__init__(request, material, pace)
        self._original = script_of(material, "a translation")
        if material.language is None:
            raise BadInput(
                "a translation needs the language to translate into",
                field="data.language",
                remedy='name it: `data: {language: "${inputs.language}"}`',
            )

    def wanted(self) -> list[str]:
        return [
            *rules.in_language("Every title, objective, bullet and narration is", self._material.language),
            f"Give all {len(self._original.scenes)} scenes in the same order, each with its id unchanged.",
            "Each scene keeps its number of bullets, and the script its number of objectives.",
            rules.SPOKEN,
            rules.ADDRESSES,
        ]

    def finished(self, value: msgspec.Struct, context: Context) -> msgspec.Struct:
        translated = _as_script(value)
        scenes = [
            msgspec.structs.replace(scene, image=original.image, notes=original.notes)
            for scene, original in zip(translated.scenes, self._original.scenes, strict=True)
        ]
        script = timed(msgspec.structs.replace(translated, scenes=scenes), self._pace)
        return _with_original_sources(reported(script, self._pace, notice=context.notice), self._original)

    def _faults(self, draft: Draft) -> Iterator[str]:
        wanted, found = [scene.id for scene in self._original.scenes], [scene.id for scene in draft.scenes]
        if wanted != found:
            yield (
                f"The scenes must be, in this order, with these ids: {', '.join(wanted)}. "
                f"The answer has: {', '.join(found) or 'none'}."
            )
            return
        if len(draft.objectives) != len(self._original.objectives):
            yield f"There are {len(draft.objectives)} objectives, the original has {len(self._original.objectives)}."
        for scene, original in zip(draft.scenes, self._original.scenes, strict=True):
            which = f"Scene '{scene.id}'"
            if len(scene.bullets) != len(original.bullets):
                yield f"{which} has {len(scene.bullets)} bullets, the original has {len(original.bullets)}."
            if not scene.title or not scene.narration:
                yield f"{which} has no {'narration' if scene.title else 'title'}."
        yield from _wrong_texts(draft, self._known, self._material.language)


def _wrong_texts(draft: Draft, known: str, language: str | None) -> Iterator[str]:
    if not draft.title:
        yield "The course has no title."
    for scene in draft.scenes:
        yield from rules.markup(scene.narration, f"The narration of scene '{scene.id}'")
    shown = " \n".join((draft.title, *draft.objectives))
    yield from rules.invented_addresses(shown, "The title or an objective", known)
    for scene in draft.scenes:
        said = " \n".join((scene.title, *scene.bullets, scene.narration))
        yield from rules.invented_addresses(said, f"Scene '{scene.id}'", known)
    yield from rules.wrong_language(" ".join(scene.narration for scene in draft.scenes), language)


def _with_original_sources(script: Script, original: Script) -> Script:
    """A translation rests on what its original rests on."""
    if script.report is None or original.report is None:
        return script
    known = {scene.id: scene for scene in original.report.scenes}
    scenes: list[SceneReport] = []
    for scene in script.report.scenes:
        source = known.get(scene.id)
        scenes.append(scene if source is None else msgspec.structs.replace(source, words=scene.words))
    return msgspec.structs.replace(script, report=msgspec.structs.replace(script.report, scenes=scenes))


def _unwrapped(value: dict[str, object], key: str) -> dict[str, object]:
    """The answer itself, where a model has put it into an object around it."""
    inside = [each for each in value.values() if isinstance(each, dict) and key in each]
    return inside[0] if key not in value and len(inside) == 1 else value


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    return re.sub("[^a-z0-9]+", "-", plain).strip("-")[:_ID_LENGTH].strip("-")


def _as_script(value: msgspec.Struct) -> Script:
    if not isinstance(value, Script):
        raise TypeError(type(value).__name__)
    return value
