"""What is to be seen, and for how many frames: the pieces that are encoded, each on its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import msgspec
from coursewright.capabilities.compose import FilmRequest
from coursewright.capabilities.slides import Box, Slide
from coursewright.capabilities.video import Clip
from coursewright.errors import BadInput

from coursewright_compose_film.timeline import Take

DEFAULT_FPS = 25
_MAX_SIDE_PX = 7680
_MAX_PIECES = 4


class Shot(msgspec.Struct, frozen=True):
    """A slide, perhaps with the presenter on it, encoded for some frames. Equal shots are encoded once."""

    scene_id: str
    slide: Slide
    frames: int
    clip: Clip | None = None
    box: Box | None = None
    delay: int = 0
    first: int = 0
    """Frames of the scene that lie before this piece of it."""


def frame_rate(clips: Sequence[Clip]) -> int:
    """The rate most clips have, in whole frames per second; 25 without clips."""
    rates = Counter(min(60, max(10, round(clip.fps))) for clip in clips)
    return rates.most_common(1)[0][0] if rates else DEFAULT_FPS


def shots(request: FilmRequest, takes: Sequence[Take], keyframe_every: int) -> list[tuple[Shot, int]]:
    """The shots of the film in order, and how many frames of each are shown.

    A slide at rest is encoded up to the next key frame and shown again and again: encoding a still picture
    costs as much as any other, and repeating packets nothing. Raises BadInput for slides that cannot make one film.
    """
    check_slides(request)
    made: list[tuple[Shot, int]] = []
    for index, take in enumerate(takes):
        slide = request.slides[index]
        if request.presenter:
            clip = request.presenter[index]
            box = presenter_box(slide, clip)
            made += [
                (Shot(take.scene.id, slide, frames, clip, box, take.clip_delay, first), frames)
                for first, frames in pieces(take.frames, keyframe_every)
            ]
        else:
            still = Shot(take.scene.id, slide, keyframe_every)
            times, rest = divmod(take.frames, keyframe_every)
            made += [(still, keyframe_every)] * times + [(still, rest)] * bool(rest)
    return made


def pieces(frames: int, keyframe_every: int) -> list[tuple[int, int]]:
    """(first frame, frames) of the pieces of a scene that several cores can encode at once, each from a key frame on.

    At most `_MAX_PIECES`: each decodes the presenter's clip up to its own beginning.
    """
    groups = max(1, frames // keyframe_every)
    wanted = min(_MAX_PIECES, max(1, groups // 2))
    starts = [keyframe_every * (groups * index // wanted) for index in range(wanted)]
    return [(start, end - start) for start, end in pairwise([*starts, frames])]


def presenter_box(slide: Slide, clip: Clip) -> Box:
    """The slide's own place; on a slide that has none, bottom right and a quarter of its height."""
    if slide.presenter_box:
        return slide.presenter_box
    height = slide.height_px / 4
    width = min(slide.width_px / 2, height * clip.width_px / max(1, clip.height_px))
    margin = slide.height_px / 30
    x, y = slide.width_px - margin - width, slide.height_px - margin - height
    return Box(x_px=_even(x), y_px=_even(y), width_px=max(2, _even(width)), height_px=max(2, _even(height)))


def _even(pixels: float) -> int:
    return int(pixels / 2) * 2


def check_slides(request: FilmRequest) -> None:
    """Raises BadInput unless all slides have one even size, and the presenter's place lies on them."""
    first = request.slides[0]
    for scene, slide in zip(request.script.scenes, request.slides, strict=True):
        size = (slide.width_px, slide.height_px)
        if size != (first.width_px, first.height_px):
            raise _bad(scene.id, f"is {size[0]} × {size[1]} pixels, the first {first.width_px} × {first.height_px}")
        if any(side % 2 or not 16 <= side <= _MAX_SIDE_PX for side in size):
            raise _bad(scene.id, f"is {size[0]} × {size[1]} pixels: wanted are even sides of 16 to {_MAX_SIDE_PX}")
        if (box := slide.presenter_box) and not _lies_on(box, slide):
            raise _bad(scene.id, f"has a presenter_box that is odd or not on the slide: {msgspec.to_builtins(box)}")


def _lies_on(box: Box, slide: Slide) -> bool:
    sides = (box.x_px, box.y_px, box.width_px, box.height_px)
    return (
        all(side >= 0 and side % 2 == 0 for side in sides)
        and min(box.width_px, box.height_px) >= 2
        and box.x_px + box.width_px <= slide.width_px
        and box.y_px + box.height_px <= slide.height_px
    )


def _bad(scene_id: str, what: str) -> BadInput:
    return BadInput(f"the slide of scene {scene_id!r} {what}", field="slides", remedy="make all slides alike")
