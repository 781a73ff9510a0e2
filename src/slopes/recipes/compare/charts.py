"""The report's charts, declared with Altair in the atlas' paper and inks; as wide as the page makes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import altair as alt

from slopes.recipes.compare.curves import Rows, labels
from slopes.shown import palette, style

Chart = dict[str, Any]

_BAND: Final = 34  # pixels of one candidate in a chart of intervals
_AIR: Final = 0.06


def intervals(rows: Rows, each: Rows, title: str, theme: str, *, zero: bool = False) -> Chart:
    """Return means with their intervals, one row for each candidate, and each repetition as a faint tick."""
    order = [row["candidate"] for row in rows]
    low, high = _ends([v for row in (*rows, *each) for v in (row.get("low"), row.get("high"), _middle(row))], zero)
    scale = alt.Scale(domain=[low, high], nice=False)
    y = alt.Y("candidate:N", sort=order, title=None, axis=alt.Axis(labelLimit=150, labelFontSize=13, grid=False))
    x, value, at_low = (
        alt.X(f"{column}:Q", title=title, scale=scale, axis=_ticks(5)) for column in ("mean", "value", "low")
    )
    base = alt.Chart(alt.InlineData(rows)).encode(y=y, color=_colour(theme))
    layers: list[Any] = [_zero(theme, scale)] if zero else []
    if each:
        ticks = alt.Chart(alt.InlineData(each)).mark_tick(thickness=1.5, size=12, opacity=0.45)
        layers.append(ticks.encode(y=y, x=value, color=_colour(theme)))
    layers += [
        base.mark_rule(strokeWidth=2).encode(x=at_low, x2="high:Q"),
        base.mark_point(size=80, filled=True, opacity=1).encode(x=x),
    ]
    return _made(alt.layer(*layers), theme, height=_BAND * len(rows) + 8)


def learning(rows: Rows, title: str, theme: str, *, squeezed: bool) -> Chart:
    """Return error over steps, lines labelled at their ends; `squeezed` gives small errors more room."""
    kind: Any = "sqrt" if squeezed else "linear"
    high = max(row["error"] for row in rows) * 1.03
    low = 0.0 if squeezed else min(row["error"] for row in rows) * 0.97
    x = alt.X("step:Q", title="training step", scale=alt.Scale(type="log", nice=False), axis=_ticks(5))
    y = alt.Y("error:Q", title=title, scale=alt.Scale(type=kind, domain=[low, high], nice=False), axis=_ticks(5))
    return _lines(rows, x, y, "step", theme, (low, high), squeezed=squeezed)


def stress(rows: Rows, x: alt.X, along: str, title: str, theme: str) -> Chart:
    """Return the measure that decides over what was done to the labels."""
    low, high = _ends([row["mean"] for row in rows], zero=False)
    y = alt.Y("mean:Q", title=title, scale=alt.Scale(domain=[low, high], nice=False), axis=_ticks(5))
    return _lines(rows, x, y, along, theme, (low, high), squeezed=False, dots=True)


def corruption(rows: Rows, title: str, theme: str) -> Chart:
    """Return the measure that decides over the share of corrupted labels."""
    shares = sorted({row["share"] for row in rows})
    axis = alt.Axis(values=shares, format="~%", grid=False)
    x = alt.X("share:Q", title="training labels corrupted", scale=alt.Scale(nice=False), axis=axis)
    return stress(rows, x, "share", title, theme)


def rarity(rows: Rows, title: str, theme: str) -> Chart:
    """Return the measure that decides over how rare the rarest class was made."""
    order = list(dict.fromkeys(row["ratio"] for row in rows))
    x = alt.X("ratio:O", sort=order, title="rarest class in training", axis=alt.Axis(labelAngle=0), scale=_points())
    return stress(rows, x, "place", title, theme)


def calibration(rows: Rows, theme: str, *, unit: bool, titles: tuple[str, str]) -> Chart:
    """Return what came of predictions over the predictions: before calibration dashed, after it solid."""
    values = [row[key] for row in rows for key in ("predicted", "observed")]
    low, high = (0.0, 1.0) if unit else _ends(values, zero=False)
    scale = alt.Scale(domain=[low, high], nice=False)
    x = alt.X("predicted:Q", title=titles[0], scale=scale, axis=_ticks(3))
    y = alt.Y("observed:Q", title=titles[1], scale=scale, axis=_ticks(3))
    even = alt.Chart(alt.InlineData([{"predicted": low, "observed": low}, {"predicted": high, "observed": high}]))
    dash: Any = alt.StrokeDash(
        "when:N", scale=alt.Scale(domain=["after", "before"], range=[[1, 0], [3, 3]]), legend=None
    )
    seen = alt.Chart(alt.InlineData(rows))
    after = seen.transform_filter("datum.when == 'after'").mark_point(size=24, filled=True, opacity=1)
    lines = seen.mark_line(strokeWidth=1.75).encode(x=x, y=y, color=_colour(theme), strokeDash=dash)
    layers = (
        even.mark_line(stroke=palette.ZERO[theme], strokeWidth=1).encode(x=x, y=y),
        lines,
        after.encode(x=x, y=y, color=_colour(theme)),
    )
    return _made(alt.layer(*layers), theme, height=168)


def _lines(
    rows: Rows,
    x: alt.X,
    y: alt.Y,
    along: str,
    theme: str,
    ends: tuple[float, float],
    *,
    squeezed: bool,
    dots: bool = False,
) -> Chart:
    column = "error" if squeezed or along == "step" else "mean"
    low, high = ends
    if squeezed:  # labels are moved apart in the axis' own measure
        rooted = [{**row, column: row[column] ** 0.5} for row in rows]
        named = [{**n, "height": n["height"] ** 2} for n in labels(rooted, along, column, low**0.5, high**0.5)]
    else:
        named = labels(rows, along, column, low, high)
    seen = alt.Chart(alt.InlineData(rows))
    drawn = seen.mark_line(strokeWidth=2.25, clip=True).encode(x=x, y=y, color=_colour(theme), detail="candidate:N")
    text = alt.Chart(alt.InlineData(named)).mark_text(align="left", dx=8, font=style.SANS, fontSize=12.5)
    ink = _colour(theme, palette.LABELS)
    written = text.encode(x=alt.value("width"), y=alt.Y("height:Q", title=None), text="candidate:N", color=ink)
    layers = [drawn, written]
    if dots:
        layers.insert(1, seen.mark_point(size=36, filled=True, opacity=1).encode(x=x, y=y, color=_colour(theme)))
    return _made(alt.layer(*layers).resolve_scale(color="independent"), theme, height=264)


def _made(chart: Any, theme: str, *, height: int) -> Chart:  # noqa: ANN401  Altair types layers loosely
    """Return a chart in the atlas' paper, inks and type, as wide as its place."""
    sized = chart.properties(width="container", height=height, padding={"left": 4, "top": 8, "right": 12, "bottom": 4})
    made: Chart = style.styled(sized, theme).to_dict(validate=False)
    made["autosize"] = {"type": "fit-x", "contains": "padding"}
    return made


def _colour(theme: str, which: Mapping[str, tuple[str, ...]] = palette.LINES) -> alt.Color:
    scale = alt.Scale(domain=list(range(len(which[theme]))), range=list(which[theme]))
    return alt.Color("hue:O", scale=scale, legend=None)


def _zero(theme: str, scale: alt.Scale) -> Any:  # noqa: ANN401  likewise
    mark = alt.Chart(alt.InlineData([{"mean": 0}])).mark_rule(stroke=palette.ZERO[theme], strokeWidth=1)
    return mark.encode(x=alt.X("mean:Q", scale=scale))


def _ticks(count: int) -> alt.Axis:
    return alt.Axis(tickCount=count)


def _points() -> alt.Scale:
    return alt.Scale(type="point", padding=0)


def _middle(row: dict[str, Any]) -> float | None:
    value: float | None = row.get("mean", row.get("value"))
    return value


def _ends(values: list[Any], zero: bool) -> tuple[float, float]:  # noqa: FBT001  whether 0 is on the axis
    known = [value for value in values if value is not None] + ([0.0] if zero else [])
    low, high = min(known), max(known)
    air = _AIR * (high - low) or 0.05 * abs(high) or 1.0
    return low - air, high + air
