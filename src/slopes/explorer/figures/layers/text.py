"""What the layers figure says: the line that layers compose to, the pieces of ReLUs, and what is not promised."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import torch

from slopes.explorer.figures.layers.model import ACTIVATIONS, Layers, by_count, folded, layers
from slopes.explorer.figures.layers.tasks import MOST, TO
from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.result import Correction, Formula
from slopes.explorer.figures.wording import latex_number, number

_MET: Final = 1e-9  # an error that is rounding
_FAR: Final = 6.0  # outside of what was fitted
_CALLS: Final = {
    "identity": "z",
    **{name: f"A.{name}(z)" for name in ACTIVATIONS if name != "identity"},
}


def reading(net: Layers) -> str:
    """Return what the two layers compose to, and how far that is from what is wanted."""
    if net.activation == "identity":
        slope, height = net.composed
        over = f"({net.task.over})" if "+" in net.task.over else net.task.over
        line = f"y = {number(slope, 4)} · {over}{_plus(height)}"
        return f"Without an activation the two layers are one line, {line}. {_best(net)}"
    label = ACTIVATIONS[net.activation][0]
    units = f"{net.count} {'unit' if net.count == 1 else 'units'}"
    if not net.straight:
        return f"With {label} between them, {units} make a smooth curve without pieces. {_missed(net)}"
    pieces = len(net.kinks) + 1
    most = "the most that" if pieces == net.count + 1 else f"{net.count + 1} being the most that"
    makes = "makes" if net.count == 1 else "make"
    said = f"With {label} between them, {units} {makes} {pieces} straight pieces, {most} {units} can"
    return f"{said}. {_missed(net)}"


def _best(net: Layers) -> str:
    if net.task.name == "xor":
        return "XOR wants 0, 1 and 0 at 0, 1 and 2, which lie on no line: no weights can mend that."
    error, at = net.worst
    place = f"{number(error, 3)}, at x = {number(at, 3)}"
    if net.task.inner:
        return f"These weights miss by up to {place}, and no line has the bends that are wanted."
    return f"That is the line of least squares, however many units, and it misses by up to {place}."


def _missed(net: Layers) -> str:
    error, at = net.worst
    if error < _MET:
        where = "at all four inputs" if net.task.points else "everywhere"
        return f"Their sum is what is wanted, exactly, {where}."
    place = f"{net.task.over} = {number(at, 3)}"
    if net.task.inner:
        return f"These weights are made for ReLU; here they miss by up to {number(error, 3)}, at {place}."
    return f"The best output layer misses the wave by up to {number(error, 3)}, at {place}."


def _plus(height: float) -> str:
    if abs(height) < _MET:
        return ""
    return f" {'+' if height > 0 else '−'} {number(abs(height), 4)}"


def formulas(net: Layers) -> tuple[Formula, ...]:
    """Return the two layers, and the one that they are without an activation, with the numbers put in."""
    slope, height = net.composed
    f = {"identity": ""}.get(net.activation, rf"\operatorname{{{net.activation.replace('_', ' ')}}}")
    outer, inner = (_row(values) for values in (net.outer, net.inner))
    collapsed = rf"W_2 W_1 = {latex_number(slope, 4)}, \quad W_2 b_1 + b_2 = {latex_number(height, 4)}"
    return (
        Formula(label="Two layers", mathml=mathml(rf"y = W_2\,{f}(W_1 x + b_1) + b_2")),
        Formula(label="Without an activation", mathml=mathml(collapsed)),
        Formula(label="First layer, W₁", mathml=mathml(inner)),
        Formula(label="Second layer, W₂", mathml=mathml(outer)),
    )


def _row(values: tuple[float, ...]) -> str:
    shown = values if len(values) <= 4 else values[:3]  # noqa: PLR2004  as many as a phone is wide; the table has all
    return "(" + r",\; ".join(latex_number(v, 3) for v in shown) + (r",\; \ldots" if shown != values else "") + ")"


def snippet(net: Layers, x: float) -> str:
    """Return Python that composes the same layers and prints the output at x, and the line that they collapse to."""
    return f"""\
import torch
import slopes
from slopes import activations as A

inner = torch.tensor({list(net.inner)}, dtype=torch.float64)
shift = torch.tensor({list(net.shift)}, dtype=torch.float64)
outer = torch.tensor({list(net.outer)}, dtype=torch.float64)
offset = {net.offset!r}
with slopes.exact():
    z = inner * {x!r} + shift
    print((outer @ {_CALLS[net.activation]}).item() + offset)
print((outer @ inner).item(), (outer @ shift).item() + offset)
"""


@lru_cache(maxsize=1)
def corrections() -> tuple[Correction, ...]:
    """Return what is told otherwise elsewhere."""
    best = by_count("relu")[-1]
    far = best.output(torch.tensor([_FAR], dtype=torch.float64)).item()
    wanted = best.task.target(torch.tensor(_FAR, dtype=torch.float64)).item()
    used, pieces = folded()
    one, all_of_them = (layers("wave", "relu", count).worst[0] for count in (1, MOST))
    return (
        Correction(
            stated="Universal approximation: a network with one hidden layer can learn any function.",
            holds="It says that weights exist that come as near as wanted to a continuous function on a bounded "
            "range, if there may be as many units as it takes. It names no number of units, does not say that "
            f"training finds the weights, and is silent outside the range: {MOST} ReLUs fitted up to {number(TO)} "
            f"are off by {number(all_of_them, 2)} at most there, and give {number(far, 3)} at {number(_FAR)}, where "
            f"the wave is {number(wanted, 3)}.",
        ),
        Correction(
            stated="More layers make a network more powerful, whatever stands between them.",
            holds="Linear layers make one line, be they two or two hundred. What stands between them is what depth "
            f"is worth something for: {used} ReLUs in one layer make at most {used + 1} pieces, in four layers of two "
            f"{pieces}.",
        ),
        Correction(
            stated="Any activation that is not linear will do.",
            holds="No polynomial will: a sum of squares of w·x + b is a parabola, however many are added. With ReLU "
            f"the error falls from {number(one, 2)} to {number(all_of_them, 2)} from one unit to {MOST}.",
        ),
    )
