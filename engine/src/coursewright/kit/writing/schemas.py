"""What a model has to fill in, as JSON schemas of the part that every server understands."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def text(description: str) -> Schema:
    """A text."""
    return {"type": "string", "description": description}


def several(items: Schema, description: str = "") -> Schema:
    """A list."""
    return {"type": "array", "items": items} | ({"description": description} if description else {})


def closed(**properties: Schema) -> Schema:
    """An object with exactly these properties; strict servers want all of them required."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_SHOWN_AND_SAID: Schema = {
    "title": text("Heading of the slide, a few words."),
    "bullets": several(text("A few words."), "One to five short points for the slide."),
    "narration": text("All that the presenter says in this scene: plain spoken sentences, no markup."),
}

SCENE = closed(**_SHOWN_AND_SAID)

SCRIPT = closed(
    title=text("Title of the course."),
    objectives=several(text("What the learner can do afterwards."), "Two to four."),
    scenes=several(
        closed(id=text("Lower-case words joined by hyphens; no two scenes have the same."), **_SHOWN_AND_SAID)
    ),
)

QUIZ = closed(
    questions=several(
        closed(
            scene=text("Id of the scene that answers the question."),
            question=text("The question."),
            answers=several(
                closed(text=text("One answer."), correct={"type": "boolean"}),
                "Two to five; exactly one is correct.",
            ),
            explanation=text("Why that answer is the correct one, in one or two sentences."),
        )
    )
)
