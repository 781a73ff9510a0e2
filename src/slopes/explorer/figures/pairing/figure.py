"""A task, an output and a loss: what reaches the logit, beside what the matched pair would hand back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes._core.errors import UserFunctionError
from slopes.explorer.figures.context import Context
from slopes.explorer.figures.described import Described, described
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.pairing.drawn import datasets, signals
from slopes.explorer.figures.pairing.model import (
    HIGHEST,
    LOWEST,
    POINTS,
    STEPS,
    away,
    curves,
    refusals,
    respond,
    training,
    verdict,
)
from slopes.explorer.figures.pairing.pairs import (
    ACTIVATIONS,
    LOSSES,
    OWN,
    Activation,
    Loss,
    Pair,
    matched,
    own_pair,
    your_activation,
    your_loss,
)
from slopes.explorer.figures.pairing.tasks import BY_NAME, LINEAR, TASKS, Task
from slopes.explorer.figures.pairing.text import Seen, formulas, reading, snippet, words
from slopes.explorer.figures.parameters import Choice, Number, Option
from slopes.explorer.figures.result import Correction, Problem, Result, Table
from slopes.explorer.figures.state import State, StateError, real, word
from slopes.explorer.figures.wording import number
from slopes.shown import palette

_HUES: Final = palette.ANSWERS  # of the first target, which is the greater, and of the second

_TASK: Final = Choice(
    name="task",
    label="Task",
    options=tuple(Option(value=task.name, label=task.label) for task in TASKS),
    default="binary",
)
_Z: Final = Number(
    name="z",
    label="Read at the logit",
    symbol="z",
    low=LOWEST,
    high=HIGHEST,
    step=0.1,
    default=-6.0,
    help="The logit of the class, label, token or number that is looked at; it also follows the pointer.",
)
_PRESETS: Final = (
    Preset(label="MSE on a sigmoid", state={}),
    Preset(label="Matched", state={"activation": LINEAR, "loss": OWN}),
    Preset(label="Sigmoid twice", state={"activation": "sigmoid", "loss": "bce", "z": 6.0}),
    Preset(
        label="Softmax for labels that coexist", state={"task": "labels", "activation": LINEAR, "loss": "ce", "z": 6.0}
    ),
    Preset(label="ReLU before BCE", state={"activation": "relu", "loss": "bce"}),
    Preset(label="A linear output as a probability", state={"activation": LINEAR, "loss": "probabilities"}),
)


@dataclass(frozen=True)
class _Setting:
    """What can be chosen, with the visitor's own."""

    activations: dict[str, Activation]
    losses: dict[str, Loss]
    problems: tuple[Problem, ...]

    def pair(self, state: State) -> Pair:
        """Return the pair that a state chooses."""
        task = BY_NAME[word(state, "task")]
        loss = word(state, "loss")
        chosen = matched(task) if loss == OWN else self.losses[loss]
        return Pair(task, self.activations[word(state, "activation")], chosen)


def build(context: Context) -> Figure:
    """Return the figure, with the visitor's own activation or loss among the choices."""
    activations, losses = list(ACTIVATIONS), list(LOSSES)
    if context.activation:
        activations.append(your_activation(context.activation, context.activation_from))
    if context.loss:
        losses.append(your_loss(context.loss, context.loss_from))
    setting = _Setting({a.name: a for a in activations}, {loss.name: loss for loss in losses}, context.problems)
    output = Choice(
        name="activation",
        label="Output",
        options=tuple(Option(value=a.name, label=a.label) for a in activations),
        default="sigmoid",  # a mismatch, so that the page opens on what it claims
        help="What is applied to the logits before the loss.",
    )
    own = Option(value=OWN, label="the task's own")
    loss = Choice(
        name="loss",
        label="Loss",
        options=(own, *(Option(value=loss.name, label=loss.label) for loss in losses)),
        default="mse",
    )
    return Figure(
        id="pairing",
        parameters=(_TASK, output, loss, _Z),
        presets=_PRESETS,
        compute=lambda state: _guarded(state, setting),
        cursor="z",
        cursor_on=("value", "slope", "output"),
        check=_check,
    )


def _check(state: State) -> None:
    task = BY_NAME[word(state, "task")]
    if state["loss"] == "log" and min(task.goals) <= 0:
        least = number(min(task.goals), 2)
        text = f"The logarithm needs targets above 0; the task '{task.label}' has {least}. Choose another loss."
        raise StateError(text)


def _guarded(state: State, setting: _Setting) -> Result:
    pair = setting.pair(state)
    try:
        return _compute(real(state, "z"), pair, setting)
    except UserFunctionError as error:
        problem = Problem.of("Your function could not be drawn", error)
        return _compute(real(state, "z"), own_pair(pair.task), setting, (problem,))


def _compute(z: float, pair: Pair, setting: _Setting, problems: tuple[Problem, ...] = ()) -> Result:
    seen = _see(z, pair)
    ends = signals(pair)
    said = refusals(pair)
    return Result(
        datasets=datasets(seen, ends, _HUES),
        signals=ends,
        reading=reading(seen),
        readings=_readings(seen, words(pair, said)),
        tables=(_task(pair.task), _every(pair.task, setting, z, seen.row), _data(pair)),
        formulas=formulas(seen),
        snippet=snippet(seen, refused=bool(said)),
        printed=tuple(v for row in zip(*_numbers(seen), strict=True) for v in row),
        corrections=_corrections(),
        problems=(*setting.problems, *problems),
    )


def _see(z: float, pair: Pair) -> Seen:
    at, y = torch.tensor([z, z], dtype=torch.float64), pair.task.y
    found, best = respond(pair, at, y), respond(own_pair(pair.task), at, y)
    chosen, matched = training(pair)[:, -1].tolist(), training(own_pair(pair.task))[:, -1].tolist()
    return Seen(
        pair=pair,
        z=z,
        found=found,
        best=best,
        verdict=verdict(pair),
        leads_away=away(pair, found),
        ends=(chosen, matched),
    )


def _numbers(seen: Seen) -> tuple[list[float], list[float]]:
    return seen.found.value.tolist(), seen.found.slope.tolist()


def _readings(seen: Seen, note: str) -> Table:
    value, slope = _numbers(seen)
    kinds = (
        ("loss", value),
        ("gradient at the logit", slope),
        ("the matched pair's", seen.best.slope.tolist()),
        ("answer ŷ", seen.found.answer.tolist()),
        (f"ŷ after {STEPS} steps", seen.ends[0]),
        ("the matched pair's", seen.ends[1]),
    )
    rows = tuple((kind, *(_said(v, 4) for v in values)) for kind, values in kinds)
    if seen.pair.own:
        rows = tuple(row for row in rows if row[0] != "the matched pair's")
    return Table(title=f"At z = {number(seen.z, 4)}", columns=("", *seen.pair.task.said), rows=rows, note=note)


def _said(value: float, digits: int = 3) -> str:
    return "none" if math.isnan(value) else number(value, digits)


def _task(task: Task) -> Table:
    recipe = described(task.recipe)
    rows = (
        ("Recipe", f"slopes.recipes.{recipe.recipe}"),
        ("Head", recipe.head),
        ("Loss", matched(task).label),
        ("Answer", recipe.prediction),
        ("Calibration", recipe.calibration),
        ("Why", _why(recipe)),
    )
    return Table(title="The task's own pair", columns=("", task.label), rows=rows)


def _why(recipe: Described) -> str:
    """Return the recipe's reason for its pair; the others are about the numbers of some targets."""
    reasons = [because for _, because in recipe.reasons]
    return next((because for because in reasons if "gradient" in because), reasons[0])


def _every(task: Task, setting: _Setting, z: float, row: int) -> Table:
    """The gradient at this logit under every pair, as a share of the matched one."""
    losses = [loss for loss in setting.losses.values() if loss.name != "log" or min(task.goals) > 0]

    def cell(activation: Activation, loss: Loss) -> str:
        pair = Pair(task, activation, loss)
        at = torch.tensor([z, z], dtype=torch.float64)
        try:
            pull = respond(pair, at, task.y).slope[row].item()
            if pair.own:
                return f"{number(pull, 3)}, matched"
            refused = ", refused" if any("Error" in text for _, text in refusals(pair)) else ""
        except UserFunctionError:
            return "fails"
        return _said(pull) + refused

    def rows() -> tuple[tuple[str, ...], ...]:
        return tuple((a.label, *(cell(a, loss) for loss in losses)) for a in setting.activations.values())

    title = f"The gradient at this logit under every pair, {task.said[row]}"
    return Table(title=title, columns=("output", *(loss.label for loss in losses)), fill=rows)


def _data(pair: Pair) -> Table:
    def rows() -> tuple[tuple[str, ...], ...]:
        z, found = curves(pair)
        columns = [z, *(part[half] for part in (found.value, found.slope) for half in _halves()), found.answer[:POINTS]]
        return tuple(tuple(_said(v, 5) for v in row) for row in torch.stack(columns, -1)[::4].tolist())

    first, second = pair.task.said
    heads = ("z", f"loss, {first}", f"loss, {second}", f"gradient, {first}", f"gradient, {second}", "ŷ")
    return Table(title="Data of the charts", columns=heads, fill=rows)


def _halves() -> tuple[slice, slice]:
    return slice(0, POINTS), slice(POINTS, 2 * POINTS)


@lru_cache(maxsize=1)
def _corrections() -> tuple[Correction, ...]:
    with slopes.exact():
        target: Tensor = A.softmax(torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64))
    return (
        Correction(
            stated="The gradient of MSE flattens near p = 0 and p = 1.",
            holds="By the probability it is 2(p − y), and largest at the worst mistake. It is the sigmoid's slope "
            "p(1 − p), which it is multiplied by on the way to the logit, that flattens there.",
        ),
        Correction(
            stated="MSE on the logits chases a finish line that does not exist, since a softmax is never one-hot.",
            holds="The logits reach (1, 0, 0) exactly, and that is the trouble: there the softmax gives the right "
            f"class only {number(target[0].item(), 3)}, and every logit beyond is pushed back.",
        ),
        Correction(
            stated="A sigmoid before the loss only costs some numerical safety.",
            holds="Before a BCE of probabilities, yes. Before one that takes logits it is applied twice: the answers "
            f"stay between 0.5 and {number(_twice(), 3)}.",
        ),
    )


def _twice() -> float:
    with slopes.exact():
        return A.sigmoid(torch.ones((), dtype=torch.float64)).item()
