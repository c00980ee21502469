"""`video.kdtalker`: the provider."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import msgspec
from coursewright.capabilities.video import Clip, ClipRequest
from coursewright.kit.health import cached
from coursewright.providers import Context, Cost, Health, Provider
from coursewright.secrets import Secret
from msgspec import Meta

if TYPE_CHECKING:
    from coursewright.kit.gradio import Space

SPACE = "fffiloni/KDTalker"


class KDTalkerOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done with the face that KDTalker animates; it has no settings itself, but for `smoothing`."""

    framing: Annotated[
        Literal["face", "portrait"],
        Meta(description="Show the animated face alone, or put it back into the whole portrait."),
    ] = "face"
    piece_s: Annotated[
        float,
        Meta(ge=4, le=60, description="Longest piece of sound sent at once, in seconds: what a GPU quota allows."),
    ] = 15.0
    pieces_at_once: Annotated[int, Meta(ge=1, le=8, description="Pieces of one clip under way at a time.")] = 2
    sharpen: Annotated[
        float, Meta(ge=0, le=2, description="How much fine detail is strengthened; 0.5 suits clips above 512 pixels.")
    ] = 0.0
    smoothing: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        Meta(description="How calm the head is, where the Space has such a setting (the authors' line); it uses 0.8."),
    ] = None


class KDTalkerService(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where KDTalker runs. The secret HF_TOKEN, when set, is sent to Hugging Face only."""

    address: Annotated[
        str, Meta(description="A Space as owner/name, or the URL of a KDTalker of your own, such as http://gpu:7860.")
    ] = SPACE


class KDTalkerVideo(Provider[ClipRequest, Clip]):
    """A photo that speaks: lips, looks and head moved by KDTalker on a GPU, in pieces that its quota allows."""

    capability: ClassVar[str] = "video"
    name: ClassVar[str] = "kdtalker"
    summary: ClassVar[str] = "a photo speaks with moving lips, eyes and head, by KDTalker on a Space or GPU"
    version: ClassVar[str] = "1"
    cost: ClassVar[Cost] = "gpu"
    unit: ClassVar[str] = "second"
    preference: ClassVar[int] = 10
    concurrency: ClassVar[int | None] = 2
    Options: ClassVar[type[msgspec.Struct]] = KDTalkerOptions
    Service: ClassVar[type[msgspec.Struct]] = KDTalkerService
    licence: ClassVar[str] = (
        "KDTalker is licensed CC BY-NC 4.0, for research: its clips must not be used commercially "
        "without the agreement of its authors, who must be named."
    )
    sends: ClassVar[str] = (
        "The head cut from the portrait and the speech go to the configured KDTalker, "
        "by default the public Space fffiloni/KDTalker on Hugging Face."
    )

    @cached
    def check(self) -> Health:
        """Ask the Space: awake, of a known interface, and how much GPU quota is left where that is told."""
        from coursewright.kit.clips.spaces import health_of, token_from

        from coursewright_video_kdtalker.lines import chosen

        space = self._space(token_from(self.host.secret))
        return health_of(space, lambda endpoints: chosen(endpoints, self.options.smoothing, space.what))

    def identity(self) -> str:
        """Another address may be another version of the model."""
        return "" if self.service.address == SPACE else str(self.service.address)

    def size(self, request: ClipRequest) -> float | None:
        """Seconds of speech."""
        from coursewright.kit.clips import speech_seconds

        return speech_seconds(request)

    def run(self, request: ClipRequest, context: Context) -> Clip:
        """Make the clip. Raises BadInput naming the field at fault, and what a Space may fail with."""
        from coursewright.kit.clips import Animation, animate
        from coursewright.kit.clips.spaces import SpaceAsker, token_from

        from coursewright_video_kdtalker.lines import chosen

        context.raise_if_cancelled()
        token = token_from(context.secret)
        options: KDTalkerOptions = self.options
        what = self._space(token).what
        animation = Animation(
            what=what,
            key=(self.service.address, options.smoothing),
            piece_s=options.piece_s,
            pieces_at_once=options.pieces_at_once,
            framing=options.framing,
            sharpen=options.sharpen,
        )
        notice: Callable[[str], None] = context.notice
        ask = SpaceAsker(
            lambda piece: self._space(token, piece),
            lambda endpoints: chosen(endpoints, options.smoothing, what, notice),
        )
        return animate(request, context, animation, ask)

    def _space(self, token: Secret | None, context: Context | None = None) -> Space:
        from coursewright.kit.gradio import Space

        what = "the KDTalker Space" if self.service.address == SPACE else f"KDTalker at {self.service.address}"
        return Space(self.service.address, what=what, token=token, context=context, host=self.host)
