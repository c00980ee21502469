"""`slides.typst`: one scene becomes one slide."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from coursewright.capabilities.slides import Slide, SlideRequest
from coursewright.providers import Context, Estimate, Provider
from msgspec import Meta


class SlideOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the slides look, besides what the request says."""

    font: Annotated[
        str, Meta(max_length=100, description="A font family installed on this machine; empty: Roboto.")
    ] = ""


class TypstSlides(Provider[SlideRequest, Slide]):
    """Sets slides with Typst, in this process: a slide takes about 20 ms, and Typst lets other threads run."""

    capability: ClassVar[str] = "slides"
    name: ClassVar[str] = "typst"
    summary: ClassVar[str] = "calm slides with title, points and picture, in any script that has a font"
    version: ClassVar[str] = "3"
    Options: ClassVar[type[msgspec.Struct]] = SlideOptions

    def estimate(self, request: SlideRequest) -> Estimate:
        return Estimate(seconds=0.1, money=0.0)

    def run(self, request: SlideRequest, context: Context) -> Slide:
        """One slide. Raises BadInput for a picture that cannot be shown, or a theme that cannot be read."""
        from coursewright_slides_typst.page import set_slide
        from coursewright_slides_typst.theme import theme_of

        context.raise_if_cancelled()
        png, box = set_slide(request, theme_of(request, self.options.font, context.store), context)
        return Slide(
            image=context.store.put_bytes(png, name=f"{request.scene.id}.png", media_type="image/png"),
            width_px=request.width_px,
            height_px=request.height_px,
            presenter_box=box,
        )
