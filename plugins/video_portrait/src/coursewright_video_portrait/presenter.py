"""The drawn presenter that speaks when a course has no portrait. Original work of this project.

`python -m coursewright_video_portrait.presenter > examples/presenter.svg` writes the picture.
"""

from __future__ import annotations

import sys

import msgspec

from coursewright_video_portrait.drawing import Eyes, Mouth, eyes_shapes, mouth_shapes

_MOUTH = Mouth(x=240, y=352, width=70, lip="#b4544f")
_EYES = Eyes(left_x=190, left_y=262, right_x=290, right_y=262, width=45, height=29, iris="#6b4526")

_GRADIENTS = """\
  <defs>
    <linearGradient id="wall" x2="0" y2="1">
      <stop stop-color="#f3e6d6"/><stop offset="1" stop-color="#e2cdb6"/>
    </linearGradient>
    <linearGradient id="skin" x2="0" y2="1">
      <stop stop-color="#d79a70"/><stop offset="1" stop-color="#c68658"/>
    </linearGradient>
    <linearGradient id="jacket" x2="0" y2="1">
      <stop stop-color="#1c6a69"/><stop offset="1" stop-color="#124e50"/>
    </linearGradient>
  </defs>
"""

_BACKGROUND = """\
  <rect width="480" height="600" fill="url(#wall)"/>
  <circle cx="240" cy="262" r="206" fill="#ffffff" fill-opacity="0.32"/>
"""

_BODY = """\
  <path fill="#2a1a18" d="M112,330 C92,206 118,76 240,72 C362,76 388,206 368,330 C378,394 362,430 332,446
    L148,446 C118,430 102,394 112,330 Z"/>
  <path fill="url(#jacket)" d="M30,600 C34,520 82,486 176,466 L304,466 C398,486 446,520 450,600 Z"/>
  <path fill="#fbf7ef" d="M184,456 C178,462 174,468 172,474 C182,530 214,562 240,574
    C266,562 298,530 308,474 C306,468 302,462 296,456 Z"/>
  <path fill="#b97850" d="M196,396 L196,452 C196,476 214,506 240,508 C266,506 284,476 284,452 L284,396 Z"/>
  <path fill="#9c603d" fill-opacity="0.5" d="M196,414 C212,440 268,440 284,414 L284,438 C266,462 214,462 196,438 Z"/>
  <path fill="#217a78" d="M176,466 C158,474 146,486 142,500 L178,520 L166,540 L226,600 L240,600 L240,576
    C210,556 186,520 176,466 Z"/>
  <path fill="#217a78" d="M304,466 C322,474 334,486 338,500 L302,520 L314,540 L254,600 L240,600 L240,576
    C270,556 294,520 304,466 Z"/>
"""

_FACE = """\
  <path fill="#b97850" d="M132,268 C116,262 112,286 118,304 C123,320 132,326 140,320 Z"/>
  <path fill="#b97850" d="M348,268 C364,262 368,286 362,304 C357,320 348,326 340,320 Z"/>
  <circle cx="122" cy="326" r="5.5" fill="#f0b64a"/>
  <circle cx="358" cy="326" r="5.5" fill="#f0b64a"/>
  <path fill="url(#skin)" d="M134,232 C132,150 176,112 240,112 C304,112 348,150 346,232 C346,268 345,300 338,330
    C326,378 288,416 240,416 C192,416 154,378 142,330 C135,300 134,268 134,232 Z"/>
  <ellipse cx="172" cy="322" rx="25" ry="16" fill="#d9694f" fill-opacity="0.16"/>
  <ellipse cx="308" cy="322" rx="25" ry="16" fill="#d9694f" fill-opacity="0.16"/>
  <g fill="none" stroke="#94573a" stroke-linecap="round">
    <path stroke-width="4" d="M228,307 C231,314 249,314 252,307"/>
    <path stroke-width="3.5" stroke-opacity="0.35" d="M233,258 C231,276 227,288 224,297"/>
    <path stroke-width="3" stroke-opacity="0.3" d="M222,388 C232,393 248,393 258,388"/>
  </g>
  <g fill="none" stroke="#2a1a18" stroke-width="7" stroke-linecap="round">
    <path d="M160,231 C172,219 196,217 214,225"/>
    <path d="M320,231 C308,219 284,217 266,225"/>
  </g>
"""

_HAIR = """\
  <path fill="#3a2522" d="M126,268 C112,160 160,84 246,86 C330,88 372,158 354,268 C350,238 342,214 328,194
    C318,180 304,168 288,158 C262,190 196,206 156,202 C140,220 130,242 126,268 Z"/>
  <path fill="none" stroke="#5d403a" stroke-width="6" stroke-linecap="round" stroke-opacity="0.7"
    d="M176,124 C206,102 262,98 304,122"/>
"""


def presenter() -> str:
    """The whole picture as SVG text, at rest, with its mouth and eyes marked for animation."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 600" width="480" height="600">\n'
        "  <title>A presenter</title>\n"
        f"{_GRADIENTS}{_BACKGROUND}{_BODY}{_FACE}"
        f'  <g id="eyes"{_data(_EYES)}>\n    {eyes_shapes(_EYES, 0)}\n  </g>\n'
        f'  <g id="mouth"{_data(_MOUTH)}>\n    {mouth_shapes(_MOUTH, 0, 0)}\n  </g>\n'
        f"{_HAIR}</svg>\n"
    )


def _data(style: Mouth | Eyes) -> str:
    values = msgspec.structs.asdict(style)
    return "".join(f' data-{name.replace("_", "-")}="{value}"' for name, value in values.items())


if __name__ == "__main__":
    sys.stdout.write(presenter())
