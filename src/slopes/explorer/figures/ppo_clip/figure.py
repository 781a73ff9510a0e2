"""PPO's clipped objective over the ratio, for an advantage of either sign."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.parameters import Choice, Number, Option
from slopes.explorer.figures.ppo_clip import text
from slopes.explorer.figures.ppo_clip.clipped import LEAST, MOST, At, Line, Setting, at, line
from slopes.explorer.figures.result import Columns, Result
from slopes.explorer.figures.state import State, real, word
from slopes.explorer.figures.wording import number
from slopes.shown import layout, palette

_UP: Final = palette.SLICES["advantage 1"]  # above 0
_DOWN: Final = palette.SLICES["advantage -1"]
_WIDE: Final = 0.55  # a clip whose lower edge leaves no room for its name beside it

_NUMBERS: Final = (
    Number(
        name="r",
        label="Ratio",
        symbol="r",
        low=LEAST,
        high=MOST,
        step=0.01,
        default=1.5,
        help="The action's probability now, over that under the policy that sampled it.",
    ),
    Number(
        name="a",
        label="Advantage",
        symbol="A",
        low=-3.0,
        high=3.0,
        step=0.1,
        default=1.0,
        help="By how much the action was better than expected.",
    ),
    Number(
        name="eps",
        label="Clip",
        symbol=r"\epsilon",
        low=0.01,
        high=0.9,
        step=0.01,
        default=0.2,
        help="How far the ratio may go before the slope stops.",
    ),
)
_BY: Final = Choice(
    name="by",
    label="Slope by",
    options=(Option(value="ratio", label="the ratio r"), Option(value="log", label="the log-probability")),
    default="ratio",
    help="What reaches the network is the slope by the log-probability: r times that by r.",
)
_PRESETS: Final = (
    Preset(label="Right way, past the clip", state={}),
    Preset(label="Wrong way: no protection", state={"r": 0.5}),
    Preset(label="Bad, and rarer already", state={"a": -1.0, "r": 0.6}),
    Preset(label="Bad, and likelier: no bound", state={"a": -1.0, "r": 2.5, "by": "log"}),
    Preset(label="Where each batch begins", state={"r": 1.0}),
)


def build(_: Context) -> Figure:
    """Return the figure."""
    return Figure(id="ppo-clip", parameters=(*_NUMBERS, _BY), presets=_PRESETS, compute=_compute, cursor="r")


def _compute(state: State) -> Result:
    s = Setting(ratio=real(state, "r"), advantage=real(state, "a"), clip=real(state, "eps"), by=word(state, "by"))
    here = at(s.ratio, s.advantage, s.clip)
    chosen, other = line(s.advantage, s.clip, s.by), line(-s.advantage, s.clip, s.by)
    signals = _signals(s, chosen, other)
    return Result(
        datasets=_datasets(s, here, (chosen, other), signals),
        signals=signals,
        reading=text.reading(s, here),
        readings=text.readings(s, here),
        tables=(text.cases(s), text.data(s, chosen, other)),
        formulas=text.formulas(s, here),
        snippet=text.snippet(s),
        printed=(here.value, here.by_ratio, here.by_log),
        corrections=text.CORRECTIONS,
    )


def _signals(s: Setting, chosen: Line, other: Line) -> dict[str, float]:
    whole = abs(s.advantage) * MOST or 1.0
    low, high = layout.axis([*chosen.slope.tolist(), *other.slope.tolist(), 0.25 * whole, -0.25 * whole])
    return {
        "x_low": 0.0,
        "x_high": MOST,
        "value_low": -1.08 * whole,
        "value_high": 1.08 * whole,
        "slope_low": low,
        "slope_high": high,
    }


def _datasets(s: Setting, here: At, lines: tuple[Line, Line], signals: dict[str, float]) -> dict[str, Columns]:
    chosen, other = lines
    hues = (_UP, _DOWN) if s.advantage >= 0 else (_DOWN, _UP)
    slope = here.by_ratio if s.by == "ratio" else here.by_log
    stopped = [(s.high, MOST)] if s.advantage > 0 else [(0.0, s.low)] if s.advantage < 0 else [(0.0, MOST)]
    feet = [signals["value_low"] * 0.94, signals["slope_low"] + 0.03 * (signals["slope_high"] - signals["slope_low"])]
    return {
        "stopped": {"x": [a for a, _ in stopped], "x2": [b for _, b in stopped]},
        "edges": {"x": [s.low, s.high]},
        **_edges(s, feet),
        "unclipped": _unclipped(s),
        "curve": _columns(chosen, hues[0], "chosen"),
        "other": _columns(other, hues[1], "other"),
        "cursor": {"x": [s.ratio]},
        "reading": {"x": [s.ratio], "value": [here.value], "slope": [slope], "hue": [hues[0]]},
        "ends": _ends(s, lines, hues, signals),
    }


def _edges(s: Setting, feet: list[float]) -> dict[str, Columns]:
    """What the edges are called: outside of them, or between them where the lower one is near the end of the axis."""
    names = {"left_of": (s.low, "1 − ε"), "right_of": (s.high, "1 + ε")}
    if s.clip > _WIDE:
        names = {"left_of": names["right_of"], "right_of": names["left_of"]}
    return {
        side: {"x": [x], "label": [label], "value_foot": feet[:1], "slope_foot": feet[1:]}
        for side, (x, label) in names.items()
    }


def _unclipped(s: Setting) -> Columns:
    """The line r A, and its slope."""
    slopes = [s.advantage] * 2 if s.by == "ratio" else [0.0, MOST * s.advantage]
    return {
        "series": ["unclipped"] * 2,
        "hue": [palette.INK] * 2,
        "x": [0.0, MOST],
        "value": [0.0, MOST * s.advantage],
        "slope": slopes,
    }


def _columns(one: Line, hue: int, series: str) -> Columns:
    count = len(one.x)
    return {
        "series": [series] * count,
        "hue": [hue] * count,
        "x": one.x.numpy(),
        "value": one.value.numpy(),
        "slope": one.slope.numpy(),
    }


def _ends(s: Setting, lines: tuple[Line, Line], hues: tuple[int, int], signals: dict[str, float]) -> Columns:
    unclipped = _unclipped(s)
    heights = {
        quantity: [*(getattr(one, quantity)[-1].item() for one in lines), unclipped[quantity][-1]]
        for quantity in ("value", "slope")
    }
    said = [f"A = {number(s.advantage, 3)}", f"A = {number(-s.advantage, 3)}", "unclipped"]
    return {
        "label": said,
        "hue": [*hues, palette.INK],
        **{
            f"{quantity}_label": layout.spread(at_end, signals[f"{quantity}_low"], signals[f"{quantity}_high"])
            for quantity, at_end in heights.items()
        },
    }
