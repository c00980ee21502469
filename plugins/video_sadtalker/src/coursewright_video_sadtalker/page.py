"""Which input of the page is which, told by the names and labels that the page itself gives out.

SadTalker's `app_sadtalker.py` wires a method `test(source_image, driven_audio, preprocess, still_mode, use_enhancer,
batch_size, size, pose_style)`, which Gradio 4 and later offer as `/test`. Its Space adds eight inputs after these,
other copies rename or leave out some; so nothing is assumed but that picture, sound and `preprocess` are there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coursewright.errors import BadInput
from coursewright.kit.clips.spaces import Line
from coursewright.kit.gradio import Endpoint, Parameter
from coursewright.kit.gradio.signature import changed

from coursewright_video_sadtalker.options import SadTalkerOptions

# In this order: the first that fits a name, or a label of an app too old to tell names, decides.
_ROLES = {
    "preprocess": r"preprocess",
    "still": r"still",
    "enhancer": r"enhance|gfpgan",
    "batch_size": r"batch",
    "pose_style": r"pose[ _]style",
    "expression_scale": r"^exp|expression",
    "face_px": r"^size|resolution|model[ _]size",
}
_NEEDED = {"portrait", "sound", "preprocess"}
_FILES = ("Image", "Audio", "Video", "File")


def chosen(
    endpoints: dict[str, Endpoint], options: SadTalkerOptions, what: str, notice: Callable[[str], None] | None = None
) -> Line:
    """How to call this page. Raises Unavailable with the endpoints found when none is SadTalker's, and
    BadInput naming the option whose value the page does not offer."""
    fitting = {name: roles for name, endpoint in endpoints.items() if (roles := _roles(endpoint)).keys() >= _NEEDED}
    if not fitting:
        raise changed(what, "no endpoint takes a picture, a sound and preprocess", endpoints)
    name = "/test" if "/test" in fitting else next(iter(fitting))
    roles = fitting[name]
    values = {parameter.name: _value(role, parameter, options, what) for role, parameter in roles.items()}
    ours = {parameter.name for parameter in roles.values()}
    # Further files, such as a video to take the pose from, are left out; further settings keep their defaults.
    for parameter in endpoints[name].parameters:
        if parameter.name not in ours and not parameter.has_default and parameter.component in _FILES:
            values[parameter.name] = None
    if notice:
        for role in _ROLES.keys() - roles.keys():
            if getattr(options, role) != getattr(SadTalkerOptions(), role):
                notice(f"{what} has no setting for {role}; it is not used")

    def arguments(portrait: Path, sound: Path) -> dict[str, Any]:
        return {**values, roles["portrait"].name: portrait, roles["sound"].name: sound}

    return Line(name, arguments)


def _roles(endpoint: Endpoint) -> dict[str, Parameter]:
    """The inputs that are known, by what they are for."""
    roles: dict[str, Parameter] = {}
    for parameter in endpoint.parameters:
        if parameter.component in ("Image", "Audio"):
            role: str | None = "portrait" if parameter.component == "Image" else "sound"
        else:
            role = next((role for role, words in _ROLES.items() if re.search(words, parameter.name, re.I)), None)
        if role is not None:
            roles.setdefault(role, parameter)
    return roles


def _value(role: str, parameter: Parameter, options: SadTalkerOptions, what: str) -> Any:
    if role in ("portrait", "sound"):
        return None
    wanted = getattr(options, role)
    if role == "enhancer" and not parameter.choices:
        return wanted == "gfpgan"  # a checkbox
    if not parameter.choices:
        return wanted
    for choice in parameter.choices:  # numbers on some pages, texts on others
        if str(choice).lower() == str(wanted).lower():
            return choice
    offered = ", ".join(map(str, parameter.choices))
    raise BadInput(f"{what} offers no {role} {wanted}, but {offered}", field=role, remedy="choose one of these")
