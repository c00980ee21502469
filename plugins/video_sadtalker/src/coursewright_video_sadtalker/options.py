"""What can be set, by a pipeline and by the operator."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Preprocess = Literal["crop", "resize", "full", "extcrop", "extfull"]


class SadTalkerOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """SadTalker's own settings, and what is done before and after it."""

    preprocess: Annotated[
        Preprocess,
        Meta(
            description="What is animated: the head (crop), the head squeezed to a square (resize), a wider head "
            "(extcrop), or the head within the whole portrait (full, extfull)."
        ),
    ] = "crop"
    still: Annotated[bool, Meta(description="Hold the head still; wanted with full, so that the neck fits.")] = False
    pose_style: Annotated[int, Meta(ge=0, le=46, description="Which of 47 ways to move the head.")] = 0
    enhancer: Annotated[
        Literal["none", "gfpgan"], Meta(description="Restore the face's detail picture by picture; slow.")
    ] = "none"
    face_px: Annotated[Literal[256, 512], Meta(description="The model's size; 512 is sharper and slower.")] = 256
    batch_size: Annotated[int, Meta(ge=1, le=10, description="Pictures at once; more need more GPU memory.")] = 2
    expression_scale: Annotated[
        float, Meta(ge=0, le=3, description="How strong the expression is, where the page has such a setting.")
    ] = 1.0
    piece_s: Annotated[float, Meta(ge=4, le=120, description="Longest piece of sound sent at once, in seconds.")] = 15.0
    pieces_at_once: Annotated[int, Meta(ge=1, le=8, description="Pieces of one clip under way at a time.")] = 1
    sharpen: Annotated[float, Meta(ge=0, le=2, description="How much fine detail is strengthened afterwards.")] = 0.0


class SadTalkerService(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where SadTalker runs. The secret HF_TOKEN, when set, is sent to Hugging Face only."""

    address: Annotated[
        str,
        Meta(description="The URL of a SadTalker of your own, such as http://gpu:7860, or a Space as owner/name."),
    ] = ""
