"""Write the tables of options into docs/providers/*.md, from the providers: `python tools/provider_pages.py`.

A page says where with `<!-- options -->`; what follows up to `<!-- /options -->` is written here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec
from coursewright.catalog import installed
from coursewright.cli.plugins import Listed, Option, limits_in_words, listed

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "providers"
_PLACE = re.compile("<!-- options -->\n(.*?<!-- /options -->\n)?", re.DOTALL)


def main() -> None:
    """Bring all pages up to date."""
    for page in sorted(FOLDER.glob("*_*.md")):
        page.write_text(written(page), "utf-8")


def written(page: Path) -> str:
    """The text that a page should have. Its name is that of the provider: `tts_zyphra.md`."""
    catalog = installed()
    provider = listed(catalog.offers[page.stem.replace("_", ".", 1)])
    tables = "\n".join(["<!-- options -->", *_tables(provider), "<!-- /options -->", ""])
    text, places = _PLACE.subn(lambda _: tables, page.read_text("utf-8"), count=1)
    if not places:
        raise ValueError(f"{page.name} has no line <!-- options -->")
    return text


def _tables(provider: Listed) -> Iterable[str]:
    yield "Written in a step's `with`:\n"
    yield from _table(provider.options)
    if provider.service:
        variable = f"COURSEWRIGHT_SERVICE_{provider.id.replace('.', '_').upper()}__…"
        yield f'\nSet by the operator, under `[services."{provider.id}"]` in the settings file or as `{variable}`:\n'
        yield from _table(provider.service)


def _table(options: list[Option]) -> Iterable[str]:
    if not options:
        yield "none"
        return
    yield "| name | takes | default | meaning |"
    yield "|---|---|---|---|"
    for option in options:
        default = "" if option.default is msgspec.UNSET else f"`{msgspec.json.encode(option.default).decode()}`"
        takes = (option.type + limits_in_words(option.limits)).replace("|", "\\|")
        yield f"| `{option.name}` | {takes} | {default} | {option.description.replace('|', chr(92) + '|')} |"


if __name__ == "__main__":
    main()
