"""The landing page's plates: every function as a small drawing of value and slope, grouped by family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Final

import torch
from torch import Tensor

from slopes._core.spec import Spec
from slopes.explorer import palette
from slopes.explorer.curve import Series, bound, grid, value_and_slope
from slopes.explorer.measure import find_breaks

WIDTH: Final = 176
HEIGHT: Final = 112
_REACH: Final = 4.0  # every tile shows [-4, 4] by [-2, 4], so that shapes can be compared
_BOTTOM: Final = -2.0
_TOP: Final = 4.0


def plates(catalog: Sequence[Spec]) -> str:
    """Return the plates of a catalogue as HTML: activations drawn, losses named."""
    activations = [spec for spec in catalog if spec.kind == "activation"]
    losses = [spec for spec in catalog if spec.kind == "loss"]
    parts = [_section("Activations", activations, _drawn_tile)]
    if losses:
        parts.append(_section("Losses", losses, _named_tile))
    return "\n".join(parts)


def sketch(series: Series) -> str:
    """Return the drawing of one line: value solid, slope dashed, over the same axes as every other."""
    x = grid(-_REACH, _REACH, 161, [found.at for found in find_breaks(series.evaluate)])
    values, slopes = series.evaluate(x)
    across = ((x + _REACH) / (2 * _REACH) * WIDTH).tolist()
    zero = _down(0.0)
    return (
        f'<svg class="sketch hue-{series.hue}" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true" focusable="false">'
        f'<path class="zero" d="M0 {zero:.1f}H{WIDTH}M{WIDTH / 2:.1f} 0V{HEIGHT}"/>'
        f'<path class="slope" d="{_path(across, slopes.tolist())}"/>'
        f'<path class="value" d="{_path(across, values.tolist())}"/></svg>'
    )


def _section(title: str, specs: Sequence[Spec], tile: Callable[[Spec], str]) -> str:
    families: dict[str, list[Spec]] = {}
    for spec in specs:
        families.setdefault(spec.family, []).append(spec)
    groups = [
        f'<section class="family" aria-labelledby="family-{escape(family)}">'
        f'<h3 id="family-{escape(family)}">{escape(family.capitalize())}</h3>'
        f'<ul class="tiles">{"".join(tile(spec) for spec in members)}</ul></section>'
        for family, members in families.items()
    ]
    return f'<section class="kind kind-{title.lower()}"><h2>{title}</h2>{"".join(groups)}</section>'


def _drawn_tile(spec: Spec) -> str:
    series, over = _series(spec)
    drawing = sketch(series) if series else ""
    note = f' <span class="over">{escape(over)}</span>' if over else ""
    inner = (
        f'{drawing}<span class="name">{escape(spec.title)}{note}</span><span class="use">{escape(spec.summary)}</span>'
    )
    if spec.elementwise:
        inner = f'<a href="/activations?functions={escape(spec.name)}">{inner}</a>'
    return f'<li class="tile" data-words="{_words(spec)}">{inner}</li>'


def _named_tile(spec: Spec) -> str:
    return (
        f'<li class="tile named" data-words="{_words(spec)}"><span class="name">{escape(spec.title)}</span>'
        f'<span class="use">{escape(spec.summary)}</span></li>'
    )


def _words(spec: Spec) -> str:
    return escape(" ".join([spec.name, spec.name.replace("_", " "), spec.title, spec.family, *spec.aliases]).lower())


def _series(spec: Spec) -> tuple[Series | None, str]:
    """The line of a tile, and what it is drawn over where the function takes more than one number."""
    options = {p.name: p.default for p in spec.parameters if p.default is not None}
    function, over = bound(spec, options), ""
    if not spec.elementwise:
        needed = [given for given in spec.inputs if not given.optional]
        function, over = _gate(spec) if len(needed) > 1 else _against_zero(spec)
    try:
        value_and_slope(function, torch.zeros(2, dtype=torch.float64))
    except (TypeError, ValueError, RuntimeError):
        return None, ""  # it maps no number to a number; its tile has a name only
    hue = palette.hue(spec.name)
    return Series(
        key=spec.name,
        name=spec.name,
        label=spec.title,
        hue=hue,
        evaluate=lambda x: value_and_slope(function, x),
    ), over


def _against_zero(spec: Spec) -> tuple[Callable[[Tensor], Tensor], str]:
    def first_of_two(x: Tensor) -> Tensor:
        result: Tensor = spec.function(torch.stack([x, torch.zeros_like(x)], dim=-1), dim=-1)
        return result[..., 0]

    return first_of_two, "of x against 0"


def _gate(spec: Spec) -> tuple[Callable[[Tensor], Tensor], str]:
    return lambda x: spec.function(torch.ones_like(x), x), "its gate, value 1"


def _down(height: float) -> float:
    return (_TOP - height) / (_TOP - _BOTTOM) * HEIGHT


def _path(across: list[float], heights: list[float]) -> str:
    """An SVG path; the pen lifts where the line jumps or leaves the tile far behind."""
    parts: list[str] = []
    down = False
    before = heights[0]
    for x, height in zip(across, heights, strict=True):
        jumped = abs(height - before) > 0.2  # noqa: PLR2004  more than any continuous line moves between points
        before = height
        if not _BOTTOM - 1 <= height <= _TOP + 1:
            down = False
            continue
        parts.append(f"{'L' if down and not jumped else 'M'}{x:.1f} {_down(height):.2f}")
        down = True
    return "".join(parts)
