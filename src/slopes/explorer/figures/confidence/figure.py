"""Three classes and one slider: how certain the model is, and what two losses make of it."""

from __future__ import annotations

from typing import Final

import torch

from slopes._core.errors import UserFunctionError
from slopes.explorer.figures.confidence.model import DIAGONAL, HIGHEST, LOWEST, NAMES, Taught, logits, sweep, teach
from slopes.explorer.figures.confidence.text import formulas, reading, snippet
from slopes.explorer.figures.confidence.worked import corrections, worked
from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.parameters import Choice, Number, Option
from slopes.explorer.figures.result import Columns, Problem, Result, Table
from slopes.explorer.figures.state import State, real, word
from slopes.explorer.figures.wording import number
from slopes.explorer.yours.guarded import GuardedLoss
from slopes.shown import layout

_ODDS: Final = Number(
    name="odds",
    label="How certain of cat",
    symbol=r"\ln\frac{p}{1 - p}",
    low=LOWEST,
    high=HIGHEST,
    step=0.1,
    default=-6.0,
    help="The log-odds of the right class: below 0 the model is wrong, and the lower the more certain.",
)
_SHARE: Final = Number(
    name="share",
    label="Fox's share of what cat does not get",
    low=0.001,
    high=0.5,
    step=0.001,
    default=0.02,
    more=True,
    help="The rest goes to dog.",
)
_OVER: Final = Choice(
    name="mse",
    label="MSE is",
    options=(
        Option(value="sum", label="the sum over the classes"),
        Option(value="mean", label="the mean over the classes"),
    ),
    default="sum",
    more=True,
)
_PRESETS: Final = (
    Preset(label="Wrong and certain", state={}),
    Preset(label="Wrong beyond doubt", state={"odds": -12.0}),
    Preset(label="A worked example: (0.2, 0.5, 0.3)", state={"odds": -1.386294, "share": 0.375}),
    Preset(label="Undecided", state={"odds": -0.693147, "share": 0.5}),
    Preset(label="Right and certain", state={"odds": 6.0}),
)


def build(context: Context) -> Figure:
    """Return the figure, with the visitor's own loss of the probabilities where there is one."""
    return Figure(
        id="confidence",
        parameters=(_ODDS, _SHARE, _OVER),
        presets=_PRESETS,
        compute=lambda state: _guarded(state, context.loss, context.problems),
        cursor="odds",
        cursor_on=("value", "slope"),
    )


def _guarded(state: State, loss: GuardedLoss | None, problems: tuple[Problem, ...]) -> Result:
    try:
        return _compute(state, loss, problems)
    except UserFunctionError as error:
        problem = Problem.of("Your loss could not be drawn", error)
        return _compute(state, None, (*problems, problem))


def _compute(state: State, loss: GuardedLoss | None, problems: tuple[Problem, ...]) -> Result:
    odds, share, mean = real(state, "odds"), real(state, "share"), word(state, "mse") == "mean"
    z = logits(torch.tensor([odds], dtype=torch.float64), share)
    now = teach(z, mean=mean, loss=loss)
    places, along = sweep(share, mean=mean, loss=loss)
    signals = _signals(along, now)
    ours = list(now.methods.values())[:3]
    printed = [v for m in ours[:2] for v in (m.loss[0].item(), *m.gradient[0].tolist())]
    return Result(
        datasets={**_lines(places, along, signals), **_points(odds, now, signals)},
        signals=signals,
        reading=reading(now),
        readings=_readings(now),
        tables=(worked(), _data(places, along)),
        formulas=formulas(now, mean=mean),
        snippet=snippet(z[0].tolist(), mean=mean),
        printed=(*printed, *ours[2].gradient[0].tolist()),
        corrections=corrections(),
        problems=problems,
    )


def _signals(along: Taught, now: Taught) -> dict[str, float]:
    values = [end for m in along.methods.values() for end in _ends(m.loss)]
    slopes = [end for m in along.methods.values() for end in _ends(m.gradient[:, 0])]
    bars = [-1.0, 1.0, *(v for m in now.methods.values() for v in m.gradient[0].tolist())]
    signals = {"x_low": LOWEST, "x_high": HIGHEST}
    for axis, heights in (("value", values), ("slope", slopes), ("bar", bars)):
        signals[f"{axis}_low"], signals[f"{axis}_high"] = layout.axis(list(heights))
    return signals


def _lines(places: torch.Tensor, along: Taught, signals: dict[str, float]) -> dict[str, Columns]:
    drawn = [m for m in along.methods.values() if m.label != DIAGONAL]
    part = along.methods[DIAGONAL]
    every = [*drawn, part]
    ends = {
        "value": [m.loss[-1].item() for m in drawn],
        "slope": [m.gradient[-1, 0].item() for m in every],
    }
    return {
        "curves": {
            "series": [m.label for m in drawn for _ in places],
            "hue": [m.hue for m in drawn for _ in places],
            "x": places.repeat(len(drawn)).numpy(),
            "value": torch.cat([m.loss for m in drawn]).numpy(),
            "slope": torch.cat([m.gradient[:, 0] for m in drawn]).numpy(),
        },
        "partial": {
            "series": [part.label] * len(places),
            "hue": [part.hue] * len(places),
            "x": places.numpy(),
            "slope": part.gradient[:, 0].contiguous().numpy(),
        },
        **{
            f"{quantity}_ends": {
                "label": [m.label for m in every][: len(heights)],
                "hue": [m.hue for m in every][: len(heights)],
                "height": layout.spread(heights, signals[f"{quantity}_low"], signals[f"{quantity}_high"]),
            }
            for quantity, heights in ends.items()
        },
    }


def _points(odds: float, now: Taught, signals: dict[str, float]) -> dict[str, Columns]:
    every = list(now.methods.values())
    drawn = [m for m in every if m.label != DIAGONAL]
    room = 0.05 * (signals["bar_high"] - signals["bar_low"])
    cells = [(m, name, height) for m in every for name, height in zip(NAMES, m.gradient[0].tolist(), strict=True)]
    return {
        "cursor": {"x": [odds]},
        "value_now": {
            "x": [odds for _ in drawn],
            "value": [m.loss[0].item() for m in drawn],
            "hue": [m.hue for m in drawn],
        },
        "slope_now": {
            "x": [odds for _ in every],
            "slope": [m.gradient[0, 0].item() for m in every],
            "hue": [m.hue for m in every],
        },
        "bars": {
            "method": [m.label for m, _, _ in cells],
            "name": [name for _, name, _ in cells],
            "bar": [height for _, _, height in cells],
            "name_at": [-room if height > 0 else room for _, _, height in cells],
            "hue": [m.hue for m, _, _ in cells],
        },
    }


def _readings(now: Taught) -> Table:
    every = list(now.methods.values())
    rows = [
        (name, number(now.p[0, i].item(), 3), *(number(m.gradient[0, i].item(), 3) for m in every))
        for i, name in enumerate(NAMES)
    ]
    sums = (_sum(m.gradient[0]) for m in every)
    losses = ", ".join(f"{m.label} {number(m.loss[0].item(), 4)}" for m in every if m.label != DIAGONAL)
    return Table(
        title="Gradient at each logit",
        columns=("", "p", *(m.label for m in every)),
        rows=(*rows, ("sum", "1", *sums)),
        note=f"Loss: {losses}. A softmax only sees differences, so a true gradient sums to 0; the diagonal's need not.",
    )


def _sum(gradient: torch.Tensor) -> str:
    total = gradient.sum().item()
    return "0" if abs(total) < 1e-12 * gradient.abs().max().item() else number(total, 3)


def _data(places: torch.Tensor, along: Taught) -> Table:
    every = list(along.methods.values())
    whole = [m for m in every if m.label != DIAGONAL]

    def rows() -> tuple[tuple[str, ...], ...]:
        columns = [places, along.p[:, 0], *(m.loss for m in whole), *(m.gradient[:, 0] for m in every)]
        return tuple(tuple(number(v, 5) for v in row) for row in torch.stack(columns, -1)[::4].tolist())

    heads = [*(m.label for m in whole), *(f"{m.label}, gradient" for m in every)]
    return Table(title="Data of the charts", columns=("log-odds", "p of cat", *heads), fill=rows)


def _ends(values: torch.Tensor) -> tuple[float, float]:
    low, high = values.aminmax()
    return low.item(), high.item()
