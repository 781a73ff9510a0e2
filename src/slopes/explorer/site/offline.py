"""The book as one HTML file that opens offline: its plates move through frames that are made beforehand."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from slopes.explorer.book.chapter import article, glossary_page
from slopes.explorer.book.contents import CHAPTERS, Chapter
from slopes.explorer.book.text import Plate
from slopes.explorer.figures.build import library_figure
from slopes.explorer.figures.contents import BY_ID
from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.parameters import Choice, Number
from slopes.explorer.figures.standalone import specification
from slopes.explorer.figures.state import State, Value
from slopes.explorer.figures.wording import number
from slopes.explorer.site.exports import offline_style
from slopes.explorer.site.pages import asset

FRAMES: Final = 9  # of a slider, beside the state in which the plate starts
_LONG: Final = re.compile(r"-?\d+\.\d{2,}")
_TAGS: Final = re.compile(r"(?=<)")
_LINK: Final = re.compile(r'<a (?P<before>[^>]*?)href="(?P<to>/[^"]*)"(?P<after>[^>]*)>(?P<text>.*?)</a>', re.DOTALL)
_TERM: Final = "/book/glossary#"

Said = Callable[[str], None]


def write(path: Path, chapters: Sequence[Chapter] = CHAPTERS, *, frames: int = FRAMES, said: Said | None = None) -> int:
    """Write the book and return how many bytes it has.

    Args:
        path: Where.
        chapters: Which of them.
        frames: How many states of each slider are drawn.
        said: Told of each chapter as it is begun.
    """
    plates: list[dict[str, Any]] = []

    def still(plate: Plate) -> str:
        plates.append(_plate(plate, frames))
        return _holder(plate, plates[-1], len(plates) - 1)

    written = []
    for chapter in chapters:
        if said:
            said(f"{chapter.number} {chapter.title}")
        written.append(article(chapter, still))
    contents = "".join(f'<li><a href="#{c.id}">{escape(c.number)} {escape(c.title)}</a></li>' for c in chapters)
    glossary = glossary_page().replace('<dt id="', '<dt id="term-')
    body = "".join(written) + f'<section class="text">{glossary}</section>'
    packed = base64.b64encode(gzip.compress(json.dumps(plates, separators=(",", ":")).encode(), 9)).decode()
    style = "".join(offline_style(name) for name in ("style.css", "book.css"))
    page = (
        '<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>The book · slopes</title>'
        f'<style>{style}</style></head><body><main><h1>The book</h1><ol class="chapters">{contents}</ol>'
        f"{_standing(body, chapters)}</main>"
        f'<script type="application/json" id="frames">{packed}</script>'
        f'<script type="module">{asset("offline.js").decode()}</script></body></html>'
    )
    return path.write_bytes(page.encode())


def _plate(plate: Plate, frames: int) -> dict[str, Any]:
    """Return a plate's frames: the state in which it starts, then along its first control."""
    figure = library_figure(BY_ID[plate.figure])
    start = figure.parse(_pairs(plate.state))
    control = next((p for name in plate.controls for p in figure.parameters if p.name == name), None)
    along = _along(control, start, frames) if isinstance(control, Number | Choice) else []
    name = control.name if control is not None and along else ""
    states: list[State] = [start, *({**start, name: value} for value in along)]
    drawn = [_frame(plate, figure, state, name) for state in states]
    if along:
        drawn.sort(key=lambda frame: frame["at"] if isinstance(frame["at"], float) else 0.0)
    first = drawn[0]["charts"]
    for frame in drawn[1:]:
        frame["charts"] = [_difference(a, b) for a, b in zip(first, frame["charts"], strict=True)]
    return {"control": name, "start": start.get(name), "frames": drawn}


def _pairs(query: str) -> list[tuple[str, str]]:
    return [(name, text) for name, _, text in (part.partition("=") for part in query.split("&") if part)]


def _along(control: Number | Choice, start: State, frames: int) -> list[Value]:
    """Return the values of a control that are drawn, without that in which it stands."""
    if isinstance(control, Choice):
        return [option.value for option in control.options if option.value != start[control.name]]
    shares = [i / (frames - 1) for i in range(frames)] if frames > 1 else []
    if control.log:
        values = [control.low * (control.high / control.low) ** share for share in shares]
    else:
        values = [control.low + (control.high - control.low) * share for share in shares]
    return [v for v in (float(f"{value:.4g}") for value in values) if v != start[control.name]]


def _frame(plate: Plate, figure: Figure, state: State, name: str) -> dict[str, Any]:
    import vl_convert  # noqa: PLC0415  as for every export

    result = figure.compute(state)
    page = BY_ID[plate.figure]
    charts = [vl_convert.vegalite_to_svg(specification(page, result, "light", only=chart)) for chart in plate.charts]
    at = state.get(name, "")
    shown = number(at, 4) if isinstance(at, float) else str(at)
    tags = [_TAGS.split(_LONG.sub(lambda found: f"{float(found[0]):.1f}", chart)) for chart in charts]
    return {"at": at, "value": shown, "reading": result.reading, "charts": tags}


def _difference(first: list[str], other: list[str]) -> list[Any]:
    """Return what of a chart differs from the first one: tags from a place, and how many go."""
    if len(first) == len(other):
        return [[place, 1, [b]] for place, (a, b) in enumerate(zip(first, other, strict=True)) if a != b]
    start = _same(first, other)
    end = min(_same(first[::-1], other[::-1]), len(first) - start, len(other) - start)
    return [[start, len(first) - end - start, other[start : len(other) - end]]]


def _same(first: Sequence[str], other: Sequence[str]) -> int:
    """Return how many tags are the same from the beginning."""
    pairs = enumerate(zip(first, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(first), len(other)))


def _holder(plate: Plate, made: dict[str, Any], place: int) -> str:
    page = BY_ID[plate.figure]
    frames = made["frames"]
    start = next((i for i, frame in enumerate(frames) if frame["at"] == made["start"]), 0)
    captions = {name: (caption, label) for name, caption, label in page.plates}
    charts = "".join(
        f"<figure><figcaption>{captions[name][0]}</figcaption>"
        f'<div role="img" aria-label="{escape(captions[name][1])}"></div></figure>'
        for name in plate.charts
    )
    label = _label(plate, made["control"])
    slider = (
        f"<label>{escape(label)} <output>{escape(frames[start]['value'])}</output>"
        f'<input type="range" min="0" max="{len(frames) - 1}" value="{start}"></label>'
        if made["control"]
        else '<input type="hidden" value="0">'
    )
    return (
        f'<div class="frames" data-plate="{place}">{charts}{slider}'
        f'<p class="reading">{escape(frames[start]["reading"])}</p></div>'
    )


def _label(plate: Plate, name: str) -> str:
    figure = library_figure(BY_ID[plate.figure])
    return next((p.label for p in figure.parameters if p.name == name), "")


def _standing(body: str, chapters: Sequence[Chapter]) -> str:
    """Return the text with links that lead within the file; the others become words."""
    here = {chapter.address: f"#{chapter.id}" for chapter in chapters}

    def led(link: re.Match[str]) -> str:
        to = link["to"]
        inside = f"#term-{to.removeprefix(_TERM)}" if to.startswith(_TERM) else here.get(to, "")
        return f'<a {link["before"]}href="{inside}"{link["after"]}>{link["text"]}</a>' if inside else link["text"]

    return _LINK.sub(led, body)
