"""What the cross-entropy figure says: the price of both answers, and how hard each pulls."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.cross_entropy.curves import HUES, At
from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.result import Formula, Table
from slopes.explorer.figures.wording import latex_number, number

_EVEN: Final = 0.002  # as near to a coin flip as makes no difference to a reader

SNIPPET: Final = {
    "probability": """\
import torch
import slopes
from slopes import losses as L

p = torch.tensor({x!r}, dtype=torch.float64, requires_grad=True)
with slopes.exact():
    for y in (1.0, 0.0):
        loss = L.binary_cross_entropy(p.logit(), torch.tensor(y, dtype=torch.float64))
        print(loss.item(), torch.autograd.grad(loss, p)[0].item())
""",
    "logit": """\
import torch
import slopes
from slopes import losses as L

z = torch.tensor({x!r}, dtype=torch.float64, requires_grad=True)
with slopes.exact():
    for y in (1.0, 0.0):
        loss = L.binary_cross_entropy(z, torch.tensor(y, dtype=torch.float64))
        print(loss.item(), torch.autograd.grad(loss, z)[0].item())
""",
}


def reading(at: At) -> str:
    """Return what either answer costs, and how hard the dearer one pulls."""
    start = f"With {number(100 * at.p, 4)} % on y = 1"
    if at.axis == "logit":
        start = f"With a logit of {number(at.z, 4)}, which puts {number(100 * at.p, 4)} % on y = 1"
    if abs(at.p - 0.5) < _EVEN:
        return (
            f"{start}, a coin flip, either truth costs {number(at.loss[0], 3)} nats, the logarithm of 2, and pulls "
            "the logit with half of full force towards itself."
        )
    dear = 0 if at.loss[0] > at.loss[1] else 1  # places, y = 1 first
    most, least = at.loss[dear], at.loss[1 - dear]
    prices = (
        f"{start}, a truth of y = {1 - dear} costs {number(most, 4)} nats, {number(most / least, 3)} times as much as "
        f"one of y = {dear} ({number(least, 3)})"
    )
    pull = abs(at.by_z[dear])
    if at.axis == "logit":
        return f"{prices}. By the logit it pulls with {number(pull, 4)}: near to 1, never above."
    return (
        f"{prices}. By the probability its gradient is {number(at.by_p[dear], 4)}, and has no limit; by the logit it "
        f"is {number(at.by_z[dear], 4)}, and stays within 1."
    )


def readings(at: At) -> Table:
    """Return loss and gradients of both answers under the crosshair."""
    rows = tuple((f"y = {1 - i}", number(at.loss[i], 6), number(at.by_p[i], 6), number(at.by_z[i], 6)) for i in (0, 1))
    title = f"At p = {number(at.p, 6)}, z = {number(at.z, 6)}"
    return Table(title=title, columns=("", "loss, nats", "gradient by p", "gradient by z"), rows=rows, hues=HUES)


def formulas(at: At) -> tuple[Formula, ...]:
    """Return the loss of each answer, and its gradient by what the axis shows, with the numbers put in."""
    p = latex_number(at.p, 5)
    said = []
    for i, name, given, sign in ((0, "p", p, "-"), (1, "(1 - p)", f"1 - {p}", "")):
        if at.axis == "probability":
            value = rf"\ell = -\log {name} = -\log({given}) = {latex_number(at.loss[i], 5)}"
            slope = rf"\frac{{d\ell}}{{dp}} = {sign}\frac{{1}}{{{given}}} = {latex_number(at.by_p[i], 5)}"
        else:
            z = latex_number(at.z if i == 0 else -at.z, 4)
            value = (
                rf"\ell = -\log \sigma({'z' if i == 0 else '-z'}) = -\log \sigma({z}) = {latex_number(at.loss[i], 5)}"
            )
            slope = rf"\frac{{d\ell}}{{dz}} = \sigma(z) - {1 - i} = {p} - {1 - i} = {latex_number(at.by_z[i], 5)}"
        said += [Formula(label=f"y = {1 - i}", mathml=mathml(latex), hue=HUES[i]) for latex in (value, slope)]
    return tuple(said)
