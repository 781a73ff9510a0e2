"""A topic, a figure of it on its own function, and how far each of the topic is from exact."""

from __future__ import annotations

import math
from typing import Final

from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.parameters import Choice, Number, Option
from slopes.explorer.figures.result import Columns, Result
from slopes.explorer.figures.state import State, real, word
from slopes.explorer.figures.wording import number
from slopes.explorer.figures.worked_examples import text
from slopes.explorer.figures.worked_examples.charts import LEAST, LEFT, MOST
from slopes.explorer.figures.worked_examples.examples import EXAMPLES, differences, lines, points, python, rooms, worst
from slopes.explorer.figures.worked_examples.examples import exact as numbers
from slopes.explorer.figures.worked_examples.table import ALL, FAILING, TOPICS, Row, of_topic, rows
from slopes.explorer.figures.worked_examples.views import at_point
from slopes.shown import layout

_CROWDED: Final = 20  # rows, beyond which only those that do not hold are named
_NARROW: Final = 0.2  # of its height, which a line must span to be drawn from 0
_THICK: Final = 9.0  # of the bar of a row's room, in pixels
_BY_ID: Final = {row.id: row for row in rows()}

_TOPIC: Final = Choice(
    name="topic",
    label="Figures",
    options=tuple(Option(value=name, label=label) for name, label in TOPICS.items()),
    default=FAILING,
    help="Which of the figures the lower plate shows.",
)
_FIGURE: Final = tuple(
    Choice(
        name=topic,
        label="Look closely at",
        options=tuple(
            Option(value=row.id, label=row.label, group=TOPICS[row.topic] if topic == ALL else "")
            for row in of_topic(topic)
        ),
        default="bce-spam-gradient" if topic == FAILING else of_topic(topic)[0].id,
        belongs_to=(topic,),
        help="The figure that the upper plates draw on its own function.",
    )
    for topic in TOPICS
)
_AT: Final = Number(
    name="at",
    label="Read the lines at",
    low=min(figure.view.low for figure in EXAMPLES.values()),
    high=max(figure.view.high for figure in EXAMPLES.values()),
    step=0.01,
    default=0.0,
    within=("x_low", "x_high"),
    help="It also follows the pointer over the upper plates.",
)
_PRESETS: Final = (
    Preset(label="The ratio of something else", state={}),
    Preset(label="Rounded a step too early", state={FAILING: "focal-hard", "at": 0.1002}),
    Preset(label="Not on the curve", state={FAILING: "softmax-3-cold", "at": 1.0}),
    Preset(label="Two conventions", state={FAILING: "lesson-smoothed", "at": 0.2}),
    Preset(label="Four that hold at once", state={"topic": "regression", "regression": "houses-huber", "at": 100.0}),
    Preset(label="All sixty-three", state={"topic": ALL, ALL: "info-nce", "at": 0.0}),
)


def build(_: Context) -> Figure:
    """Return the figure."""
    return Figure(
        id="worked-examples",
        parameters=(_TOPIC, *_FIGURE, _AT),
        presets=_PRESETS,
        compute=_compute,
        cursor=_AT.name,
        cursor_on=("value", "slope"),
    )


def _compute(state: State) -> Result:
    topic = word(state, "topic")
    row = _BY_ID[word(state, topic)]
    signals = _signals(row, len(of_topic(topic)))
    at = real(state, _AT.name)
    x = _looked_at(row, at)
    under = at_point(EXAMPLES[row.id].view, x)
    return Result(
        datasets={**_close(row, signals), **_cursor(row, x, under), **_differences(of_topic(topic), row)},
        signals=signals,
        reading=text.reading(topic, row),
        readings=text.readings(row, x, under),
        tables=text.tables(topic, row),
        formulas=text.formulas(row),
        snippet=python(row.id),
        printed=numbers(row.id),
        corrections=text.corrections(topic, row),
        linked={} if x == at else {_AT.name: x},
    )


def _looked_at(row: Row, at: float) -> float:
    """Return where the cursor is: at the figure's first point where it lies beside the plates of another's axis."""
    view = EXAMPLES[row.id].view
    return at if view.low <= at <= view.high else view.marks[0].x


def _cursor(row: Row, x: float, under: list[tuple[float, float]]) -> dict[str, Columns]:
    return {
        "cursor": {"x": [x]},
        "reading": {
            "x": [x] * len(under),
            "value": [value for value, _ in under],
            "slope": [slope for _, slope in under],
            "hue": [line.hue for line in EXAMPLES[row.id].view.lines],
        },
    }


def _signals(row: Row, count: int) -> dict[str, float]:
    view = EXAMPLES[row.id].view
    signals = {"x_low": view.low, "x_high": view.high, "row_low": -0.7, "row_high": count - 0.3}
    for i, quantity in enumerate(("value", "slope")):
        drawn = [v for curve in lines(row.id) for v in getattr(curve, quantity).tolist()]
        marked = [point[i] for point in points(row.id)]
        stated = _stated(row, quantity)[quantity]
        signals[f"{quantity}_low"], signals[f"{quantity}_high"] = _ends([*drawn, *marked, *stated])
    return signals


def _ends(heights: list[float]) -> tuple[float, float]:
    """Return the ends of an axis with 0 on it, but not of lines that are looked at through a glass."""
    known = [v for v in heights if math.isfinite(v)]
    low, high = min(known), max(known)
    if high - low > _NARROW * max(abs(low), abs(high)) or low == high:
        return layout.axis(list(heights))
    air = 0.06 * (high - low)
    return low - air, high + air


def _close(row: Row, signals: dict[str, float]) -> dict[str, Columns]:
    view, drawn = EXAMPLES[row.id].view, lines(row.id)
    ends: Columns = {"label": [line.label for line in view.lines], "hue": [line.hue for line in view.lines]}
    for quantity in ("value", "slope"):
        low, high = signals[f"{quantity}_low"], signals[f"{quantity}_high"]
        ends[f"{quantity}_label"] = layout.spread([getattr(c, quantity)[-1].item() for c in drawn], low, high)
    return {
        "curves": {
            "series": [i for i, curve in enumerate(drawn) for _ in range(len(curve.x))],
            "hue": [line.hue for line, curve in zip(view.lines, drawn, strict=True) for _ in range(len(curve.x))],
            "x": [x for curve in drawn for x in curve.x.tolist()],
            "value": [v for curve in drawn for v in curve.value.tolist()],
            "slope": [v for curve in drawn for v in curve.slope.tolist()],
        },
        "points": {
            "x": [mark.x for mark in view.marks],
            "value": [value for value, _ in points(row.id)],
            "slope": [slope for _, slope in points(row.id)],
            "hue": [view.lines[mark.line].hue for mark in view.marks],
        },
        **{f"{quantity}_stated": _stated(row, quantity) for quantity in ("value", "slope")},
        **{f"{quantity}_said": _said(row, quantity, signals) for quantity in ("value", "slope")},
        "ends": ends,
        "over": {"label": [view.over]},
    }


def _stated(row: Row, quantity: str) -> Columns:
    """Return the stated numbers that are values, or slopes, of the lines."""
    view = EXAMPLES[row.id].view
    pairs = zip(view.marks, row.stated, strict=True) if view.direct else ()
    mine = [(mark.x, float(stated)) for mark, stated in pairs if mark.slope == (quantity == "slope")]
    return {"x": [x for x, _ in mine], quantity: [v for _, v in mine]}


def _said(row: Row, quantity: str, signals: dict[str, float]) -> Columns:
    """Return the exact numbers as text, where they are the figure or what it is made of, none on another."""
    view = EXAMPLES[row.id].view
    pairs = [
        (mark.x, point[quantity == "slope"])
        for mark, point in zip(view.marks, points(row.id), strict=True)
        if not view.direct or mark.slope == (quantity == "slope")
    ]
    return {
        "x": [x for x, _ in pairs],
        f"{quantity}_label": _apart(pairs, signals[f"{quantity}_low"], signals[f"{quantity}_high"]),
        "label": [number(v, 4) for _, v in pairs],
        "left": [x > (view.low + view.high) / 2 for x, _ in pairs],
    }


def _apart(pairs: list[tuple[float, float]], low: float, high: float) -> list[float]:
    """Return the heights of labels, those at one x moved apart."""
    heights = [height for _, height in pairs]
    for x in {x for x, _ in pairs}:
        here = [i for i, pair in enumerate(pairs) if pair[0] == x]
        for i, height in zip(here, layout.spread([heights[i] for i in here], low, high), strict=True):
            heights[i] = height
    return heights


def _differences(chosen: tuple[Row, ...], row: Row) -> dict[str, Columns]:
    places = {each.id: len(chosen) - 1 - i for i, each in enumerate(chosen)}
    high = len(chosen) - 0.3
    named = [each for each in chosen if len(chosen) <= _CROWDED or not each.holds]
    heights = [float(places[each.id]) for each in named]
    return {
        "rooms": {
            "row": list(places.values()),
            "far": [LEFT] * len(chosen),
            "room": [_within(rooms(each)[worst(each)]) for each in chosen],
            "thick": [_THICK if len(chosen) <= _CROWDED else 3.0] * len(chosen),
        },
        "holding": _dots([each for each in chosen if each.holds], places),
        "failing": _dots([each for each in chosen if not each.holds], places),
        "chosen": {"row": [places[row.id]]},
        "names": {
            "label": [each.label for each in named],
            "label_row": layout.spread(heights, -0.7, high) if len(chosen) > _CROWDED else heights,
            "ink": ["chosen" if each is row else "holds" if each.holds else "fails" for each in named],
        },
    }


def _dots(some: list[Row], places: dict[str, int]) -> Columns:
    return {
        "row": [places[each.id] for each in some],
        "far": [_within(differences(each)[worst(each)]) for each in some],
    }


def _within(far: float) -> float:
    return min(max(far, LEAST), MOST)
