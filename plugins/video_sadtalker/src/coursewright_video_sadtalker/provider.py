"""`video.sadtalker`: the provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec
from coursewright.capabilities.video import Clip, ClipRequest
from coursewright.errors import Unavailable
from coursewright.kit.health import cached
from coursewright.providers import Context, Cost, Health, Provider
from coursewright.secrets import Secret

from coursewright_video_sadtalker.options import SadTalkerOptions, SadTalkerService

if TYPE_CHECKING:
    from coursewright.kit.gradio import Space

_NOWHERE = "no SadTalker is set up"
_SET_UP = 'run one of your own and set its address under [services."video.sadtalker"], or use another provider'
_SEES_ALL = ("full", "extfull", "extcrop")
"""The ways of preprocessing that need more of the portrait than the head."""


class SadTalkerVideo(Provider[ClipRequest, Clip]):
    """A photo that speaks: lips and head moved by SadTalker, with its own settings."""

    capability: ClassVar[str] = "video"
    name: ClassVar[str] = "sadtalker"
    summary: ClassVar[str] = "a photo speaks, by a SadTalker of your own: still mode, pose styles, GFPGAN"
    version: ClassVar[str] = "1"
    cost: ClassVar[Cost] = "gpu"
    unit: ClassVar[str] = "second"
    preference: ClassVar[int] = 9
    concurrency: ClassVar[int | None] = 2
    Options: ClassVar[type[msgspec.Struct]] = SadTalkerOptions
    Service: ClassVar[type[msgspec.Struct]] = SadTalkerService
    licence: ClassVar[str] = (
        "SadTalker's code is licensed Apache-2.0; the models that it loads, GFPGAN among them, have other terms: "
        "read these before commercial use."
    )
    sends: ClassVar[str] = "The portrait, or the head cut from it, and the speech go to the configured SadTalker."

    @cached
    def check(self) -> Health:
        """Ask the page: there, awake, and SadTalker's."""
        from coursewright.kit.clips.spaces import health_of, token_from

        from coursewright_video_sadtalker.page import chosen

        if not self.service.address:
            return Health(state="unavailable", reason=_NOWHERE, remedy=_SET_UP)
        space = self._space(token_from(self.host.secret))
        return health_of(space, lambda endpoints: chosen(endpoints, self.options, space.what))

    def identity(self) -> str:
        """Each SadTalker has its own revision of code and models."""
        return str(self.service.address)

    def size(self, request: ClipRequest) -> float | None:
        """Seconds of speech."""
        from coursewright.kit.clips import speech_seconds

        return speech_seconds(request)

    def run(self, request: ClipRequest, context: Context) -> Clip:
        """Make the clip. Raises BadInput naming the field at fault, and what a Gradio app may fail with."""
        from coursewright.kit.clips import Animation, animate
        from coursewright.kit.clips.spaces import SpaceAsker, token_from

        from coursewright_video_sadtalker.page import chosen

        context.raise_if_cancelled()
        options: SadTalkerOptions = self.options
        token = token_from(context.secret)
        what = self._space(token).what
        own = {name: getattr(options, name) for name in _OWN}
        animation = Animation(
            what=what,
            key=(self.service.address, own),
            piece_s=options.piece_s,
            pieces_at_once=options.pieces_at_once,
            whole_picture=options.preprocess in _SEES_ALL,
            sharpen=options.sharpen,
        )

        def space_for(piece: Context) -> Space:
            if not self.service.address:
                raise Unavailable(_NOWHERE, remedy=_SET_UP)
            return self._space(token, piece)

        ask = SpaceAsker(space_for, lambda endpoints: chosen(endpoints, options, what, context.notice))
        return animate(request, context, animation, ask)

    def _space(self, token: Secret | None, context: Context | None = None) -> Space:
        from coursewright.kit.gradio import Space

        address = self.service.address
        return Space(address, what=f"SadTalker at {address}", token=token, context=context, host=self.host)


_OWN = ("preprocess", "still", "pose_style", "enhancer", "face_px", "batch_size", "expression_scale")
"""The options that SadTalker itself is told: they decide its answer."""
