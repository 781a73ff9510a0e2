"""What the activations figure says: a sentence on what is under the cursor, what was measured, the Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from slopes.explorer.figures.activations.entries import Drawn
from slopes.explorer.figures.activations.measured import End, Measured
from slopes.explorer.figures.wording import listed, number

_SATURATED: Final = 0.005  # ten layers of it leave 1e-23 of a gradient
_CENTRED: Final = 1e-5  # what the quadrature of the mean resolves
_NEAR_A_TURN: Final = 0.25
_MOST_INTERVALS: Final = 3

Slopes = list[tuple[float, str]]  # slope under the cursor and label of each line


def reading(at: float, drawn: Sequence[Drawn]) -> str:
    """Return one sentence on the slopes under the cursor, and on what they do to a gradient."""
    if not drawn:
        return "Nothing could be drawn; the reason stands above."
    turning = [d for d in drawn if 0 < abs(d.under[1]) < _SATURATED and _turns(d.measured, at)]
    slopes = [(d.under[1], d.entry.label) for d in drawn if d not in turning]
    parts = [_dead(slopes), _saturated(slopes), _turning(turning), _falling(slopes), _passing(slopes)]
    said = "; ".join(part for part in parts if part)
    return f"At x = {number(at, 4)}, {said or 'none of these slopes is a number'}."


def gap(at: float, shown: Sequence[Drawn]) -> str:
    """Return one sentence on how far the lines are from the first; `shown` are the differences."""
    first = shown[0].entry.label
    said = []
    for d in shown[1:]:
        points = zip(d.curve["value"], d.curve["x"], strict=True)
        worst, where = max((abs(v), x) for v, x in points if v is not None and x is not None)
        here = f"{d.entry.label} is {number(abs(d.under[0]), 3)} from {first}"
        said.append(f"{here} and never further than {number(worst, 3)}, at x = {number(where, 3)}")
    return f"At x = {number(at, 4)}, {'; '.join(said)}."


def _turns(found: Measured, at: float) -> bool:
    return any(end.at is not None and abs(end.at - at) < _NEAR_A_TURN for end in (found.low, found.high))


def _turning(drawn: Sequence[Drawn]) -> str:
    if not drawn:
        return ""
    names = listed([d.entry.label for d in drawn])
    return f"{names} {'turns' if len(drawn) == 1 else 'turn'} here, where the slope changes sign"


def _dead(slopes: Slopes) -> str:
    names = [label for slope, label in slopes if slope == 0]
    if not names:
        return ""
    if len(names) == 1:
        return f"{names[0]} has a slope of exactly 0: a unit that every input puts here learns no more"
    return f"{listed(names)} have slopes of exactly 0: units that every input puts here learn no more"


def _saturated(slopes: Slopes) -> str:
    found = sorted((abs(slope), label) for slope, label in slopes if 0 < abs(slope) < _SATURATED)
    if not found:
        return ""
    least, name = found[0]
    tail = f"ten such layers leave {number(least**10, 2)}" if least**10 else "ten such layers leave nothing"
    if len(found) == 1:
        return f"{name} is saturated and hands back {number(least, 3)} of the gradient ({tail})"
    names = listed([label for _, label in found])
    return f"{names} are saturated, {name} most: it hands back {number(least, 3)} of the gradient ({tail})"


def _falling(slopes: Slopes) -> str:
    found = [(slope, label) for slope, label in slopes if slope <= -_SATURATED]
    if not found:
        return ""
    if len(found) == 1:
        return f"{found[0][1]} falls with slope {number(found[0][0], 3)}, so the gradient changes sign"
    return f"{listed([label for _, label in found])} fall, so the gradient changes sign"


def _passing(slopes: Slopes) -> str:
    found = [(slope, label) for slope, label in slopes if slope >= _SATURATED]
    if not found:
        return ""
    (least, low), (most, high) = min(found), max(found)
    if len(found) == 1:
        return f"{high} hands back {'all' if most == 1 else number(most, 3)} of the gradient"
    if math.isclose(least, most, rel_tol=1e-9):
        return f"{listed([label for _, label in found])} hand back {number(most, 3)} of the gradient alike"
    ends = f"{high} hands back most of the gradient ({number(most, 3)}) and {low} least ({number(least, 3)})"
    return f"of those that rise, {ends}" if len(found) < len(slopes) else ends


def describe(found: Measured, cost: str | None) -> dict[str, str]:
    """Return what was measured, as words under their heads."""
    return {
        "Range": _range(found),
        "Lowest": _extreme(found.low),
        "Highest": _extreme(found.high),
        "Monotone": _monotone(found),
        "Smooth": _smooth(found),
        "Steepest slope": _steepest(found),
        "Mean output for x ~ N(0, 1)": _mean(found.mean),
        "Cost, ReLU = 1": cost or "being timed",
    }


def _range(found: Measured) -> str:
    if math.isnan(found.low.value):
        return "no number anywhere"
    left, right = "[" if found.low.attained else "(", "]" if found.high.attained else ")"
    said = f"{left}{number(found.low.value, 5)}, {number(found.high.value, 5)}{right}"
    if found.undefined:
        said += f"; not a number at x = {number(found.undefined[0], 4)}"
        said += f" and {len(found.undefined) - 1} more points" if len(found.undefined) > 1 else ""
    return said


def _extreme(end: End) -> str:
    if math.isinf(end.value) or math.isnan(end.value):
        return "none"
    if not end.attained:
        return f"approaches {number(end.value, 5)}"
    if end.at is None:
        return f"{number(end.value, 5)}, on a flat stretch"
    return f"{number(end.value, 5)} at x = {number(end.at, 5)}"


def _monotone(found: Measured) -> str:
    if not found.falls:
        return "never falls" if found.rises else "flat"
    if not found.rises:
        return "never rises"
    if len(found.falls) > _MOST_INTERVALS:
        return f"falls in {len(found.falls)} intervals"
    return "falls for " + listed([_interval(*ends) for ends in found.falls])


def _interval(low: float, high: float) -> str:
    if math.isinf(low):
        return f"x < {number(high, 5)}"
    if math.isinf(high):
        return f"x > {number(low, 5)}"
    return f"{number(low, 5)} < x < {number(high, 5)}"


def _smooth(found: Measured) -> str:
    if not found.breaks:
        return "no kink"
    shown = found.breaks[:_MOST_INTERVALS]
    said = [
        f"{b.quantity} jumps at {number(b.at, 5)} from {number(b.before, 4)} to {number(b.after, 4)}" for b in shown
    ]
    more = len(found.breaks) - len(shown)
    return "; ".join(said) + (f"; and {more} more" if more else "")


def _steepest(found: Measured) -> str:
    slope, at = found.steepest
    if math.isinf(at):
        return f"approaches {number(slope, 5)} towards x = {number(at)}"
    if math.isnan(at):
        return f"{number(slope, 5)}, on a flat stretch"
    return f"{number(slope, 5)} at x = {number(at, 5)}"


def _mean(mean: float) -> str:
    return "0, centred" if abs(mean) < _CENTRED else number(mean, 4)


def snippet(at: float, drawn: Sequence[Drawn]) -> str:
    """Return Python that prints value and slope of each line under the cursor."""
    own = any(d.entry.spec is None and d.entry.reference for d in drawn)
    lines = ["import torch", "import slopes", "from slopes import activations as A"]
    if own:
        lines.append("from slopes.explorer.yours import load")
    lines += ["", f"x = torch.tensor({at!r}, dtype=torch.float64, requires_grad=True)", "with slopes.exact():"]
    for d in drawn:
        lines.append(f"    y = {_call(d)}")
        lines.append(f'    print("{d.entry.label}", y.item(), torch.autograd.grad(y, x)[0].item())')
    return "\n".join(lines) + "\n"


def _call(d: Drawn) -> str:
    if d.entry.spec:
        return f"A.{d.entry.spec.name}(x{''.join(f', {name}={value!r}' for name, value in d.options.items())})"
    return f"load({d.entry.reference!r})(x)" if d.entry.reference else f"{d.entry.label}(x)"
