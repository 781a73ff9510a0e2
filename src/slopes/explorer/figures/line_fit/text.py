"""What the line-fit figure says: how far one point turns each line, the formulas with numbers, the Python."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Final

import numpy as np

from slopes.explorer.figures.line_fit.fit import fit
from slopes.explorer.figures.line_fit.fitted import COUNT, HEIGHTS, PLACES, Fitted
from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.residual_losses import YOURS, Kind, imports
from slopes.explorer.figures.result import Correction, Formula
from slopes.explorer.figures.wording import capital, latex_number, number

_STILL: Final = 0.03  # a turn too small to be seen
_NOTHING: Final = 5e-4  # a turn that three digits do not show
_NEARLY_HALF: Final = 0.4
_MIDDLE: Final = 0.5
_FAR: Final = 13.0  # from here on the outlier stands clear of the other points
_LEVER: Final = (40.0, 0.0)  # a place far out where the MAE follows


def reading(lines: Sequence[Fitted], x: float, y: float, *, gradient: bool) -> str:
    """Return how far the outlier turns the lines, how much of the gradient it holds, and what is special."""
    if not lines:
        return "No line could be fitted; the reason stands above."
    parts = [_turned(lines), _held(lines, x, y)]
    if gradient:
        parts.reverse()
    return " ".join(f"{part}." for part in (*parts, _remark(lines, x, y)) if part)


def _turned(lines: Sequence[Fitted]) -> str:
    most, least = max(lines, key=_turn), min(lines, key=_turn)
    if _turn(most) < _STILL:
        return _unturned(most, len(lines))
    said = f"One point of {COUNT} turns {_whose(most)} line from a slope of {number(most.without, 3)} to "
    said += number(most.slope, 3)
    if least is most:
        return said
    if _turn(least) < _NOTHING:
        return f"{said}, and leaves {_whose(least)} where it was"
    if _turn(least) < _STILL:
        return f"{said}, and {_whose(least)} by {number(_turn(least), 2)} only"
    return f"{said}; {_whose(least)} gives in least, from {number(least.without, 3)} to {number(least.slope, 3)}"


def _unturned(most: Fitted, count: int) -> str:
    if _turn(most) < _NOTHING:
        return f"The outlier leaves {_whose(most) if count == 1 else 'every'} line where it was"
    if count == 1:
        return f"The outlier turns {_whose(most)} line by no more than {number(_turn(most), 2)}"
    return f"The outlier turns no line by more than {number(_turn(most), 2)}: here all losses agree"


def _turn(f: Fitted) -> float:
    return abs(f.tilt)


def _held(lines: Sequence[Fitted], x: float, y: float) -> str:
    off = [f for f in lines if not _through(f, x, y)]
    if not off:
        return ""
    most, least = max(off, key=lambda f: f.share), min(off, key=lambda f: f.share)
    said = f"Under {most.kind.said} the outlier holds {number(100 * most.share, 3)} % of all gradient"
    if most.share > _NEARLY_HALF:
        said += f", nearly as much as the other {COUNT - 1} points together"
    return said if least is most else f"{said}, under {least.kind.said} {number(100 * least.share, 3)} %"


def _remark(lines: Sequence[Fitted], x: float, y: float) -> str:
    huber = next((f for f in lines if f.kind.name == "huber"), None)
    pinball = next((f for f in lines if f.kind.name == "quantile"), None)
    points = list(zip((*PLACES, x), (*HEIGHTS, y), strict=True))
    caught = [f for f in lines if _through(f, x, y) and _turn(f) >= _STILL]
    if caught:
        return f"{_capital(caught[0])} line goes right through the outlier: {_why(caught[0], y)}"
    if x >= _FAR and min(map(_turn, lines)) >= _STILL:
        return "So far out it has a long lever, and even a bounded pull turns the line"
    if huber and all(abs(huber.residual(*p)) <= huber.option for p in points):
        return f"No residual is beyond Huber's δ of {number(huber.option, 3)}, so it fits the line of the MSE"
    if pinball:
        residuals = [pinball.residual(*p) for p in points]
        below, on_it = sum(r > 0 for r in residuals), sum(r == 0 for r in residuals)
        tau = number(pinball.option, 3)
        return f"{_capital(pinball)} line at τ = {tau} has {below} of {COUNT} points below it and {on_it} on it"
    return ""


def _through(f: Fitted, x: float, y: float) -> bool:
    """Whether a kinked loss laid its line through the outlier, where its slope is any of an interval."""
    return f.kind.kinked and f.residual(x, y) == 0


def _why(f: Fitted, y: float) -> str:
    if f.kind.name == "quantile" and (f.option > _MIDDLE) == (y > max(HEIGHTS)):
        return f"a quantile as far out as {number(f.option, 3)} rests on the outermost points"
    return "where a loss has a kink, a line may rest on any point"


def _whose(f: Fitted) -> str:
    return f"{f.kind.said}'s"


def _capital(f: Fitted) -> str:
    return capital(_whose(f))


def formulas(lines: Sequence[Fitted], x: float, y: float) -> tuple[Formula, ...]:
    """Return each line, the mean loss that it has, and the gradient at the outlier, with the present numbers."""
    return tuple(
        Formula(label=f.kind.label, mathml=mathml(latex), hue=f.kind.hue) for f in lines for latex in _latex(f, x, y)
    )


def _latex(f: Fitted, x: float, y: float) -> tuple[str, str, str]:
    sign = "-" if f.intercept < 0 else "+"
    line = rf"\hat y = {latex_number(f.slope, 4)}\,x {sign} {latex_number(abs(f.intercept), 4)}"
    loss = rf"\frac{{1}}{{{COUNT}}} \sum_i \ell(\hat y_i - y_i) = {latex_number(f.loss, 4)}"
    r, slope = f.residual(x, y), latex_number(f.gradients[-1], 4)
    start = rf"\text{{outlier: }} \ell'({latex_number(r, 4)})"
    if f.kind.kinked and r == 0:
        return line, loss, rf"{start} = 0 \text{{ on the kink}}"
    return line, loss, " = ".join(part for part in (start, _slope(f, r), slope) if part)


def _slope(f: Fitted, r: float) -> str:
    at = latex_number(r, 4)
    match f.kind.name:
        case "mse":
            return rf"2 \cdot ({at})" if r < 0 else rf"2 \cdot {at}"
        case "mae":
            return rf"\operatorname{{sign}}({at})"
        case "huber" if abs(r) > f.option:
            return r"-\delta" if r < 0 else r"\delta"
        case "quantile":
            return r"-\tau" if r < 0 else r"1 - \tau"
        case _:
            return ""


def snippet(lines: Sequence[Fitted], x: float, y: float) -> str:
    """Return Python that fits the same lines by Newton's method, or through two points, and prints them."""
    own = any(f.kind.name == YOURS for f in lines)
    kinked = any(f.kind.kinked for f in lines)
    parts = [
        ("import itertools\n" if kinked else "") + imports([f.kind for f in lines]),
        "",
        f"x = torch.tensor({[*PLACES, x]}, dtype=torch.float64)",
        f"y = torch.tensor({[*HEIGHTS, y]}, dtype=torch.float64)",
        "\n",
    ]
    if any(not f.kind.kinked and f.kind.name != YOURS for f in lines):
        parts += [_NEWTON]
    if kinked:
        parts += [_THROUGH_TWO]
    if own:
        parts += [_GIVEN]
    parts += ["with slopes.exact():"]
    for f in lines:
        loss = "lambda line: " + f.kind.call("(line[0] * x + line[1])", "y", f.option)
        if f.kind.name == YOURS:
            call = f"given({loss}, {f.slope!r}, {f.intercept!r})"
        elif f.kind.kinked:
            call = f"through_two({loss})"
        else:
            call = f"newton({loss}, {f.slope:.2f}, {f.intercept:.2f})"
        parts.append(f"    {call}")
    return "\n".join(parts) + "\n"


_NEWTON: Final = '''\
def newton(loss, slope, intercept):
    """Newton's method, started close by."""
    line = torch.tensor([slope, intercept], dtype=torch.float64)
    for _ in range(9):
        curvature = torch.func.jacrev(torch.func.grad(loss))(line)
        line = line - torch.linalg.pinv(curvature) @ torch.func.grad(loss)(line)
    print(*line.tolist(), loss(line).item())

'''
_THROUGH_TWO: Final = '''\
def through_two(loss):
    """The best line through two of the points, which for a kinked loss is the best of all."""
    lines = []
    for i, j in itertools.combinations(range(len(x)), 2):
        if x[i] != x[j]:
            slope = (y[j] - y[i]) / (x[j] - x[i])
            lines.append(torch.stack([slope, y[i] - slope * x[i]]))
    best = min(lines, key=loss)
    print(*best.tolist(), loss(best).item())

'''
_GIVEN: Final = '''\
def given(loss, slope, intercept):
    """The line that the page shows."""
    line = torch.tensor([slope, intercept], dtype=torch.float64)
    print(*line.tolist(), loss(line).item())

'''


@lru_cache(maxsize=4)
def corrections(mae: Kind, huber: Kind) -> tuple[Correction, ...]:
    """Return what is told otherwise elsewhere."""
    x, y = np.array([[*PLACES, _LEVER[0]]]), np.array([[*HEIGHTS, _LEVER[1]]])
    slopes = [float(fit(partial(kind.at, option=1.0), x, y, kinked=kind.kinked).slope[0]) for kind in (mae, huber)]
    return (
        Correction(
            stated="MSE chases the outlier while MAE and Huber resist.",
            holds=f"They resist one that is far off in y. Far out in x, at ({number(_LEVER[0])}, {number(_LEVER[1])}), "
            f"the same points give the MAE's line a slope of {number(slopes[0], 2)} and Huber's one of "
            f"{number(slopes[1], 2)}: a bounded pull on a long lever is still strong. Only the data can tell whether "
            "such a point is wrong.",
        ),
    )
