"""What the KL figure says: its reading, tables, formulas, snippet and corrections."""

from __future__ import annotations

import math
from typing import Final

from slopes.explorer.figures.kl.bumps import EDGE, POINTS, Fit, Fits, Moved, Target
from slopes.explorer.figures.kl.outcomes import NAMES, Pair, Weights
from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.result import Correction, Formula, Table
from slopes.explorer.figures.wording import latex_number, listed, number
from slopes.shown import palette

_HUES: Final = (palette.hue("kl_divergence"), palette.BLUE)
_EVERY: Final = 2  # of the points of the last chart, one in two stands in the table


CORRECTIONS: Final = (
    Correction(
        stated="Forward KL(p‖q) is what variational inference and the ELBO use.",
        holds="The ELBO minimises the reverse one, KL(q‖p) from the approximation q to the posterior p, which is why "
        "variational posteriors come out too narrow.",
    ),
    Correction(
        stated="KL((.7, .2, .1) ‖ (.5, .3, .2)) = 0.0853, and 0.0923 the other way.",
        holds="They are 0.0851 and 0.0920.",
    ),
    Correction(
        stated="Reverse KL locks onto one mode.",
        holds="Only when the modes are far apart: two equal bumps less than about 5.6 of their widths apart are "
        "covered by one Gaussian in this direction too.",
    ),
)


def reading(pair: Pair, target: Target, fits: Fits) -> str:
    """Return what the bars show, then what the bumps show."""
    return f"{_of_outcomes(pair)} {_of_bumps(target, fits)}"


def _of_outcomes(pair: Pair) -> str:
    missed, invented = _only(pair.p, pair.q), _only(pair.q, pair.p)
    if missed and invented:
        return (
            "Each rules out what the other holds possible, so both directions are infinite; the Jensen-Shannon "
            f"divergence is {number(pair.js, 3)} nats and can never be more than log 2 = 0.693."
        )
    if missed:
        return (
            f"q rules {listed(missed)} out and p does not, so KL(p‖q) is infinite; KL(q‖p), an average over q, does "
            f"not notice and is {number(pair.reverse, 3)} nats."
        )
    if invented:
        return (
            f"p rules {listed(invented)} out and q does not, so KL(q‖p) is infinite; KL(p‖q), an average over p, does "
            f"not notice and is {number(pair.forward, 3)} nats."
        )
    return f"KL(p‖q) is {number(pair.forward, 3)} nats and KL(q‖p) {number(pair.reverse, 3)}."


def _only(first: list[float], second: list[float]) -> list[str]:
    """The outcomes that are possible for the first alone."""
    return [name for name, a, b in zip(NAMES, first, second, strict=True) if a > 0 and b == 0]


def _of_bumps(target: Target, fits: Fits) -> str:
    wide = f"{_at(fits.forward)}, with a standard deviation of {number(fits.forward.deviation, 3)}"
    start = f"On the line, the Gaussian nearest by KL(p‖q) stands at {wide}"
    near = min(abs(fits.reverse.mean - place) for place in target.places)
    between = abs(fits.reverse.mean - fits.forward.mean)
    if between <= near + 1e-6:
        return f"{start}; the one by KL(q‖p) covers both bumps too, {number(fits.reverse.deviation, 3)} wide."
    side = "left" if fits.reverse.mean < fits.forward.mean else "right"
    other = "; the other bump would do as well" if target.left == 0.5 else ""  # noqa: PLR2004  half
    width = number(fits.reverse.deviation, 3)
    return f"{start}, to cover both bumps; the one by KL(q‖p) settles on the {side} one, {width} wide{other}."


def _at(fit: Fit) -> str:
    return number(0.0 if abs(fit.mean) < 1e-6 else fit.mean, 3)  # noqa: PLR2004  what the search leaves of 0


def readings(pair: Pair) -> Table:
    """Return every divergence between the two distributions, in nats and in bits."""
    figures = (
        ("KL(p‖q)", pair.forward),
        ("KL(q‖p)", pair.reverse),
        ("Jensen-Shannon", pair.js),
        ("entropy of p", pair.entropy_p),
        ("entropy of q", pair.entropy_q),
        ("cross-entropy H(p, q)", pair.cross_pq),
        ("cross-entropy H(q, p)", pair.cross_qp),
    )
    return Table(
        title=f"p = ({_row(pair.p)}), q = ({_row(pair.q)})",
        columns=("", "nats", "bits"),
        rows=tuple((name, number(value, 6), number(value / math.log(2), 6)) for name, value in figures),
        hues=(*_HUES, palette.hue("js_divergence"), palette.INK, palette.GREEN, palette.INK, palette.GREEN),
        note="Cross-entropy less entropy is the divergence: H(p, q) − H(p) = KL(p‖q).",
    )


def _row(values: list[float]) -> str:
    return ", ".join(number(v, 3) for v in values)


def fits(found: Fits, moved: Moved) -> Table:
    """Return both fits with both of their divergences, and what moving them does."""
    rows = [
        (f"nearest by {name}", _at(fit), number(fit.deviation, 5), number(fit.forward, 5), number(fit.reverse, 5))
        for name, fit in (("KL(p‖q)", found.forward), ("KL(q‖p)", found.reverse))
    ]
    where = number(moved.mean, 4)
    rows += [
        ("the first, moved", where, number(found.forward.deviation, 5), _with_slope(moved.forward), ""),
        ("the second, moved", where, number(found.reverse.deviation, 5), "", _with_slope(moved.reverse)),
    ]
    return Table(
        title="The Gaussians on the line",
        columns=("", "mean", "standard deviation", "KL(p‖q)", "KL(q‖p)"),
        rows=tuple(rows),
        hues=(*_HUES, *_HUES),
        note=f"Minimised over mean and width by Newton's method on the library's divergence, over {POINTS} points from "
        f"{number(-EDGE)} to {number(EDGE)}.",
    )


def _with_slope(both: tuple[float, float]) -> str:
    return f"{number(both[0], 5)}, slope {number(both[1], 4)}"


def data(found: Fits) -> Table:
    """Return the divergences over the mean."""

    def rows() -> tuple[tuple[str, ...], ...]:
        lines = [line.tolist() for line in (found.means, *found.forward_over, *found.reverse_over)]
        return tuple(tuple(number(v, 5) for v in row) for row in list(zip(*lines, strict=True))[::_EVERY])

    columns = ("mean", "KL(p‖q)", "KL(p‖q), slope", "KL(q‖p)", "KL(q‖p), slope")
    return Table(title="Data of the last chart", columns=columns, fill=rows)


def formulas(pair: Pair) -> tuple[Formula, ...]:
    """Return both directions and their gradients with the present numbers put in."""
    return (
        _direction(r"\mathrm{KL}(p \| q)", "p", "q", pair.p, pair.q, pair.forward, 0),
        _gradient(r"\mathrm{KL}(p \| q)", r"q_i - p_i", pair.slope_forward, 0),
        _direction(r"\mathrm{KL}(q \| p)", "q", "p", pair.q, pair.p, pair.reverse, 1),
        _gradient(
            r"\mathrm{KL}(q \| p)",
            r"q_i\left(\log\frac{q_i}{p_i} - \mathrm{KL}(q \| p)\right)",
            pair.slope_reverse,
            1,
        ),
    )


def _direction(
    name: str, first: str, second: str, weights: list[float], others: list[float], value: float, hue: int
) -> Formula:
    terms = " + ".join(
        rf"{latex_number(a, 2)}\,\log\frac{{{latex_number(a, 2)}}}{{{latex_number(b, 2)}}}"
        for a, b in zip(weights, others, strict=True)
        if a > 0
    )
    latex = rf"{name} = \sum_i {first}_i \log\frac{{{first}_i}}{{{second}_i}} = {terms} = {latex_number(value, 3)}"
    return Formula(label=_LABELS[hue], mathml=mathml(latex), hue=_HUES[hue])


def _gradient(name: str, symbols: str, slope: list[float], hue: int) -> Formula:
    noise = 1e-12 * max(map(abs, slope))  # what float64 leaves of a difference that is 0
    numbers = ",\\ ".join(latex_number(0.0 if abs(v) < noise else v, 3) for v in slope)
    ending = rf" = \left({numbers}\right)" if all(map(math.isfinite, slope)) else r",\quad\text{without a value here}"
    latex = rf"\frac{{\partial\,{name}}}{{\partial z_i}} = {symbols}{ending}"
    return Formula(label=_LABELS[hue], mathml=mathml(latex), hue=_HUES[hue])


_LABELS: Final = ("KL(p‖q), forward where q is fitted", "KL(q‖p), reverse")


def snippet(p: Weights, q: Weights, target: Target, found: Fits) -> str:
    """Return Python that prints every figure of the bars, and both divergences of both fits."""
    places = [(fit.mean, fit.deviation) for fit in (found.forward, found.reverse)]
    return _SNIPPET.format(
        p=list(p), q=list(q), edge=EDGE, points=POINTS, shares=[target.left, 1 - target.left],
        centres=list(target.places), width=target.width, places=places,
    )  # fmt: skip


_SNIPPET: Final = """\
import torch
import slopes
from slopes import activations as A, losses as L

log_p, log_q = (A.log_softmax(torch.tensor(w, dtype=torch.float64).log()) for w in ({p}, {q}))
with slopes.exact():
    print(L.kl_divergence(log_p, log_q).item(), L.kl_divergence(log_q, log_p).item())
    print(L.js_divergence(log_p, log_q).item(), L.entropy(log_p).item(), L.entropy(log_q).item())
    for one, other in ((log_p, log_q), (log_q, log_p)):
        print(L.cross_entropy(other[None], one.exp()[None]).item())

x = torch.linspace(-{edge}, {edge}, {points}, dtype=torch.float64)
shares, centres = torch.tensor({shares}, dtype=torch.float64), torch.tensor({centres}, dtype=torch.float64)
log_p = (shares.log() - (x[:, None] - centres) ** 2 / (2 * {width} ** 2)).logsumexp(-1).log_softmax(-1)
with slopes.exact():
    for mean, deviation in {places}:
        log_q = (-0.5 * ((x - mean) / deviation) ** 2).log_softmax(-1)
        print(L.kl_divergence(log_p, log_q).item(), L.kl_divergence(log_q, log_p).item())
"""
