"""The charts of the line-up figure."""

from __future__ import annotations

from typing import Any, Final

import altair as alt

from slopes.explorer.figures import drawing as d
from slopes.shown import palette, style

NAMES: Final = ("dog", "puppy", "car", "pizza", "beach")
COLDEST: Final = 0.01
HOTTEST: Final = 2.0
_DEEPEST: Final = 0.55  # how much of the hue a cell of 1 has, so that what it says can be read


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    return {
        "similarities": _matrix("cosine", palette.BLUE, theme),
        "shares": _matrix("share", palette.ORANGE, theme),
        "pushes": _pushes(theme),
        "temperature": _sweep(theme),
    }


def _matrix(column: str, hue: int, theme: str) -> dict[str, Any]:
    """Cells that are the deeper the more is in them; pairs are framed, and so is the line-up that is looked at."""
    across, down = _band("caption", alt.X), _band("image", alt.Y)
    inks = [palette.PAPER[theme], _mixed(palette.PAPER[theme], palette.LINES[theme][hue])]
    fill = alt.Fill(
        f"{column}:Q", scale=alt.Scale(domain=[0, 1], range=inks, clamp=True, interpolate="rgb"), legend=None
    )
    text = palette.TEXT[theme]
    cells = alt.Chart(alt.NamedData("cells"))
    frame: dict[str, Any] = {"fillOpacity": 0, "stroke": text}
    words = cells.mark_text(font=style.SANS, fontSize=12, color=text)
    return d.chart(
        cells.mark_rect().encode(x=across, y=down, fill=fill),
        alt.Chart(alt.NamedData("row")).mark_rect(strokeWidth=1, strokeDash=[2, 3], **frame).encode(y=down),
        alt.Chart(alt.NamedData("column")).mark_rect(strokeWidth=1, strokeDash=[2, 3], **frame).encode(x=across),
        alt.Chart(alt.NamedData("pairs")).mark_rect(strokeWidth=2, **frame).encode(x=across, y=down),
        words.encode(x=across, y=down, text=f"{column}_said:N"),
        theme=theme,
        ends={},
        left=66,
        right=12,
    )


def _band(column: str, channel: type[alt.X | alt.Y]) -> Any:  # noqa: ANN401  either channel
    axis = alt.Axis(labelAngle=0, grid=False)
    return channel(f"{column}:N", title=column, scale=alt.Scale(domain=list(NAMES), padding=0), axis=axis)


def _mixed(paper: str, ink: str) -> str:
    pairs = [(int(paper[i : i + 2], 16), int(ink[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * _DEEPEST):02x}" for a, b in pairs)


def _pushes(theme: str) -> dict[str, Any]:
    words = alt.Chart(alt.NamedData("pushes")).encode(
        x=alt.X("label:N", sort=None), y="gradient:Q", text="said:N", color=alt.value(palette.TEXT[theme])
    )
    return d.chart(
        d.zero("gradient", theme),
        d.bars("pushes", "label", d.up("gradient"), theme),
        *(
            words.transform_filter(f"datum.gradient {side} 0").mark_text(dy=dy, font=style.SANS, fontSize=12)
            for side, dy in ((">=", -8), ("<", 9))
        ),
        theme=theme,
        ends={"gradient": (-10.0, 10.0)},
        right=16,
    )


def _sweep(theme: str) -> dict[str, Any]:
    scale = alt.Scale(type="log", domain=[COLDEST, HOTTEST], nice=False)
    x = alt.X("t:Q", title="temperature τ", scale=scale, axis=alt.Axis(values=[0.01, 0.1, 1], format="~g"))
    return d.chart(
        d.lines("others", x, d.up("nats"), theme, thin=True),
        d.lines("chosen", x, d.up("nats"), theme),
        d.upright("cursor", theme, "t"),
        d.dots("reading", "t:Q", "nats:Q", theme),
        d.end_labels("ends", "nats_label", theme),
        theme=theme,
        ends={"nats": (0.0, 2.0)},
        right=100,
    )
