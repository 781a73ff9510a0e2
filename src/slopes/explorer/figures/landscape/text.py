"""What the landscape figure says: how far each path gets, the formulas, the Python."""

from __future__ import annotations

import math
from typing import Final

from slopes.explorer.figures.landscape.charts import ACROSS, UP
from slopes.explorer.figures.landscape.descent import Path
from slopes.explorer.figures.landscape.model import Loss, Task
from slopes.explorer.figures.landscape.surface import Surface
from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.result import Correction, Formula
from slopes.explorer.figures.wording import latex_number, listed, number

_THERE: Final = 0.01  # of a parameter: less than one sees on the chart
_CLOSE: Final = 0.3  # likewise: hardly more than the mark of the lowest point
_FAR: Final = 3.0  # times a gradient is larger than the other before it is worth a word


def reading(name: str, task: Task, paths: list[Path], lands: list[Surface]) -> str:
    """Return how the gradients compare at the start, and how far each path gets."""
    start = _start(task, paths)
    ends = "; ".join(_end(loss, path, land) for loss, path, land in zip(task.losses, paths, lands, strict=True))
    steps = len(paths[0].losses) - 1
    said = f"{start} After {steps} {'step' if steps == 1 else 'steps'} {ends}."
    if name == "neuron":
        right = [_right(task, path) for path in paths]
        return f"{said} The neuron is right about {right[0]} and {right[1]} of the {len(task.y)} points."
    weights = [f"{number(land.lowest[0], 3)} under {loss.label}" for loss, land in zip(task.losses, lands, strict=True)]
    return f"{said} The best w is {listed(weights)}; without the outlier it would be about 2."


def _start(task: Task, paths: list[Path]) -> str:
    sizes = [path.norms[0] for path in paths]
    said = [f"{number(size, 2)} under {loss.label}" for loss, size in zip(task.losses, sizes, strict=True)]
    times = ""
    if 0 < _FAR * sizes[0] < sizes[-1] < math.inf:
        times = f", {number(sizes[-1] / sizes[0], 2)} times as much"
    return f"At the start the gradient’s size is {listed(said)}{times}."


def _end(loss: Loss, path: Path, land: Surface) -> str:
    w, b = path.places[-1].tolist()
    if not (math.isfinite(w) and math.isfinite(b)) or max(abs(w) / ACROSS, abs(b) / UP) > 10:  # noqa: PLR2004  far off
        return f"{loss.label} has overshot and left the chart for good, the step being too large for its slope"
    distance = math.dist((w, b), land.lowest)
    moved = math.dist(path.places[0].tolist(), (w, b))
    if abs(w) > ACROSS or abs(b) > UP:
        return f"{loss.label} has left the chart, {number(distance, 2)} from its lowest point"
    if distance < _THERE:
        return f"{loss.label} is at its lowest point"
    if distance < _CLOSE:
        return f"{loss.label} is within {number(distance, 2)} of its lowest point"
    if moved < _CLOSE:
        return f"{loss.label} has hardly moved, {number(distance, 2)} from its lowest point"
    return f"{loss.label} is still {number(distance, 2)} from its lowest point"


def _right(task: Task, path: Path) -> int:
    return int(((task.predictions(path.places[-1]) > 0) == (task.y > 0)).sum())


def formulas(name: str, task: Task, paths: list[Path]) -> tuple[Formula, ...]:
    """Return what each loss hands back for the watched point, and the first step."""
    at = task.watched
    w, b = paths[0].places[0].tolist()
    x, y = task.x[at].item(), task.y[at].item()
    said = rf"z = w x + b = {_in(w)} \cdot {_in(x)} {'+' if b >= 0 else '-'} {latex_number(abs(b), 3)}"
    z = task.predictions(paths[0].places[0])[at]
    label = f"The {'point' if name == 'neuron' else 'outlier'} ({number(x)}, {number(y)})"
    lines = [Formula(label=label, mathml=mathml(rf"{said} = {latex_number(z.item(), 4)}"))]
    for loss, path in zip(task.losses, paths, strict=True):
        _, slope = loss.each(z[None], task.y[at : at + 1])
        form = _SLOPES.get((name == "neuron", loss.label), "")
        first = ",\\ ".join(latex_number(v, 3) for v in path.gradients[0].tolist())
        mean = r"\left(\frac{\partial \bar\ell}{\partial w},\ \frac{\partial \bar\ell}{\partial b}\right)"
        both = (
            rf"\frac{{\partial \ell}}{{\partial z}} = {form}{latex_number(slope.item(), 3)}",
            rf"{mean} = ({first})",
        )
        label = f"{loss.label}: what that point hands back, and the gradient at the start"
        lines += [Formula(label=label, mathml=mathml(latex), hue=loss.hue) for latex in both]
    return tuple(lines)


_SLOPES: Final = {
    (True, "MSE"): r"2 (p - y)\, p (1 - p) = ",
    (True, "BCE"): r"p - y = ",
    (False, "MSE"): r"2 (z - y) = ",
    (False, "MAE"): r"\mathrm{sign}(z - y) = ",
    (False, "Huber"): r"\max(-\delta, \min(\delta, z - y)) = ",
}


def _in(value: float) -> str:
    said = latex_number(value, 3)
    return f"({said})" if value < 0 else said


def snippet(task: Task, start: tuple[float, float], optimiser: str, rate: float, steps: int, own: str) -> str:
    """Return Python that prints where each path ends, and its loss there."""
    made = {
        "sgd": f"torch.optim.SGD([p], lr={rate!r})",
        "momentum": f"torch.optim.SGD([p], lr={rate!r}, momentum=0.9)",
        "adam": f"torch.optim.Adam([p], lr={rate!r})",
    }[optimiser]
    calls = "\n".join(f"    print(*descend(lambda z: {loss.python}))" for loss in task.losses)
    load = f"from slopes.explorer.yours import load\n\nyours = load({own!r})\n" if "yours" in calls and own else ""
    return _SNIPPET.format(
        load=load, x=task.x.tolist(), y=task.y.tolist(), start=list(start), made=made, steps=steps, calls=calls
    )


_SNIPPET: Final = """\
import torch
import slopes
from slopes import activations as A, losses as L
{load}
x = torch.tensor({x}, dtype=torch.float64)
y = torch.tensor({y}, dtype=torch.float64)


def descend(loss):
    p = torch.tensor({start}, dtype=torch.float64, requires_grad=True)
    optimiser = {made}
    for _ in range({steps}):
        optimiser.zero_grad()
        loss(p[0] * x + p[1]).backward()
        optimiser.step()
    return *p.tolist(), loss(p[0] * x + p[1]).item()


with slopes.exact():
{calls}
"""


def corrections(name: str) -> tuple[Correction, ...]:
    """Return what is told otherwise about this task."""
    return (_PLATEAU,) if name == "neuron" else (_CONSTANT,)


_PLATEAU: Final = Correction(
    stated="Squared error fails for classification because its loss is too small.",
    holds="A factor on the loss is a factor on the step size, and mends nothing. What stops the path is p (1 − p), "
    "which differs from point to point and is least where the answer is most wrong.",
)
_CONSTANT: Final = Correction(
    stated="The terrain of absolute error has the same steepness everywhere.",
    holds="That holds for one data point. Over many the signs partly cancel: the mean is made of flat facets, steep "
    "outside and gentle near the bottom, which steps of a fixed size hop across.",
)
