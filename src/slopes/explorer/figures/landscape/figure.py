"""A landscape under two losses, a start to drag, and the same optimiser on both."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import slopes
from slopes._core.errors import UserFunctionError
from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure, Handle, Preset
from slopes.explorer.figures.landscape.charts import ACROSS, INPUTS, OUTPUTS, UP
from slopes.explorer.figures.landscape.descent import Path, descend
from slopes.explorer.figures.landscape.drawn import land, models, nothing, span, steps
from slopes.explorer.figures.landscape.model import Task, task
from slopes.explorer.figures.landscape.surface import Surface, surfaces
from slopes.explorer.figures.landscape.text import corrections, formulas, reading, snippet
from slopes.explorer.figures.parameters import Choice, Number, Option
from slopes.explorer.figures.result import Columns, Problem, Result, Table
from slopes.explorer.figures.state import State, real, word
from slopes.explorer.figures.wording import number
from slopes.shown import palette

_NAMES: Final = ("first", "second")
_TASKS: Final = (
    Option(value="neuron", label="a neuron that classifies: MSE, BCE"),
    Option(value="line-mae", label="a line with an outlier: MSE, MAE"),
    Option(value="line-huber", label="a line with an outlier: MSE, Huber"),
)
_OPTIMISER: Final = Choice(
    name="optimiser",
    label="Optimiser",
    options=(
        Option(value="sgd", label="gradient descent"),
        Option(value="momentum", label="with momentum 0.9"),
        Option(value="adam", label="Adam"),
    ),
    default="sgd",
)
_RATE: Final = Number(
    name="rate",
    label="Step size",
    symbol=r"\eta",
    low=0.001,
    high=30.0,
    step=0.01,
    default=1.0,
    log=True,
    help="What a gradient is multiplied by; Adam divides the gradient by its own size first.",
)
_STEPS: Final = Number(name="count", label="Steps", low=1.0, high=60.0, step=1.0, default=25.0)
_DELTA: Final = Number(
    name="delta",
    label="Where Huber bends",
    symbol=r"\delta",
    low=0.1,
    high=10.0,
    step=0.1,
    default=1.0,
    belongs_to=("line-huber",),
    help="Residuals beyond it hand back no more than it.",
)
_WEIGHT: Final = Number(
    name="w", label="Start, weight", symbol="w", low=-ACROSS, high=ACROSS, step=0.1, default=-6.0, more=True
)
_BIAS: Final = Number(name="b", label="Start, bias", symbol="b", low=-UP, high=UP, step=0.1, default=3.0, more=True)
_PRESETS: Final = (
    Preset(label="Confidently wrong", state={}),
    Preset(label="A fair start", state={"w": 0.0, "b": 3.0}),
    Preset(label="Adam, from plateau to plateau", state={"optimiser": "adam", "rate": 0.4}),
    Preset(label="A line with an outlier", state={"task": "line-mae", "rate": 0.25, "w": -1.0, "b": 2.5}),
    Preset(label="Too large a step", state={"task": "line-huber", "rate": 0.65, "w": -2.0, "b": 4.0}),
)


def build(context: Context) -> Figure:
    """Return the figure, with the visitor's own loss where there is one."""
    own = context.loss
    options = (*_TASKS, Option(value="yours", label=f"a line with an outlier: MSE, {own.name}")) if own else _TASKS
    choice = Choice(name="task", label="Model, and its two losses", options=options, default="neuron")
    return Figure(
        id="landscape",
        parameters=(choice, _OPTIMISER, _RATE, _STEPS, _DELTA, _WEIGHT, _BIAS),
        presets=_PRESETS,
        compute=lambda state: _compute(state, context),
        handles=tuple(
            Handle(chart=name, x="w", y="b", label=f"Start, under the {name} loss", hue=palette.INK) for name in _NAMES
        ),
    )


def _compute(state: State, context: Context) -> Result:
    name, start = word(state, "task"), (real(state, "w"), real(state, "b"))
    optimiser, rate, count = word(state, "optimiser"), real(state, "rate"), round(real(state, "count"))
    chosen, problems = task(name, real(state, "delta"), context.loss), []
    try:
        lands, paths = _walked(chosen, start, optimiser, rate, count)
    except UserFunctionError as error:
        problems.append(Problem.of(f"{chosen.losses[-1].label} could not be drawn", error))
        chosen = replace(chosen, losses=chosen.losses[:1])
        lands, paths = _walked(chosen, start, optimiser, rate, count)
    low, high = span(paths)
    with slopes.exact():
        shown = formulas(name, chosen, paths)
    return Result(
        datasets=_datasets(name, chosen, lands, paths, (low, high)),
        signals=_signals(name, count, low, high),
        reading=reading(name, chosen, paths, lands),
        readings=_readings(chosen, paths),
        tables=(_lowest(chosen, lands), _data(chosen, paths)),
        formulas=shown,
        snippet=snippet(chosen, start, optimiser, rate, count, context.loss_from),
        printed=tuple(v for path in paths for v in (*path.places[-1].tolist(), path.losses[-1])),
        corrections=corrections(name),
        problems=tuple(problems),
    )


def _walked(
    chosen: Task, start: tuple[float, float], optimiser: str, rate: float, count: int
) -> tuple[list[Surface], list[Path]]:
    lands = surfaces(chosen)
    with slopes.exact():
        return lands, descend(chosen, start, optimiser, rate, count)


def _datasets(
    name: str, chosen: Task, lands: list[Surface], paths: list[Path], ends: tuple[float, float]
) -> dict[str, Columns]:
    drawn = steps(chosen.losses, paths, *ends) | models(name, chosen, paths)
    for place, plate in enumerate(_NAMES):
        if place < len(paths):
            drawn |= land(plate, chosen.losses[place], paths[place], lands[place])
        else:
            drawn |= nothing(plate)
    return drawn


def _signals(name: str, count: int, low: float, high: float) -> dict[str, float]:
    least, most = OUTPUTS[name == "neuron"]
    return {
        "x_low": -ACROSS, "x_high": ACROSS, "y_low": -UP, "y_high": UP,
        "step_low": 0.0, "step_high": float(count), "v_low": low, "v_high": high,
        "input_low": INPUTS[0], "input_high": INPUTS[1], "out_low": least, "out_high": most,
    }  # fmt: skip


def _readings(chosen: Task, paths: list[Path]) -> Table:
    rows = tuple(
        (
            loss.label,
            number(path.norms[0], 3),
            f"({', '.join(number(v, 3) for v in path.places[-1].tolist())})",
            number(path.losses[-1], 4),
            number(path.norms[-1], 3),
        )
        for loss, path in zip(chosen.losses, paths, strict=True)
    )
    steps_taken = len(paths[0].losses) - 1
    return Table(
        title=f"The size of the gradient at the start, and after {steps_taken} steps",
        columns=("", "gradient", "then (w, b)", "loss", "gradient"),
        rows=rows,
        hues=tuple(loss.hue for loss in chosen.losses),
    )


def _lowest(chosen: Task, lands: list[Surface]) -> Table:
    rows = tuple(
        (loss.label, f"({', '.join(number(v, 5) for v in land.lowest)})", number(land.least, 5), number(land.high, 4))
        for loss, land in zip(chosen.losses, lands, strict=True)
    )
    return Table(
        title="The landscapes",
        columns=("", "lowest at (w, b)", "loss there", "highest drawn"),
        rows=rows,
        hues=tuple(loss.hue for loss in chosen.losses),
        note="Lowest within what is drawn. The loss is the mean over the twelve points.",
    )


def _data(chosen: Task, paths: list[Path]) -> Table:
    def rows() -> tuple[tuple[str, ...], ...]:
        return tuple(
            (
                str(step),
                *(
                    number(v, 5)
                    for path in paths
                    for v in (*path.places[step].tolist(), path.losses[step], path.norms[step])
                ),
            )
            for step in range(len(paths[0].losses))
        )

    heads = [f"{loss.label}{of}" for loss in chosen.losses for of in (", w", ", b", "", ", gradient")]
    return Table(title="The paths", columns=("step", *heads), fill=rows)
