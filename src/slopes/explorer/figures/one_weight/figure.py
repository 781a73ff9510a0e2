"""Six points, one weight, three losses, and gradient descent step by step."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Final

from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.one_weight.charts import TALL, WIDE
from slopes.explorer.figures.one_weight.model import (
    DIGITS,
    HEIGHTS,
    HIGH,
    KINDS,
    LOW,
    PLACES,
    SWEEP,
    Step,
    at,
    rest,
    step,
    sweep,
    walk,
)
from slopes.explorer.figures.one_weight.text import corrections, formulas, reading, snippet
from slopes.explorer.figures.parameters import Choice, Number, Option
from slopes.explorer.figures.residual_losses import Kind
from slopes.explorer.figures.result import Columns, Result, Table
from slopes.explorer.figures.state import State, real, word
from slopes.explorer.figures.wording import number
from slopes.shown import layout, palette

_TANGENT: Final = 0.75  # how far it is drawn to either side
_WORDS: Final = 0.95  # of the axis, where words stand

_W: Final = Number(
    name="w",
    label="Weight",
    symbol="w",
    low=LOW,
    high=HIGH,
    step=0.01,
    default=0.2,
    help="What x is multiplied by; it also follows the pointer over the first chart.",
)
_RATE: Final = Number(
    name="rate",
    label="Learning rate",
    symbol=r"\eta",
    low=0.001,
    high=1.0,
    step=0.01,
    default=0.05,
    log=True,
    help="A step is this times the slope, downhill.",
)
_LOSS: Final = Choice(
    name="loss",
    label="Loss",
    options=tuple(Option(value=kind.name, label=kind.label, hue=kind.hue) for kind in KINDS.values()),
    default="mse",
)
_DELTA: Final = Number(
    name="delta",
    label="Huber: delta",
    symbol=r"\delta",
    low=0.1,
    high=10.0,
    step=0.01,
    default=1.0,
    log=True,
    belongs_to=("huber",),
    help="Where Huber's parabola turns into a line.",
)
_PRESETS: Final = (
    Preset(label="Steps that shrink", state={}),
    Preset(label="Over, and back", state={"rate": 0.24}),
    Preset(label="Too long: it diverges", state={"w": 1.5, "rate": 0.28}),
    Preset(label="At rest under the MSE", state={"w": 1.804396}),
    Preset(label="Absolute: to and fro", state={"loss": "mae", "w": 1.02, "rate": 0.8}),
    Preset(label="Huber keeps between", state={"loss": "huber", "w": 3.5, "rate": 0.3}),
)


def build(_: Context) -> Figure:
    """Return the figure."""
    return Figure(
        id="one-weight",
        parameters=(_W, _RATE, _LOSS, _DELTA),
        presets=_PRESETS,
        compute=_compute,
        cursor="w",
        cursor_on=("loss",),
        steps="One step",
    )


def _compute(state: State) -> Result:
    kind = KINDS[word(state, "loss")]
    now = step(kind, kind.number(state), real(state, "rate"), real(state, "w"))
    top = sweep(kind, now.option)[1].max().item() * 1.04
    delta, path = real(state, "delta"), walk(now)
    return Result(
        datasets={**_over_weights(now, path, top, delta), **_over_points(now, delta)},
        signals={
            "w_low": LOW,
            "w_high": HIGH,
            "v_low": -0.05 * top,
            "v_high": top,
            "x_low": WIDE[0],
            "x_high": WIDE[1],
            "y_low": TALL[0],
            "y_high": TALL[1],
        },
        reading=reading(now),
        readings=_readings(now),
        tables=(_rests(delta), _ahead(path), _data(now)),
        formulas=formulas(now),
        snippet=snippet(now),
        printed=(now.loss, now.slope, now.to),
        corrections=corrections(),
        after=_after(state, now),
    )


def _after(state: State, now: Step) -> State | None:
    """One step on; None where it goes nowhere, or off the chart."""
    if now.still or not LOW <= now.to <= HIGH:
        return None
    return {**state, "w": round(now.to, DIGITS) + 0.0}


def _over_weights(now: Step, path: list[tuple[float, float]], top: float, delta: float) -> dict[str, Columns]:
    hue = now.kind.hue
    w, losses = sweep(now.kind, now.option)
    ends = (now.w - _TANGENT, now.w + _TANGENT)
    rests = [(kind, _rest(kind, delta)) for kind in KINDS.values()]
    return {
        "curve": {"series": [now.kind.name] * SWEEP, "hue": [hue] * SWEEP, "w": w.numpy(), "v": losses.numpy()},
        "tangent": {
            "series": ["tangent", "tangent"],
            "hue": [hue, hue],
            "w": list(ends),
            "v": [now.loss + now.slope * (end - now.w) for end in ends],
        },
        "next": _stair(path[:2]),
        "later": _stair(path[1:]),
        "ahead": {
            "w": [at for at, _ in path[1:]],
            "v": [loss for _, loss in path[1:]],
            "hue": [palette.INK] * (len(path) - 1),
        },
        "points": {"w": [now.w], "v": [now.loss], "hue": [hue]},
        "rests": {"w": [at for _, at in rests], "hue": [kind.hue for kind, _ in rests]},
        "words": {
            "w": [max(at for _, at in rests)],
            "v": [_WORDS * top],
            "label": ["dotted: lowest places"],
        },
    }


def _rest(kind: Kind, delta: float) -> float:
    return rest(kind, delta if kind.option else 0.0)[0]


def _stair(path: list[tuple[float, float]]) -> Columns:
    corners = [(path[0][0], path[0][1])] if path else []
    for (_, before), (to, after) in pairwise(path):
        corners += [(to, before), (to, after)]
    return {"w": [w for w, _ in corners], "v": [v for _, v in corners], "i": list(range(len(corners)))}


def _over_points(now: Step, delta: float) -> dict[str, Columns]:
    rests = [(kind, _rest(kind, delta)) for kind in KINDS.values()]
    far = WIDE[1]
    lines = [(now.w, palette.INK, f"w = {number(now.w, 3)}")]
    lines += [(w, kind.hue, f"{kind.label} rests") for kind, w in rests]
    return {
        "data": {"x": list(PLACES), "y": list(HEIGHTS)},
        "misses": {"x": list(PLACES), "y": list(HEIGHTS), "y2": [now.w * x for x in PLACES]},
        "line": {"series": ["now"] * 2, "hue": [palette.INK] * 2, "x": list(WIDE), "y": [now.w * x for x in WIDE]},
        "resting": {
            "series": [kind.name for kind, _ in rests for _ in WIDE],
            "hue": [kind.hue for kind, _ in rests for _ in WIDE],
            "x": [x for _ in rests for x in WIDE],
            "y": [w * x for _, w in rests for x in WIDE],
        },
        "ends": {
            "label": [label for *_, label in lines],
            "hue": [hue for _, hue, _ in lines],
            "y_label": layout.spread([w * far for w, *_ in lines], *TALL),
        },
    }


def _readings(now: Step) -> Table:
    rows = (
        ("now", number(now.w, 6), number(now.loss, 6), number(now.slope, 6)),
        ("after the step", number(now.to, 6), number(now.then, 6), number(now.slope_then, 6)),
        ("the lowest place", number(now.rest, 6), number(now.least, 6), "a kink" if now.kind.kinked else "0"),
    )
    return Table(title=now.kind.label, columns=("", "w", "loss", "slope"), rows=rows)


@lru_cache(maxsize=64)
def _rests(delta: float) -> Table:
    rows = []
    for kind in KINDS.values():
        w = _rest(kind, delta)
        rows.append((kind.label, number(w, 6), *(number(at(other, delta, w)[0], 5) for other in KINDS.values())))
    columns = ("", "w at rest", *(f"{kind.label} there" for kind in KINDS.values()))
    return Table(
        title="Where each loss comes to rest",
        columns=columns,
        rows=tuple(rows),
        hues=tuple(kind.hue for kind in KINDS.values()),
        note="One point lies far above the others. Its pull grows with its distance under the MSE, and does not under "
        "the MAE.",
    )


def _ahead(path: list[tuple[float, float]]) -> Table:
    rows = tuple((str(i), number(w, 6), number(loss, 6)) for i, (w, loss) in enumerate(path))
    return Table(title="The steps ahead", columns=("step", "w", "loss"), rows=rows)


def _data(now: Step) -> Table:
    def rows() -> tuple[tuple[str, ...], ...]:
        w, losses = sweep(now.kind, now.option)
        return tuple((number(a, 4), number(b, 5)) for a, b in zip(w.tolist()[::3], losses.tolist()[::3], strict=True))

    return Table(title="Data of the first chart", columns=("w", now.kind.label), fill=rows)
