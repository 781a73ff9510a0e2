"""What the one-weight figure says: where the step lands, the formulas with numbers, the Python."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.one_weight.model import (
    COUNT,
    HEIGHTS,
    HIGH,
    KINDS,
    LOW,
    PLACES,
    Step,
    at,
    curvature,
    rest,
    sides,
)
from slopes.explorer.figures.residual_losses import imports
from slopes.explorer.figures.result import Correction, Formula
from slopes.explorer.figures.wording import bracketed, capital, latex_number, number

_HERE: Final = 5e-5  # as near to the place of rest as the digits that are said
_ON_IT: Final = 1e-9  # a weight this near to a kink lies on it


def reading(step: Step) -> str:
    """Return what the loss and its slope are, where the step lands, and what that means."""
    said = f"At w = {number(step.w, 4)} {step.kind.said} is {number(step.loss, 4)}"
    if step.still:
        return f"{said} and its slope {number(step.slope, 2)}: the step goes nowhere any more. {_resting(step)}"
    said += f" and its slope {number(step.slope, 4)}, so the next step, "
    said += f"{'up' if step.to > step.w else 'down'} by {number(abs(step.to - step.w), 3)}, "
    return f"{said}lands at {number(step.to, 4)}, where it is {number(step.then, 4)}. {_verdict(step)}"


def _verdict(step: Step) -> str:
    if not LOW <= step.to <= HIGH:
        return f"That is off the chart: the step is too long.{_limit(step)}"
    if step.kind.kinked and abs(step.w - step.rest) < _ON_IT:
        return "This is the lowest place, a kink with no one slope; a step from it only leads away."
    if abs(step.to - step.rest) < _HERE:
        return f"That is the lowest place, {number(step.rest, 4)}."
    if (step.w - step.rest) * (step.to - step.rest) > 0:
        return f"The lowest place, {number(step.rest, 4)}, is still ahead."
    if step.then >= step.loss:
        return f"It leaps over the lowest place, {number(step.rest, 4)}, and ends no lower than before.{_limit(step)}"
    return f"It leaps over the lowest place, {number(step.rest, 4)}, and ends lower all the same."


def _limit(step: Step) -> str:
    if step.kind.name != "mse":
        return ""
    longest = f"2 / {number(curvature(), 3)} = {number(2 / curvature(), 3)}"
    return f" With these points a rate above {longest} diverges: each step is longer than the last."


def _resting(step: Step) -> str:
    other = KINDS["mae" if step.kind.name == "mse" else "mse"]
    return f"{capital(other.said)} of the same points comes to rest at {number(rest(other, 0.0)[0], 4)}."


def formulas(step: Step) -> tuple[Formula, ...]:
    """Return the loss, its slope and the step, with the present numbers."""
    lead = rf"\frac{{1}}{{{COUNT}}} \sum_i"
    value, slope = _each(step)
    name = "L(w)"
    w, by = latex_number(step.w, 4), latex_number(step.slope, 5)
    rate, to = latex_number(step.rate, 4), latex_number(step.to, 5)
    hue = step.kind.hue
    return (
        Formula(label="Loss", mathml=mathml(rf"{name} = {lead} {value} = {latex_number(step.loss, 5)}"), hue=hue),
        Formula(label="Slope", mathml=mathml(rf"\frac{{dL}}{{dw}} = {lead} {slope} = {by}"), hue=hue),
        Formula(
            label="Step",
            mathml=mathml(rf"w - \eta\,\frac{{dL}}{{dw}} = {w} - {rate} \cdot {bracketed(by)} = {to}"),
        ),
    )


def _each(step: Step) -> tuple[str, str]:
    residual = r"w x_i - y_i"
    match step.kind.name:
        case "mse":
            return rf"({residual})^2", rf"2 ({residual})\,x_i"
        case "mae":
            return rf"|{residual}|", rf"\operatorname{{sign}}({residual})\,x_i"
        case _:
            delta = latex_number(step.option, 3)
            return rf"\ell_{{{delta}}}({residual})", rf"\operatorname{{clip}}_{{{delta}}}({residual})\,x_i"


def snippet(step: Step) -> str:
    """Return Python that takes the same step and prints loss, slope and the weight after it."""
    call = step.kind.call("w * x", "y", step.option)
    return f"""\
{imports([step.kind])}

x = torch.tensor({list(PLACES)}, dtype=torch.float64)
y = torch.tensor({list(HEIGHTS)}, dtype=torch.float64)
w = torch.tensor({step.w!r}, dtype=torch.float64, requires_grad=True)
with slopes.exact():
    loss = {call}
    (slope,) = torch.autograd.grad(loss, w)
    print(loss.item(), slope.item(), (w - {step.rate!r} * slope).item())
"""


@lru_cache(maxsize=1)
def corrections() -> tuple[Correction, ...]:
    """Return what is told otherwise elsewhere."""
    mse, mae = KINDS["mse"], KINDS["mae"]
    (here, squared), (there, absolute) = rest(mse, 0.0), rest(mae, 0.0)
    left, right = sides(mae, 0.0)
    return (
        Correction(
            stated="With a small enough step, gradient descent comes to rest.",
            holds=f"Where the loss is smooth. The absolute loss has slopes of {number(left, 3)} and {number(right, 3)} "
            f"on the two sides of its lowest place, {number(there, 4)}, however near: a step of one length goes to and "
            "fro across it for ever, unless the learning rate is lowered.",
        ),
        Correction(
            stated="The model with the lower loss is the better one.",
            holds=f"Only by one and the same loss. The squared line has a MSE of {number(squared, 3)} and a MAE of "
            f"{number(at(mae, 0.0, here)[0], 3)}, the absolute one {number(at(mse, 0.0, there)[0], 3)} and "
            f"{number(absolute, 3)}: each wins by its own loss, and no number of one compares with one of the other.",
        ),
        Correction(
            stated="Training ends when the loss is 0.",
            holds=f"It ends where the slope is 0. No w predicts all six points: the least MSE is {number(squared, 4)}.",
        ),
    )
