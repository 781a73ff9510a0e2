"""Signal and gradient through 2 to 100 layers, for each activation and initialisation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from slopes._core.errors import UserFunctionError
from slopes.explorer.figures.activations.entries import YOURS, Entry, entries
from slopes.explorer.figures.context import Context
from slopes.explorer.figures.depth.network import DEEPEST, INITS, Net, backward, forward, reach
from slopes.explorer.figures.depth.text import CORRECTIONS, LIMITS, Line, formulas, options, reading, snippet
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.parameters import Choice, Number, Option, Several
from slopes.explorer.figures.result import Columns, Problem, Result, Table
from slopes.explorer.figures.state import State, real, word, words
from slopes.explorer.figures.wording import number
from slopes.shown import layout

_MOST: Final = 5
_LEAST: Final = 1e-46  # of the axes of decades: a little less than float32 can hold
_GREATEST: Final = 1e39
_INIT: Final = Choice(
    name="init",
    label="Initialisation",
    options=tuple(Option(value=name, label=init.label) for name, init in INITS.items()),
    default="lecun",
)
_DEPTH: Final = Number(name="depth", label="Layers", low=2.0, high=float(DEEPEST), step=1.0, default=50.0)
_AT: Final = Number(
    name="at",
    label="Read after",
    unit="layers",
    low=0.0,
    high=float(DEEPEST),
    step=1.0,
    default=10.0,
    help="It also follows the pointer over the charts.",
)
_MORE: Final = (
    Number(name="width", label="Units to a layer", symbol="n", low=16.0, high=128.0, step=8.0, default=64.0, more=True),
    Number(
        name="gain",
        label="Weights multiplied by",
        low=0.25,
        high=3.0,
        step=0.05,
        default=1.0,
        more=True,
        help="Its square multiplies the variance of the weights.",
    ),
    Number(
        name="bias",
        label="Bias of every unit",
        symbol="b",
        low=-2.0,
        high=2.0,
        step=0.1,
        default=0.0,
        more=True,
        help="Negative ones are what too large a training step may leave behind.",
    ),
    Number(name="seed", label="Seed", low=0.0, high=9.0, step=1.0, default=0.0, more=True),
)
_PRESETS: Final = (
    Preset(label="LeCun’s weights", state={}),
    Preset(label="He’s weights, for ReLU", state={"functions": ("relu", "leaky_relu", "gelu", "tanh"), "init": "he"}),
    Preset(label="SELU keeps 0 and 1", state={"functions": ("selu", "elu", "relu"), "depth": 100.0, "at": 100.0}),
    Preset(
        label="Dying ReLU",
        state={"functions": ("relu", "leaky_relu", "elu"), "init": "he", "bias": -0.5, "depth": 20.0},
    ),
    Preset(label="What nn.Linear starts with", state={"init": "linear"}),
)


def build(context: Context) -> Figure:
    """Return the figure over the elementwise activations, with the visitor's own where there is one."""
    found = entries(context.catalog, context.activation, context.activation_from)
    by_name = {entry.name: entry for entry in found}
    default = ("tanh", "relu", "gelu", "sigmoid")
    picked = Several(
        name="functions",
        label="Activations",
        options=tuple(entry.option() for entry in found),
        default=((YOURS, *default) if context.activation else default)[:_MOST],
        most=_MOST,
    )
    return Figure(
        id="depth",
        parameters=(picked, _INIT, _DEPTH, _AT, *_MORE),
        presets=_PRESETS,
        compute=lambda state: _compute(state, by_name),
        cursor=_AT.name,
    )


def _compute(state: State, by_name: Mapping[str, Entry]) -> Result:
    net = Net(
        init=word(state, "init"),
        width=round(real(state, "width")),
        gain=real(state, "gain"),
        bias=real(state, "bias"),
        seed=round(real(state, "seed")),
    )
    depth = round(real(state, "depth"))
    at = min(round(real(state, "at")), depth)
    lines, problems = _through(words(state, "functions"), by_name, net, depth)
    if not lines:
        return _nothing(depth, problems)
    ends = _ends(lines, depth)
    return Result(
        datasets=_datasets(lines, depth, at, ends),
        signals=_signals(depth, ends),
        reading=reading(lines, depth),
        readings=_readings(lines, at),
        tables=(_all_through(lines, depth), _data(lines, depth)),
        formulas=formulas(lines, net, depth),
        snippet=snippet(lines, net, depth),
        printed=tuple(v for line in lines for v in (line.forward.sizes[depth], line.back[-1])),
        corrections=CORRECTIONS,
        problems=tuple(problems),
    )


def _through(
    names: Sequence[str], by_name: Mapping[str, Entry], net: Net, depth: int
) -> tuple[list[Line], list[Problem]]:
    lines, problems = [], []
    for name in names:
        entry = by_name[name]
        series = entry.series(options(entry))
        try:
            through = forward(series, net, reach(depth))
            lines.append(Line(entry=entry, forward=through, back=backward(series, net, depth)))
        except UserFunctionError as error:
            problems.append(Problem.of(f"{entry.label} could not be drawn", error))
    return lines, problems


def _ends(lines: Sequence[Line], depth: int) -> dict[str, tuple[float, float]]:
    """The ends of the four upright axes."""
    return {
        "signal": _decades([v for line in lines for v in line.forward.sizes[: depth + 1]]),
        "gradient": _decades([v for line in lines for v in line.back]),
        "centre": (-1.05, 1.05),
        "dead": (0.0, 1.03),
    }


def _decades(values: list[float]) -> tuple[float, float]:
    known = [v for v in values if 0 < v < math.inf] or [1.0]
    low = max(math.floor(math.log10(max(min(known), _LEAST)) + 1e-9), -46)
    high = min(math.ceil(math.log10(min(max(known), _GREATEST)) - 1e-9), 39)
    return 10.0 ** min(low, -1), 10.0 ** max(high, 1)


def _signals(depth: int, ends: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    both = {"layer": (0.0, float(depth)), **ends}
    return {f"{axis}_{end}": v for axis, pair in both.items() for end, v in zip(("low", "high"), pair, strict=True)}


def _quantities(line: Line, layer: int) -> dict[str, float]:
    size = line.forward.sizes[layer]
    return {
        "signal": size,
        "gradient": line.back[layer],
        "centre": line.forward.means[layer] / size if size else 0.0,
        "dead": line.forward.dead[layer],
    }


def _datasets(
    lines: Sequence[Line], depth: int, at: int, ends: Mapping[str, tuple[float, float]]
) -> dict[str, Columns]:
    below = lines[::-1]  # what was chosen first is drawn last, on top
    found = [_quantities(line, layer) for line in below for layer in range(depth + 1)]
    under = [_quantities(line, at) for line in lines]
    last = [_quantities(line, depth) for line in lines]
    low, high = ends["gradient"]
    limits = {name: least for name, least in LIMITS.items() if low < least < high}
    return {
        "layers": {
            "series": [line.entry.name for line in below for _ in range(depth + 1)],
            "hue": [line.entry.hue for line in below for _ in range(depth + 1)],
            "layer": list(range(depth + 1)) * len(below),
            **{name: [_drawable(one[name], name) for one in found] for name in ends},
        },
        "ends": {
            "label": [line.label for line in lines],
            "hue": [line.entry.hue for line in lines],
            **{f"{name}_label": _labels([one[name] for one in last], name, ends) for name in ends},
        },
        "cursor": {"layer": [at]},
        "reading": {
            "layer": [at] * len(lines),
            "hue": [line.entry.hue for line in lines],
            **{name: [_drawable(one[name], name) for one in under] for name in ends},
        },
        "limits": {
            "layer": [_free(lines, depth, least) for least in limits.values()],
            "gradient": list(limits.values()),
            "label": [f"{name} ends here" for name in limits],
        },
    }


def _free(lines: Sequence[Line], depth: int, height: float) -> float:
    """The layer, of three, at which words at this height, as wide as on a phone, are farthest from all lines."""

    def room(layer: float) -> float:
        sizes = [line.back[round(layer + step * depth)] for line in lines for step in (-0.34, -0.17, 0.0, 0.17, 0.34)]
        return min((abs(math.log10(size / height)) for size in sizes if 0 < size < math.inf), default=0.0)

    return max((0.37 * depth, 0.63 * depth, 0.5 * depth), key=room)


def _drawable(value: float, quantity: str) -> float | None:
    """A value that its axis can show; decades have no 0."""
    return value if math.isfinite(value) and (value > 0 or quantity in ("centre", "dead")) else None


def _labels(last: list[float], quantity: str, ends: Mapping[str, tuple[float, float]]) -> list[float]:
    """Heights of the labels at the ends of the lines, apart from each other."""
    low, high = ends[quantity]
    if quantity in ("centre", "dead"):
        return layout.spread(last, low, high)
    bottom, top = math.log10(low), math.log10(high)
    heights = [math.log10(v) if 0 < v < math.inf else top if v > 0 else bottom for v in last]
    return [10.0**height for height in layout.spread([min(max(h, bottom), top) for h in heights], bottom, top)]


def _readings(lines: Sequence[Line], at: int) -> Table:
    found = [(line, _quantities(line, at)) for line in lines]
    rows = tuple(
        (line.label, *(number(one[name], 3) for name in ("signal", "gradient", "centre")), _share(line, at))
        for line, one in found
    )
    title = f"After {at} {'layer' if at == 1 else 'layers'} forward, or as many back"
    return Table(title=title, columns=_HEADS, rows=rows, hues=tuple(line.entry.hue for line in lines))


_HEADS: Final = ("", "signal", "gradient", "mean", "dead")


def _share(line: Line, layer: int) -> str:
    return f"{number(100 * line.forward.dead[layer], 3)} %"


def _all_through(lines: Sequence[Line], depth: int) -> Table:
    rows = tuple(
        (
            line.label,
            number(line.forward.sizes[depth], 4),
            number(line.forward.means[depth], 4),
            number(line.forward.sizes[depth] ** 2 - line.forward.means[depth] ** 2, 4),
            number(line.back[-1], 4),
            _share(line, depth),
        )
        for line in lines
    )
    return Table(
        title=f"Through all {depth} layers",
        columns=("", "signal’s size", "its mean", "its variance", "gradient at the inputs", "dead units"),
        rows=rows,
        hues=tuple(line.entry.hue for line in lines),
        note="Size is the root mean square over 32 inputs and all units. All activations have the same weights and "
        "inputs. A unit is dead where its slope is 0 for all 32.",
    )


def _data(lines: Sequence[Line], depth: int) -> Table:
    def rows() -> tuple[tuple[str, ...], ...]:
        return tuple(
            (str(layer), *(number(v, 4) for line in lines for v in _quantities(line, layer).values()))
            for layer in range(depth + 1)
        )

    heads = [f"{line.label}, {name}" for line in lines for name in ("signal", "gradient", "mean", "dead")]
    return Table(title="Data of the charts", columns=("layers", *heads), fill=rows)


def _nothing(depth: int, problems: Sequence[Problem]) -> Result:
    """What is shown where the visitor's own activation is all that was asked for, and raised."""
    ends = {"signal": (0.1, 10.0), "gradient": (0.1, 10.0), "centre": (-1.05, 1.05), "dead": (0.0, 1.03)}
    return Result(
        datasets=_datasets([], depth, 0, ends),
        signals=_signals(depth, ends),
        reading="Nothing could be sent through these layers; the problem is named above.",
        readings=Table(title="", columns=_HEADS),
        problems=tuple(problems),
    )
