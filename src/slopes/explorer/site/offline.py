"""The book as one HTML file that opens offline."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from slopes.explorer.atlas.sparklines import with_sketches
from slopes.explorer.book.chapter import article, glossary_page
from slopes.explorer.book.contents import CHAPTERS, Chapter
from slopes.explorer.book.text import Plate
from slopes.explorer.figures.build import library_figure
from slopes.explorer.figures.contents import BY_ID
from slopes.explorer.site import frames as moving
from slopes.explorer.site.exports import offline_style

_LINK: Final = re.compile(r'<a (?P<before>[^>]*?)href="(?P<to>/[^"]*)"(?P<after>[^>]*)>(?P<text>.*?)</a>', re.DOTALL)
_TERM: Final = "/book/glossary#"

Said = Callable[[str], None]


def write(
    path: Path, chapters: Sequence[Chapter] = CHAPTERS, *, frames: int = moving.FRAMES, said: Said | None = None
) -> int:
    """Write the book and return how many bytes it has.

    Args:
        path: Where.
        chapters: Which of them.
        frames: How many states of each slider are drawn.
        said: Told of each chapter as it is begun.
    """
    plates: list[dict[str, Any]] = []

    def still(plate: Plate) -> str:
        page = BY_ID[plate.figure]
        figure = library_figure(page)
        moves = moving.along(figure, figure.parse(parse_qsl(plate.state)), plate.controls, frames)
        made = moving.drawn(page, plate.charts, moves, [figure.compute(state) for state in moves.states], "light")
        plates.append(made)
        return moving.holder(page, plate.charts, moves, made, len(plates) - 1)

    written = []
    for chapter in chapters:
        if said:
            said(f"{chapter.number} {chapter.title}")
        text = article(chapter, still)
        written.append(with_sketches(text) if chapter.lists else text)
    contents = "".join(f'<li><a href="#{c.id}">{escape(c.number)} {escape(c.title)}</a></li>' for c in chapters)
    glossary = glossary_page().replace('<dt id="', '<dt id="term-')
    body = "".join(written) + f'<section class="text">{glossary}</section>'
    style = "".join(offline_style(name) for name in ("style.css", "book.css"))
    page = (
        '<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>The book · slopes</title>'
        f'<style>{style}</style></head><body><main><h1>The book</h1><ol class="chapters">{contents}</ol>'
        f"{_standing(body, chapters)}</main>{moving.scripts(plates)}</body></html>"
    )
    return path.write_bytes(page.encode())


def _standing(body: str, chapters: Sequence[Chapter]) -> str:
    """Return the text with links that lead within the file; the others become words."""
    here = {chapter.address: f"#{chapter.id}" for chapter in chapters}

    def led(link: re.Match[str]) -> str:
        to = link["to"]
        inside = f"#term-{to.removeprefix(_TERM)}" if to.startswith(_TERM) else here.get(to, "")
        return f'<a {link["before"]}href="{inside}"{link["after"]}>{link["text"]}</a>' if inside else link["text"]

    return _LINK.sub(led, body)
