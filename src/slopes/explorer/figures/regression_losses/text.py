"""What the regression-losses figure says: who pulls how hard, the formulas with numbers, the Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import Final

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.regression_losses.houses import HOUSES, Drawn, percent
from slopes.explorer.figures.residual_losses import imports, vector
from slopes.explorer.figures.result import Correction, Formula
from slopes.explorer.figures.wording import capital, latex_number, listed, number

_NOTES_DELTA: Final = 15.0  # the one that a note works its example with
_SQUARED: Final = frozenset({"mse", "huber"})  # in the square of y's unit
_PLAIN: Final = frozenset({"mae", "smooth_l1", "quantile"})  # in y's unit
_SMALLER: Final = 1000.0  # times smaller is the unit that a comparison is made in once more
_CLOSE: Final = 0.5  # nearer than this the MSE pulls less than the MAE


def reading(r: float, drawn: Sequence[Drawn]) -> str:
    """Return who pulls how hard at this residual, what is special there, and what the outlier gets."""
    if not drawn:
        return "Nothing could be drawn; the reason stands above."
    return " ".join(f"{part}." for part in (_pulls(r, drawn), _remark(r, drawn), _outlier(drawn)) if part)


def _pulls(r: float, drawn: Sequence[Drawn]) -> str:
    at = f"At r = {number(r, 4)}"
    found = [(abs(d.under[1]), d.kind.said) for d in drawn if math.isfinite(d.under[1])]
    groups = [(pull, [said for _, said in same]) for pull, same in groupby(sorted(found, reverse=True), _rounded)]
    if not groups:
        return f"{at} no slope is a number"
    top, first = groups[0]
    if top == 0:
        return f"{at} nothing pulls: every slope drawn is 0"
    if len(groups) == 1:
        return f"{at} {listed(first)} {'pull alike,' if len(first) > 1 else 'pulls'} with {number(top, 3)}"
    less = [f"{number(top / pull, 3)} times as hard as {listed(names)}" for pull, names in groups[1:] if pull]
    none = [f"{listed(names)} not at all" for pull, names in groups[1:] if not pull]
    verb = "pulls" if len(first) == 1 else "pull"
    return f"{at} {listed(first)} {verb} {listed(less)}{', ' if less and none else ''}{'; '.join(none)}"


def _rounded(pull: tuple[float, str]) -> float:
    return float(f"{pull[0]:.9g}")


def _remark(r: float, drawn: Sequence[Drawn]) -> str:
    by_name = {d.kind.name: d for d in drawn}
    huber, smooth, pinball = (by_name.get(name) for name in ("huber", "smooth_l1", "quantile"))
    if huber and smooth:
        return _compared(huber.option, smooth.option)
    if {"mae", "mse"} <= set(by_name) and 0 < abs(r) < _CLOSE:
        return "However close the target is, the MAE pulls with 1 and steps over it; the MSE's pull fades, and settles"
    if huber:
        delta = number(huber.option, 3)
        if abs(r) > huber.option:
            return f"Beyond its δ of {delta} Huber's pull stays at {delta}, however far off the prediction is"
        return f"Up to its δ of {delta} Huber is ½r², and pulls half as hard as the MSE"
    if pinball:
        return _tilted(pinball.option)
    return ""


def _compared(delta: float, beta: float) -> str:
    if delta == beta == 1:
        return "At 1, and nowhere else, Huber and smooth L1 are the same function"
    if delta == beta:
        return f"With δ = β = {number(delta, 3)} Huber is {number(delta, 3)} times smooth L1, value and slope"
    return f"Far out Huber pulls with its δ, {number(delta, 3)}; smooth L1 with 1, whatever its β"


def _tilted(tau: float) -> str:
    low, high = tau, 1 - tau
    if math.isclose(low, high):
        return "At τ = 0.5 the pinball loss is half of the MAE, and its best constant is a median"
    harder, softer = ("low", "high") if low > high else ("high", "low")
    times = number(max(low, high) / min(low, high), 3)
    return (
        f"The pinball loss makes a prediction that is too {harder} {times} times as dear as one too {softer}, "
        f"so {number(100 * tau, 3)} % of the targets end up below it"
    )


def _outlier(drawn: Sequence[Drawn]) -> str:
    shares = [(d.houses.shares("slope")[2], d.kind.said) for d in drawn]
    known = [(share, said) for share, said in shares if math.isfinite(share)]
    if not known:
        return ""
    (least, low), (most, high) = min(known), max(known)
    start = f"Of the three houses, C takes {percent(most)} of"
    if math.isclose(least, most, rel_tol=1e-9):
        return f"{start} {high}'s gradient" if len(known) == 1 else f"{start} the gradient, whichever loss of these"
    return f"{start} {high}'s gradient and {percent(least)} of {low}'s"


def units(r: float, drawn: Sequence[Drawn]) -> str:
    """Return in what unit each loss and its pull are, and how they compare here where y has another unit."""
    squared = [d for d in drawn if d.kind.name in _SQUARED]
    plain = [d for d in drawn if d.kind.name in _PLAIN]
    if not squared or not plain:
        same = len(squared) + len(plain)
        return "All of these are in one unit, so they compare alike whatever y is measured in." if same > 1 else ""
    first, second = squared[0], plain[0]
    many, more = len(squared) > 1, len(plain) > 1
    said = (
        f"{capital(listed([d.kind.said for d in squared]))} {'are' if many else 'is'} in the square of y's unit, "
        f"{'their pulls' if many else 'its pull'} in the unit; {listed([d.kind.said for d in plain])} "
        f"{'are' if more else 'is'} in the unit, {'their pulls' if more else 'its pull'} in none. So how they compare "
        "depends on the unit"
    )
    here, there = (_times(first, second, r * unit, unit) for unit in (1.0, _SMALLER))
    if here == 0:
        return f"{said}."
    bends = [sign for name, sign in (("huber", "δ"), ("smooth_l1", "β")) if name in {first.kind.name, second.kind.name}]
    beside = f", {listed(bends)} likewise" if bends else ""
    return (
        f"{said}: here {first.kind.said}'s pull is {number(here, 3)} times {second.kind.said}'s, and with y in a unit "
        f"{number(_SMALLER)} times smaller (r = {number(_SMALLER * r, 4)}{beside}) {number(there, 3)} times."
    )


def _times(first: Drawn, second: Drawn, r: float, unit: float) -> float:
    """Return how many times as hard the first pulls as the second, with what is measured in y's unit in another."""

    def pull(d: Drawn) -> float:
        option = d.option * unit if d.kind.option in {"delta", "beta"} else d.option
        _, slope = d.kind.at(vector(r), vector(0.0), option)
        return abs(slope.item())

    return pull(first) / pull(second) if pull(second) else 0.0


def formulas(r: float, drawn: Sequence[Drawn]) -> tuple[Formula, ...]:
    """Return the formula of each loss and of its slope, in the branch that holds, with the present numbers."""
    return tuple(
        Formula(label=d.kind.label, mathml=mathml(latex), hue=d.kind.hue) for d in drawn for latex in _latex(r, d)
    )


def _latex(r: float, d: Drawn) -> tuple[str, ...]:
    at, option = latex_number(r, 4), latex_number(d.option, 4)
    squared = f"({at})^2" if r < 0 else f"{at}^2"
    value, slope = (latex_number(v, 6) for v in d.under)
    sign = r"\operatorname{sign}(r)"
    beyond = abs(r) > d.option
    match d.kind.name:
        case "mse":
            sides = rf"r^2 = {squared}", rf"2r = 2 \cdot {_grouped(at)}"
        case "mae":
            sides = rf"\left|r\right| = \left|{at}\right|", sign
        case "huber" if beyond:
            sides = (
                rf"\delta\,(\left|r\right| - \tfrac12\delta) = {option}\,(\left|{at}\right| - \tfrac12 \cdot {option})",
                rf"\delta\,{sign}",
            )
        case "huber":
            sides = rf"\tfrac12 r^2 = \tfrac12 \cdot {squared}", "r"
        case "smooth_l1" if beyond:
            sides = rf"\left|r\right| - \tfrac12\beta = \left|{at}\right| - \tfrac12 \cdot {option}", sign
        case "smooth_l1":
            sides = rf"\frac{{r^2}}{{2\beta}} = \frac{{{squared}}}{{2 \cdot {option}}}", r"\frac{r}{\beta}"
        case "quantile" if r < 0:
            sides = rf"-\tau r = -{option} \cdot {_grouped(at)}", r"-\tau"
        case "quantile":
            sides = rf"(1 - \tau)\,r = (1 - {option}) \cdot {at}", r"1 - \tau" if r else "0"
        case _:
            return ()
    return rf"\ell(r) = {sides[0]} = {value}", rf"\ell'(r) = {sides[1]} = {slope}"


def _grouped(latex: str) -> str:
    return f"({latex})" if latex.startswith("-") else latex


def snippet(r: float, drawn: Sequence[Drawn]) -> str:
    """Return Python that prints value and slope at the residual, and the mean over the houses, of each loss."""
    lines = [
        imports([d.kind for d in drawn]),
        "",
        f"r = torch.tensor([{r!r}], dtype=torch.float64, requires_grad=True)",
        "zero = torch.zeros(1, dtype=torch.float64)",
        f"predicted = torch.tensor({[h.predicted for h in HOUSES]}, dtype=torch.float64)",
        f"price = torch.tensor({[h.price for h in HOUSES]}, dtype=torch.float64)",
        "with slopes.exact():",
    ]
    for d in drawn:
        lines.append(f"    loss = {d.kind.call('r', 'zero', d.option)}")
        houses = d.kind.call("predicted", "price", d.option)
        lines.append(f"    print(loss.item(), torch.autograd.grad(loss, r)[0].item(), {houses}.item())")
    return "\n".join(lines) + "\n"


@lru_cache(maxsize=1)
def corrections() -> tuple[Correction, ...]:
    """Return what is told otherwise elsewhere."""
    with slopes.exact():
        r, zero = vector(220.0), vector(0.0)
        squared, huber = L.mse(r, zero).item(), L.huber(r, zero, delta=_NOTES_DELTA).item()
        three, target = vector(3.0), vector(0.0)
        mse, half = L.mse(three, target).item(), L.huber(three, target, delta=1e9).item()
        tilted, absolute = L.quantile(three[:, None], target, [0.5]).item(), L.mae(three, target).item()
    whole, fair = percent(1 - huber / squared), percent(1 - huber / (squared / 2))
    return (
        Correction(
            stated="MSE (½r²)",
            holds=f"The MSE is r², with slope 2r: {number(mse)} at r = 3. What ½r² draws, {number(half)} there, is "
            "Huber with a δ beyond all residuals. A learning rate makes up for the ½, a picture beside Huber does not: "
            "there the MSE is the steeper one from the start.",
        ),
        Correction(
            stated="Huber, also known as smooth L1.",
            holds="The same function at 1 only. Smooth L1 with β is Huber with δ = β, divided by β: far out one pulls "
            "with δ, the other always with 1.",
        ),
        Correction(
            stated="At q = 0.5 the quantile loss is MAE.",
            holds=f"It is half of it: {number(tilted)} against {number(absolute)} at r = 3. The best prediction, a "
            "median, is the same.",
        ),
        Correction(
            stated="Huber lowers house C's contribution by 93 %.",
            holds=f"From r² to Huber at δ = 15 it falls by {whole}, but a part of that is the ½: from ½r² it falls by "
            f"{fair}. And C still makes up most of the loss; what falls is its share of the gradient.",
        ),
    )
