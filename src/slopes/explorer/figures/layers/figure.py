"""A hidden layer and an output layer over one number, with weights set by hand or fitted."""

from __future__ import annotations

from typing import Final

import torch

from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.layers.model import ACTIVATIONS, POINTS, Layers, by_count, layers, over
from slopes.explorer.figures.layers.tasks import MOST, TASKS
from slopes.explorer.figures.layers.text import corrections, formulas, reading, snippet
from slopes.explorer.figures.parameters import Choice, Number, Option
from slopes.explorer.figures.result import Columns, Result, Table
from slopes.explorer.figures.state import State, real, word
from slopes.explorer.figures.wording import number
from slopes.shown import layout, palette

_HUES: Final = (
    palette.BLUE,
    palette.ORANGE,
    palette.GREEN,
    palette.VERMILLION,
    palette.PURPLE,
    palette.SKY,
    palette.YELLOW,
    palette.INK,
)
_WANTED: Final = palette.VERMILLION
_SMALL: Final = 0.09  # of the axis: how far above its point a name stands
_NAMED: Final = 0.14  # of the axis: room for a name above the highest point

_TASK: Final = Choice(
    name="task",
    label="To make",
    options=tuple(Option(value=task.name, label=task.label) for task in TASKS.values()),
    default="xor",
)
_ACTIVATION: Final = Choice(
    name="activation",
    label="Between the layers",
    options=tuple(Option(value=name, label=label) for name, (label, _) in ACTIVATIONS.items()),
    default="relu",
)
_COUNT: Final = Number(
    name="units",
    label="Hidden units",
    symbol="N",
    low=1.0,
    high=float(MOST),
    step=1.0,
    default=4.0,
    belongs_to=("wave",),
    help="Units whose bends are spread evenly; the output layer is the best by least squares.",
)
_X: Final = Number(
    name="x",
    label="Input",
    symbol="x",
    low=-3.6,
    high=3.6,
    step=0.01,
    default=1.5,
    within=("x_low", "x_high"),
    help="Where the units are read; it also follows the pointer.",
)
_PRESETS: Final = (
    Preset(label="XOR by two ReLUs", state={}),
    Preset(label="XOR by none", state={"activation": "identity"}),
    Preset(label="|x|", state={"task": "abs", "x": -2.0}),
    Preset(label="A bump", state={"task": "bump", "x": 1.5}),
    Preset(label="A wave by eight", state={"task": "wave", "units": 8.0}),
    Preset(label="Eight and no bend", state={"task": "wave", "units": 8.0, "activation": "identity"}),
)


def build(_: Context) -> Figure:
    """Return the figure."""
    return Figure(
        id="layers",
        parameters=(_TASK, _ACTIVATION, _COUNT, _X),
        presets=_PRESETS,
        compute=_compute,
        cursor="x",
    )


def _compute(state: State) -> Result:
    net = layers(word(state, "task"), word(state, "activation"), round(real(state, "units")))
    x = real(state, "x")
    here = torch.tensor([x], dtype=torch.float64)
    y = net.output(here).item()
    units, signals = _units(net, x)
    total, more = _sum(net, x, y)
    return Result(
        datasets={
            **units,
            **total,
            "cursor": {"x": [x]},
            "over": {"x": [(net.task.low + net.task.high) / 2], "label": [net.task.over]},
        },
        signals={"x_low": net.task.low, "x_high": net.task.high, **signals, **more},
        reading=reading(net),
        readings=_readings(net, x, y),
        tables=(_weights(net), _counts(net.activation), _data(net)),
        formulas=formulas(net),
        snippet=snippet(net, x),
        printed=(y, *net.composed),
        corrections=corrections(),
    )


def _units(net: Layers, x: float) -> tuple[dict[str, Columns], dict[str, float]]:
    at = over(net.task)
    added = net.units(at)
    low, high = layout.axis([added.min().item(), added.max().item()])
    names, hues = [f"unit {i + 1}" for i in range(net.count)], list(_HUES[: net.count])
    last = added[:, -1].tolist()
    sets: dict[str, Columns] = {
        "units": {
            "series": [name for name in names for _ in range(POINTS)],
            "hue": [hue for hue in hues for _ in range(POINTS)],
            "x": at.repeat(net.count).numpy(),
            "u": added.reshape(-1).numpy(),
        },
        "reading": {
            "x": [x] * net.count,
            "u": net.units(torch.tensor([x], dtype=torch.float64))[:, 0].tolist(),
            "hue": hues,
        },
        "unit_ends": {"label": names, "hue": hues, "u_label": layout.spread(last, low, high)},
    }
    return sets, {"u_low": low, "u_high": high}


def _sum(net: Layers, x: float, y: float) -> tuple[dict[str, Columns], dict[str, float]]:
    at = over(net.task)
    made, wanted = net.output(at), net.task.target(at)
    low, high = layout.axis([v for part in (made, wanted) for v in (part.min().item(), part.max().item())])
    high += _NAMED * (high - low) if net.task.points else 0.0
    points = torch.tensor([place for place, _ in net.task.points], dtype=torch.float64)
    heights = net.task.target(points).tolist()
    shown = [] if net.task.points else [wanted]
    ends = [("output", palette.INK, made[-1].item()), *(("wanted", _WANTED, t[-1].item()) for t in shown)]
    sets: dict[str, Columns] = {
        "sum": {"series": ["output"] * POINTS, "hue": [palette.INK] * POINTS, "x": at.numpy(), "y": made.numpy()},
        "target": {
            "series": ["wanted"] * POINTS * len(shown),
            "hue": [_WANTED] * POINTS * len(shown),
            "x": at.repeat(len(shown)).numpy(),
            "y": wanted.repeat(len(shown)).numpy(),
        },
        "wanted": {"x": points.tolist(), "y": heights, "hue": [_WANTED] * len(heights)},
        "names": {
            "x": points.tolist(),
            "y": [height + _SMALL * (high - low) for height in heights],
            "label": [label for _, label in net.task.points],
        },
        "kinks": {"x": net.kinks, "y": [0.0] * len(net.kinks)},
        "here": {"x": [x], "y": [y], "hue": [palette.INK]},
        "ends": {
            "label": [label for label, *_ in ends],
            "hue": [hue for _, hue, _ in ends],
            "y_label": layout.spread([height for *_, height in ends], low, high),
        },
    }
    return sets, {"y_low": low, "y_high": high}


def _readings(net: Layers, x: float, y: float) -> Table:
    here = torch.tensor([x], dtype=torch.float64)
    before, hidden, added = (part(here)[:, 0].tolist() for part in (net.before, net.hidden, net.units))
    rows = tuple(
        (f"unit {i + 1}", number(before[i], 4), number(hidden[i], 4), number(added[i], 4)) for i in range(net.count)
    )
    wanted = net.task.target(here).item()
    columns = ("", "first layer", ACTIVATIONS[net.activation][0].split(" ")[0], "adds")
    return Table(
        title=f"At {net.task.over} = {number(x, 4)}",
        columns=columns,
        rows=rows,
        hues=_HUES[: net.count],
        note=f"Output {number(y, 5)}" + ("." if net.task.points else f", wanted {number(wanted, 5)}."),
    )


def _weights(net: Layers) -> Table:
    rows = [
        (f"unit {i + 1}", number(w, 5), number(b, 5), number(v, 5))
        for i, (w, b, v) in enumerate(zip(net.inner, net.shift, net.outer, strict=True))
    ]
    rows.append(("output", "", number(net.offset, 5), ""))
    columns = ("", "weight in", "bias", "weight out")
    return Table(title="All weights", columns=columns, rows=tuple(rows), hues=(*_HUES[: net.count], None))


def _counts(activation: str) -> Table:
    rows = tuple(
        (str(net.count), str(len(net.kinks) + 1) if net.straight else "smooth", number(net.worst[0], 4))
        for net in by_count(activation)
    )
    return Table(
        title=f"The wave by 1 to {MOST} units, {ACTIVATIONS[activation][0]}",
        columns=("units", "pieces", "greatest error"),
        rows=rows,
        note="Bends spread evenly over −3 to 3, the output layer by least squares; bends that move would do better.",
    )


def _data(net: Layers) -> Table:
    def rows() -> tuple[tuple[str, ...], ...]:
        x = over(net.task)[::6]
        added, made, wanted = net.units(x), net.output(x), net.task.target(x)
        return tuple(
            (
                number(at, 4),
                *(number(v, 4) for v in added[:, i].tolist()),
                number(made[i].item(), 4),
                number(wanted[i].item(), 4),
            )
            for i, at in enumerate(x.tolist())
        )

    heads = (net.task.over, *(f"unit {i + 1}" for i in range(net.count)), "output", "wanted")
    return Table(title="Data of the charts", columns=heads, fill=rows)
