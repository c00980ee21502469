"""Notes → `Script`: reading, fitting to a length, scenes, points, ids and objectives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.llm import Scene, Script
from coursewright.errors import BadInput
from coursewright.kit.languages import contradiction, detected, seconds
from coursewright.kit.writing.pace import Pace
from coursewright.kit.writing.report import reported

from coursewright_llm_outline import points
from coursewright_llm_outline.ids import SceneIds
from coursewright_llm_outline.notes import Notes, Section, Sentence, heading_text, read
from coursewright_llm_outline.provider import Material
from coursewright_llm_outline.rank import Ranking, fit
from coursewright_llm_outline.scenes import Draft, drafts
from coursewright_llm_outline.sentences import with_stop, without_stop
from coursewright_llm_outline.vocabulary import OBJECTIVES, REFERENCES

Notice = Callable[[str], None]

_MAX_NARRATION = 19_900
_MAX_UNSPOKEN = 5_000
_MAX_OBJECTIVES = 6
_MAX_OBJECTIVE_LENGTH = 300
_TOLERANCE = 1.1
"""Notes a tenth longer than asked are left whole."""
_SHORT = 0.75
"""Notes that fill less of the asked length are worth a word."""


def write(material: Material, notice: Notice, proceed: Callable[[], None]) -> Script:
    """Make the script. Says by `notice` what was left out and what looks wrong.

    `proceed` is called between the stages, of which none takes over a second, and may raise to give up.

    Raises BadInput when nothing in the notes can be said.
    """
    notes = read(material.notes, material.language or detected(material.notes) or "en")
    proceed()
    title = _title(material, notes)
    sections = _with_words(_without_references(notes.sections, notice), title, notice)
    language = _language(material, notes, sections, notice)
    objectives = _stated_objectives(sections)
    _fit(sections, material.minutes, language, notice)
    proceed()
    ranking = Ranking(sections)
    found = drafts(sections, language, lambda said: points.headline(said, ranking))
    proceed()
    images = {image.name: image for image in material.images}
    scenes = _scenes(found, ranking, language, images)
    _say_what_is_unspoken(found, notice)
    title = title or scenes[0].title
    script = Script(
        title=title,
        language=language,
        objectives=objectives or _topics(found, title),
        scenes=scenes,
        duration_s=round(sum(scene.duration_s for scene in scenes), 1),
    )
    proceed()
    asked_s = 60 * material.minutes if material.minutes else None
    return reported(script, Pace(language=language), notes=material.notes, asked_s=asked_s)


def _title(material: Material, notes: Notes) -> str:
    """The author's title, if the notes or the request have one."""
    first = next((section for section in notes.sections if section.level), None)
    given = material.title or notes.title or (first.title if first and first.level == 1 else "") or material.topic
    return heading_text(" ".join(given.split()))


def _without_references(sections: Sequence[Section], notice: Notice) -> list[Section]:
    kept = [section for section in sections if section.title.lower() not in REFERENCES]
    if len(kept) == len(sections) or not any(section.sentences for section in kept):
        return list(sections)
    notice("left out the list of references; it is not for listening")
    return kept


def _with_words(sections: Sequence[Section], title: str, notice: Notice) -> list[Section]:
    """The sections, without those that have nothing to say in or under them."""
    if not any(section.sentences for section in sections):
        headings = [section for section in sections if section.title]
        if not headings:
            raise BadInput(
                "the notes have nothing in them that can be said",
                field="data.notes",
                remedy="write at least one sentence; code, pictures, addresses and large tables are not read aloud",
            )
        notice("the notes have only headings; each is said as it stands. Write a few sentences under them")
        for section in headings:
            section.sentences = [Sentence(with_stop(section.title), opens=True)]
        return headings
    kept: list[Section] = []
    wanted_above = 0  # the level whose text was seen, read from the end
    empty: list[str] = []
    for section in reversed(sections):
        if section.sentences or section.level < wanted_above:
            kept.append(section)
            wanted_above = section.level
        elif section.title and section.title != title:
            empty.append(section.title)
    if empty:
        shown = ", ".join(f"“{text}”" for text in empty[:-4:-1]) + ("…" if len(empty) > 3 else "")
        notice(f"left out {len(empty)} heading(s) with nothing to say under them: {shown}")
    return kept[::-1]


def _language(material: Material, notes: Notes, sections: Sequence[Section], notice: Notice) -> str:
    text = " ".join(sentence.text for section in sections for sentence in section.sentences[:40])
    if not material.language:
        return detected(text) or "en"
    if other := contradiction(text, material.language):
        notice(
            f"the notes look {other}, but the course's language is set to '{material.language}': "
            "the voice will sound wrong unless you change one of them"
        )
    return material.language


def _stated_objectives(sections: Sequence[Section]) -> list[str]:
    for section in sections:
        if section.title.lower().replace("’", "'") in OBJECTIVES:
            listed = [point for sentence in section.sentences for point in sentence.points]
            stated = listed or [without_stop(sentence.text) for sentence in section.sentences]
            return [text[:_MAX_OBJECTIVE_LENGTH] for text in stated[: 2 * _MAX_OBJECTIVES]]
    return []


def _topics(found: Sequence[Draft], title: str) -> list[str]:
    titles = [draft.title for draft in found if draft.part == 1 and draft.title != title]
    return list(dict.fromkeys(titles))[:_MAX_OBJECTIVES]


def _fit(sections: Sequence[Section], minutes: float | None, language: str, notice: Notice) -> None:
    if minutes is None:
        return
    have_s = sum(seconds(sentence.text, language) for section in sections for sentence in section.sentences)
    asked_s = 60 * minutes
    if have_s < _SHORT * asked_s:
        notice(
            f"the notes make about {_minutes(have_s)}, not the {minutes:g} minutes asked for; "
            "nothing is added to them. Write more, or ask for less"
        )
    elif have_s > _TOLERANCE * asked_s:
        total = sum(len(section.sentences) for section in sections)
        left_out = fit(sections, asked_s, language)
        notice(
            f"the notes make about {_minutes(have_s)}; to come near {minutes:g} minutes, "
            f"{left_out} of {total} sentences were left out, those with the fewest words that the notes often use"
        )


def _minutes(length_s: float) -> str:
    return f"{length_s:.0f} seconds" if length_s < 90 else f"{length_s / 60:.1f} minutes"


def _scenes(found: Sequence[Draft], ranking: Ranking, language: str, images: Mapping[str, Artifact]) -> list[Scene]:
    ids = SceneIds()
    scenes: list[Scene] = []
    for draft in found:
        said = _narration(draft.sentences)
        scenes.append(
            Scene(
                id=ids.give(draft.heading or draft.title, draft.part, draft.sentences[0].text),
                title=draft.title if draft.part == 1 else f"{draft.title} ({draft.part})",
                bullets=points.points(draft.sentences, ranking),
                narration=said,
                image=next((images[name] for name in draft.pictures if name in images), None),
                notes="\n\n".join(draft.unspoken)[:_MAX_UNSPOKEN],
                duration_s=round(seconds(said, language), 1),
            )
        )
    return scenes


def _narration(sentences: Sequence[Sentence]) -> str:
    """Paragraphs apart by an empty line, which voices make a pause of."""
    parts: list[str] = []
    for sentence in sentences:
        if parts:
            wide = "\u3000" <= parts[-1][-1] <= "\u9fff" or "\uff00" <= parts[-1][-1] <= "\uffef"
            parts.append("\n\n" if sentence.opens else "" if wide else " ")
        parts.append(sentence.text)
    return "".join(parts)[:_MAX_NARRATION]


def _say_what_is_unspoken(found: Sequence[Draft], notice: Notice) -> None:
    count = sum(len(draft.unspoken) for draft in found)
    if count:
        notice(
            f"{count} code block(s), footnote(s) or large table(s) are not read aloud; they are in the scenes' notes"
        )
