"""A plate that moves where no server is: its states along one control, drawn beforehand, packed as what differs."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.page import Page
from slopes.explorer.figures.parameters import Choice, Number
from slopes.explorer.figures.result import Result
from slopes.explorer.figures.standalone import specification
from slopes.explorer.figures.state import State, StateError, Value
from slopes.explorer.figures.wording import number
from slopes.explorer.site.pages import asset

FRAMES: Final = 9  # of a slider, beside the state in which it starts
_PLACES: Final = re.compile(r'(?<= )(?:d|transform|x|y|x1|x2|y1|y2|width|height)="[^"]*"')  # of marks; words stay
_LONG: Final = re.compile(r"-?\d+\.\d{2,}")
_TAGS: Final = re.compile(r"(?=<)")


@dataclass(frozen=True, kw_only=True)
class Along:
    """The states of a figure along one of its controls.

    Attributes:
        control: Which; None where nothing moves.
        states: In order.
        start: The place of the state that is shown first.
    """

    control: Number | Choice | None
    states: tuple[State, ...]
    start: int


def along(figure: Figure, state: State, names: Sequence[str] = (), frames: int = FRAMES) -> Along:
    """Return the states along the first of these controls, or of those that the state shows."""
    shown = [p for p in figure.parameters if isinstance(p, Number | Choice) and (p.name in names or not names)]
    control = next((p for p in shown if names or _is_shown(p, state)), None)
    if control is None:
        return Along(control=None, states=(state,), start=0)
    values = _values(control, state, frames)
    states = [stated for value in values if _is_legal(figure, stated := {**state, control.name: value})]
    return Along(control=control, states=tuple(states), start=states.index(state))


def _is_shown(control: Number | Choice, state: State) -> bool:
    chosen = [word for value in state.values() if not isinstance(value, float) for word in (value, *value)]
    return isinstance(control, Number) and (not control.belongs_to or any(o in chosen for o in control.belongs_to))


def _is_legal(figure: Figure, state: State) -> bool:
    try:
        figure.check(state)
    except StateError:
        return False
    return True


def _values(control: Number | Choice, state: State, frames: int) -> list[Value]:
    now = state[control.name]
    if isinstance(control, Choice):
        return [option.value for option in control.options]
    shares = [i / (frames - 1) for i in range(frames)] if frames > 1 else []
    if control.log:
        values = [control.low * (control.high / control.low) ** share for share in shares]
    else:
        values = [control.low + (control.high - control.low) * share for share in shares]
    return sorted({float(f"{value:.4g}") for value in values} | ({now} if isinstance(now, float) else set()))


def drawn(page: Page, charts: Sequence[str], moves: Along, results: Sequence[Result], theme: str) -> dict[str, Any]:
    """Return a plate's frames: the charts of the first as they are, of the others what differs."""
    name = moves.control.name if moves.control else ""
    made = [_frame(page, charts, result, theme) for result in results]
    for frame, state in zip(made, moves.states, strict=True):
        at = state.get(name, "")
        frame |= {"at": at, "value": number(at, 4) if isinstance(at, float) else _option(moves.control, at)}
    first = made[0]["charts"]
    for frame in made[1:]:
        frame["charts"] = [_difference(a, b) for a, b in zip(first, frame["charts"], strict=True)]
    return {"control": name, "frames": made}


def _option(control: Number | Choice | None, value: object) -> str:
    options = control.options if isinstance(control, Choice) else ()
    return next((option.label for option in options if option.value == value), "")


def _frame(page: Page, charts: Sequence[str], result: Result, theme: str) -> dict[str, Any]:
    import vl_convert  # noqa: PLC0415  the first page should not wait for it

    tags = []
    for chart in charts:
        whole = specification(page, result, theme, only=chart)
        for view in whole["concat"]:
            del view["title"]  # the caption says it
        tags.append(_TAGS.split(_PLACES.sub(_shorter, vl_convert.vegalite_to_svg(whole))))
    return {"reading": result.reading, "charts": tags}


def _shorter(places: re.Match[str]) -> str:
    """Return coordinates to a tenth of a pixel, which is as far as one sees."""
    return _LONG.sub(lambda long: f"{float(long[0]):.1f}", places[0])


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


def holder(page: Page, charts: Sequence[str], moves: Along, made: dict[str, Any], place: int) -> str:
    """Return the plate whose frames are the `place`th of the file's."""
    captions = {name: (caption, label) for name, caption, label in page.plates}
    figures = "".join(
        f"<figure><figcaption>{captions[name][0]}</figcaption>"
        f'<div role="img" aria-label="{escape(captions[name][1])}"></div></figure>'
        for name in charts
    )
    now = made["frames"][moves.start]
    slider = '<input type="hidden" value="0">'
    if moves.control is not None and len(moves.states) > 1:
        slider = (
            f"<label><span>{escape(moves.control.label)} <output>{escape(now['value'])}</output></span>"
            f'<input type="range" min="0" max="{len(moves.states) - 1}" value="{moves.start}"></label>'
        )
    said = escape(now["reading"])
    return f'<div class="frames" data-plate="{place}">{figures}{slider}<p class="reading">{said}</p></div>'


def scripts(plates: Sequence[dict[str, Any]]) -> str:
    """Return what moves the plates of a file: their frames, packed, and the code."""
    packed = base64.b64encode(gzip.compress(json.dumps(plates, separators=(",", ":")).encode(), 9)).decode()
    code = asset("offline.js").decode()
    return f'<script type="application/json" id="frames">{packed}</script><script type="module">{code}</script>'
