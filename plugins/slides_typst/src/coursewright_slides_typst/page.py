"""Set one slide: fit the text to the page, and say what could not be shown."""

from __future__ import annotations

import functools
import importlib.resources
import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import typst
from coursewright.capabilities.slides import Box, SlideRequest
from coursewright.errors import ProviderBug
from coursewright.providers import Context

from coursewright_slides_typst import fonts, picture
from coursewright_slides_typst.geometry import Canvas
from coursewright_slides_typst.theme import Theme

_SCALES = (1.6, 1.5, 1.4, 1.33, 1.25, 1.15, 1.07, 1.0, 0.92, 0.84, 0.76, 0.68, 0.6, 0.54)
"""Sizes of the points, in units of 30 px on a 720-pixel slide; the last is 16 px, the least that reads well."""
_LIST, _TALL_LIST, _SENTENCE, _ABOVE_PICTURE = (1.33, 1.15), (1.6, 1.4), (1.6, 1.6), (1.0, 1.0)
"""Of these, the largest and the smallest among which the size is chosen at which few points wrap, if it fits."""
_SUBTITLE_LENGTH = 60
"""A single point no longer than this is a line below a large title."""
_GAPS = {2: 1.25, 3: 1.15, 4: 0.95}
"""Between points, in text sizes: few points stand apart, so that they fill their slide."""
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=[^\W\d_]{1,3}\b|[°%€])")
_RTL_LANGUAGES = {"ar", "arc", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"}
_WIDE_PICTURE = 1.25


def set_slide(request: SlideRequest, look: Theme, context: Context) -> tuple[bytes, Box | None]:
    """The slide as PNG, and the presenter's place on it. Raises BadInput for a picture that cannot be shown."""
    scene = request.scene
    canvas = Canvas(request.width_px, request.height_px, request.presenter, request.presenter_side)
    bullets = [tidy(bullet) for bullet in scene.bullets]
    texts = [tidy(scene.title), tidy(request.footer), *bullets]
    font = fonts.choose(texts, request.language, look.font)
    if look.font and look.font not in font.families:
        context.notice(f"the font {look.font!r} is not installed here; Roboto is used")
    if font.missing:
        context.notice(fonts.missing_notice(font.missing))
    root = context.scratch
    aspect = None
    if scene.image is not None:
        aspect = picture.lay_down(scene.image, max(request.width_px, request.height_px), root, context.store)
    below = canvas.upright or (request.presenter and aspect is not None and aspect > _WIDE_PICTURE)
    largest, least = _wanted(len(bullets), canvas, shared=aspect is not None and below)
    fixed = {
        "page": {"width": canvas.width, "height": canvas.height},
        "text": msgspec.to_builtins(canvas.text),
        "panel": msgspec.to_builtins(canvas.panel),
        "footer-x": canvas.footer_x,
        "footer-width": canvas.footer_width,
        "families": font.families,
        "lang": request.language.split("-")[0],
        "rtl": reads_right_to_left(texts, request.language),
        "theme": look.theme,
        "accent": look.accent,
        "footer": "" if texts[1] == texts[0] else texts[1],
        "statement": aspect is None and (not bullets or (len(bullets) == 1 and len(bullets[0]) <= _SUBTITLE_LENGTH)),
        "gap": _GAPS.get(len(bullets), 0.82),
        "large": [scale for scale in _SCALES if least <= scale <= largest],
        "smaller": [scale for scale in _SCALES if scale < least],
        "picture": aspect,
        "picture-below": below,
    }

    def page(title: str, bullets: Sequence[str]) -> bytes | None:
        context.raise_if_cancelled()
        slide = {**fixed, "title": title, "bullets": bullets}
        return _compile(slide, root, font.fonts, 72 * canvas.pixels_per_unit)

    png = page(texts[0], bullets)
    if png is None:
        context.notice(f"the text of the slide {scene.title!r} is too long and was cut: give it shorter points")
        png = _cut_to_fit(lambda limit: page(_cut(texts[0], limit), [_cut(b, limit) for b in bullets]))
    return png, canvas.presenter_box()


def _wanted(points: int, canvas: Canvas, *, shared: bool) -> tuple[float, float]:
    """The largest and smallest size to try first; `shared` with a picture below the points."""
    tall = canvas.text.height > canvas.text.width
    if shared:
        return _LIST if tall else _ABOVE_PICTURE
    if points == 1:
        return _SENTENCE
    return _TALL_LIST if tall else _LIST


def tidy(text: str) -> str:
    """One line without control characters, whatever was pasted into it; no line is broken between figure and unit."""
    line = " ".join("".join(c if unicodedata.category(c) != "Cc" else " " for c in text).split())
    return _BEFORE_UNIT.sub("\u00a0", line)


def reads_right_to_left(texts: Sequence[str], language: str) -> bool:
    """By the language, or where the language is silent by most of the letters."""
    if language.split("-")[0] in _RTL_LANGUAGES:
        return True
    directions = [unicodedata.bidirectional(c) for text in texts for c in text]
    return directions.count("R") + directions.count("AL") > directions.count("L")


def _cut_to_fit(page: Callable[[int], bytes | None]) -> bytes:
    """The page with the longest texts that fit; bisects over the length that each text is cut to."""
    fits, too_long, best = 0, 300, None
    while too_long - fits > 4:
        limit = (fits + too_long) // 2
        if made := page(limit):
            fits, best = limit, made
        else:
            too_long = limit
    if best is None:
        raise ProviderBug("the slide has no room for any text", remedy="choose a larger slide")
    return best


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    head = text[:limit]
    words = head.rpartition(" ")[0]
    return (words if len(words) > limit / 2 else head).rstrip(" ,;:.–—-") + "…"


def _compile(slide: dict[str, Any], root: Path, font: Any, pixels_per_inch: float) -> bytes | None:
    """The PNG, or None when the text runs over the page."""
    made: bytes | list[bytes] = typst.compile(
        _template(),
        root=str(root),
        format="png",
        ppi=pixels_per_inch,
        font_paths=font,
        sys_inputs={"slide": json.dumps(slide)},
    )
    return made if isinstance(made, bytes) else None


@functools.cache
def _template() -> bytes:
    return (importlib.resources.files(__package__) / "slide.typ").read_bytes()
