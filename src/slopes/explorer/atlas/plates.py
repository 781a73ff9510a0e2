"""The landing page's plates: every function as a small drawing of value and slope, grouped by family."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor

from slopes._core.settings import checks
from slopes._core.spec import Spec
from slopes.explorer.figures.wording import capital, number
from slopes.shown import palette
from slopes.shown.breaks import find_breaks
from slopes.shown.curve import Series, bound, grid, value_and_slope
from slopes.shown.loss_curves import LOSSES, REACH, Options, options_of

WIDTH: Final = 176
Point = tuple[float, float]

HEIGHT: Final = 112
_REACH: Final = 4.0  # every tile shows [-4, 4] by [-2, 4], so that shapes can be compared
_BOTTOM: Final = -2.0
_TOP: Final = 4.0
SHORT, LONG, MOST = 12, 26, 4  # letters of a label that has half of the width, and all of it; lines of a tile
_SIDES: Final = ((6, 20, "start"), (WIDTH - 18, WIDTH - 22, "end"))  # stroke, words, anchor
_ROW: Final = 13
_SEEN: Final = 0.04  # of a pixel, which nobody sees
_JUMP: Final = 0.02  # between the two sides of a break: less is a bend
# How far a family's tiles reach where the farthest of them would squeeze the others into a stroke.
_SHARED: Final = {"preference": 20.0}


def plates(catalog: Sequence[Spec]) -> str:
    """Return the plates of a catalogue as HTML: every function drawn that one number decides, the others named."""
    parts = []
    for kind, title in (("activation", "Activations"), ("loss", "Losses")):
        specs = [spec for spec in catalog if spec.kind == kind]
        if specs:
            parts.append(_section(title, specs))
    return "\n".join(parts)


@cache
def drawing(spec: Spec) -> tuple[str, str]:
    """Return the drawing of a function and over what it is; both empty where no one number decides it."""
    found = _lines(spec)
    return (sketch(found.lines, found.reach), found.over) if found else ("", "")


def sketch(lines: Sequence[Series], reach: float = _REACH) -> str:
    """Return the drawing of a function's lines: value solid, slope dashed, over the same heights as every other."""
    zero = _down(0.0)
    paths = "".join(_strokes(line, reach) for line in lines)
    if len(lines) > 1:
        paths += _keys(lines)
    return (
        f'<svg class="sketch" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true" focusable="false">'
        f'<path class="zero" d="M0 {zero:.1f}H{WIDTH}M{WIDTH / 2:.1f} 0V{HEIGHT}"/>{paths}</svg>'
    )


def _keys(lines: Sequence[Series]) -> str:
    """Which line is whose: two short words side by side, the first where a yes is dear; others one above the other."""
    labels = [line.label.replace("-", "−").replace("advantage", "A =") for line in lines]
    if len(lines) == len(_SIDES) and max(map(len, labels)) <= SHORT:
        places = [(*side, HEIGHT - 6) for side in _SIDES]
    else:
        places = [(*_SIDES[0], HEIGHT - 6 - _ROW * (len(lines) - 1 - i)) for i in range(len(lines))]
    return "".join(
        f'<g class="hue-{line.hue}"><path class="value" d="M{start} {y - 4}h12"/>'
        f'<text x="{words}" y="{y}" text-anchor="{anchor}">{escape(label)}</text></g>'
        for line, label, (start, words, anchor, y) in zip(lines, labels, places, strict=True)
    )


def _strokes(line: Series, reach: float) -> str:
    breaks = [found.at for found in find_breaks(line.evaluate) if abs(found.at) < reach]
    x = grid(-reach, reach, 161, breaks)
    values, slopes = line.evaluate(x)
    across = ((x + reach) / (2 * reach) * WIDTH).tolist()
    places = x.tolist()
    jumps = {i + 1 for i, (a, b) in enumerate(pairwise(places)) if any(a <= at <= b for at in breaks)}
    return (
        f'<g class="hue-{line.hue}"><path class="slope" d="{_path(across, slopes.tolist(), jumps)}"/>'
        f'<path class="value" d="{_path(across, values.tolist(), set())}"/></g>'
    )


def _section(title: str, specs: Sequence[Spec]) -> str:
    families: dict[str, list[Spec]] = {}
    for spec in specs:
        families.setdefault(spec.family, []).append(spec)
    groups = "".join(_family(family, members) for family, members in families.items())
    scale = f"Value solid, slope dashed; heights from {number(_BOTTOM)} to {number(_TOP)}."
    return f'<section class="kind kind-{title.lower()}"><h2>{title}</h2><p class="over">{scale}</p>{groups}</section>'


def _family(family: str, members: Sequence[Spec]) -> str:
    """A family's tiles, over one stretch of their axes; what most are drawn over is said once, beside their name."""
    found = [lines for spec in members if (lines := _lines(spec))]
    reach = _SHARED.get(family, max(lines.reach for lines in found))
    (most, times), *_ = Counter(lines.over for lines in found).most_common(1)
    common = most if times > 1 or len(found) == 1 else ""
    over = f"{capital(common) if common else 'x'}, from {number(-reach, 2)} to {number(reach, 2)}"
    if not common and members[0].kind == "loss":
        over = f"From {number(-reach, 2)} to {number(reach, 2)}"
    tiles = "".join(_tile(spec, reach, common) for spec in members)
    name = f'<h3 id="family-{escape(family)}">{escape(family.capitalize())}</h3>'
    return (
        f'<section class="family" aria-labelledby="family-{escape(family)}">'
        f'<div>{name}<p class="over">{escape(over)}</p></div>'
        f'<ul class="tiles">{tiles}</ul></section>'
    )


def _tile(spec: Spec, reach: float, common: str) -> str:
    found = _lines(spec)
    drawn = sketch(found.lines, reach) if found else ""
    over = f' <span class="over">{escape(found.over)}</span>' if found and found.over != common else ""
    return (
        f'<li class="tile" data-words="{_words(spec)}"><a href="/functions/{spec.name}">{drawn}'
        f'<span class="name">{escape(spec.title)}{over}</span><span class="use">{escape(spec.summary)}</span></a></li>'
    )


def _words(spec: Spec) -> str:
    return escape(
        " ".join([spec.name, spec.name.replace("_", " "), spec.title, spec.family, spec.summary, *spec.aliases]).lower()
    )


@dataclass(frozen=True, slots=True)
class _Lines:
    """What a tile shows: its lines, how far from 0 they are drawn, and over what where that needs words."""

    lines: tuple[Series, ...]
    reach: float
    over: str


@cache
def _lines(spec: Spec) -> _Lines | None:
    options = options_of(spec, {})
    if spec.kind == "tool":
        return None
    if spec.kind == "loss":
        return _loss_lines(spec, options)
    function, over = bound(spec, options), ""
    if not spec.elementwise:
        needed = [given for given in spec.inputs if not given.optional]
        function, over = _gate(spec) if len(needed) > 1 else _against_zero(spec)
    return _Lines((_line(spec, "", palette.hue(spec.name), function),), _REACH, over)


def _loss_lines(spec: Spec, options: Options) -> _Lines | None:
    if spec.name not in LOSSES:
        return None
    over, curves = LOSSES[spec.name]
    lines = tuple(
        _line(spec, label, palette.hue_of_slice(label, spec.name, place), lambda x, curve=curve: curve(x, options))  # type: ignore[misc]
        for place, (label, curve) in enumerate(curves.items())
    )
    return _Lines(lines, REACH.get(spec.name, 6.0), f"over the {over}")


def _line(spec: Spec, label: str, hue: int, function: Callable[[Tensor], Tensor]) -> Series:
    def evaluate(x: Tensor) -> tuple[Tensor, Tensor]:
        with checks(values=False):  # a log-probability above 0 is no such thing, but a log-ratio is
            return value_and_slope(function, x)

    return Series(key=f"{spec.name} {label}", name=spec.name, label=label or spec.title, hue=hue, evaluate=evaluate)


def _against_zero(spec: Spec) -> tuple[Callable[[Tensor], Tensor], str]:
    def first_of_two(x: Tensor) -> Tensor:
        result: Tensor = spec.function(torch.stack([x, torch.zeros_like(x)], dim=-1), dim=-1)
        return result[..., 0]

    return first_of_two, "of x against\u00a00"


def _gate(spec: Spec) -> tuple[Callable[[Tensor], Tensor], str]:
    return lambda x: spec.function(torch.ones_like(x), x), "its gate, value\u00a01"


def _down(height: float) -> float:
    return (_TOP - height) / (_TOP - _BOTTOM) * HEIGHT


def _path(across: list[float], heights: list[float], breaks: set[int]) -> str:
    """An SVG path; the pen lifts where the line jumps, which is at a break, or leaves the tile far behind."""
    strokes: list[list[Point]] = []
    down = False
    before = heights[0]
    for i, (x, height) in enumerate(zip(across, heights, strict=True)):
        jumped = i in breaks and abs(height - before) > _JUMP
        before = height
        if not _BOTTOM - 1 <= height <= _TOP + 1:
            down = False
            continue
        if jumped or not down:
            strokes.append([])
        strokes[-1].append((x, _down(height)))
        down = True
    return "".join("M" + "L".join(f"{x:.1f} {y:.2f}" for x, y in _thinned(stroke)) for stroke in strokes)


def _thinned(stroke: Sequence[Point]) -> list[Point]:
    """Return the points that a line needs to stay where it is drawn (Ramer 1972, Douglas and Peucker 1973)."""
    (left, top), (right, bottom) = stroke[0], stroke[-1]
    slope = (bottom - top) / (right - left) if right > left else 0.0
    off = [abs(y - top - slope * (x - left)) for x, y in stroke]
    worst = max(range(1, len(off) - 1), key=off.__getitem__, default=0)
    if not worst or off[worst] <= _SEEN:
        return [stroke[0], stroke[-1]] if len(stroke) > 1 else [stroke[0]]
    return [*_thinned(stroke[: worst + 1])[:-1], *_thinned(stroke[worst:])]
