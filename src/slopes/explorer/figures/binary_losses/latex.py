"""The formulas of the binary losses at the present label, with the numbers put in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from slopes.explorer.figures.binary_losses.text import Drawn
from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.result import Formula
from slopes.explorer.figures.wording import latex_number


@dataclass(frozen=True, kw_only=True)
class _Place:
    """What formulas are filled with.

    Attributes:
        yes: Whether the label is 1.
        z: The logit of the truth, that is z or -z.
        q: The probability of the truth.
        p: The probability of a label of 1.
        options: The loss' own numbers.
    """

    yes: bool
    z: float
    q: float
    p: float
    options: dict[str, float]

    @property
    def sign(self) -> str:
        """The sign of a slope that pulls towards the truth."""
        return "-" if self.yes else ""

    def option(self, name: str) -> str:
        """Return an option as LaTeX."""
        return latex_number(self.options[name], 3)


def formulas(z: float, y: float, p: float, drawn: Sequence[Drawn]) -> tuple[Formula, ...]:
    """Return each loss and its slope, with the numbers put in; the visitor's own has none."""
    said = []
    for d in drawn:
        yes = y == 1
        place = _Place(yes=yes, z=z if yes else -z, q=p if yes else 1 - p, p=p, options=dict(d.options))
        found = _FORMULAS[d.entry.name](place) if d.entry.name in _FORMULAS else ()
        for head, latex, result in zip((r"\ell", r"\frac{d\ell}{dz}"), found, (d.value, d.slope), strict=False):
            whole = f"{head} = {latex} = {latex_number(result, 4)}"
            said.append(Formula(label=d.entry.label, mathml=mathml(whole), hue=d.entry.hue))
    return tuple(said)


def _cross_entropy(at: _Place) -> tuple[str, ...]:
    weighs = at.yes and at.options["pos_weight"] != 1
    weight = rf"{at.option('pos_weight')} \cdot " if weighs else ""
    return rf"-{weight}\log \sigma({latex_number(at.z, 4)})", rf"{at.sign}{weight}(1 - {_q(at)})"


def _focal(at: _Place) -> tuple[str, ...]:
    q, gamma = _q(at), at.option("gamma")
    factor = rf"(1 - {q})^{{{gamma}}}"
    slope = rf"{at.sign}{factor}\,b,\quad b = 1 - {q} - {gamma} \cdot {q} \log({q}),\quad \frac{{d\ell}}{{dz}}"
    return rf"-{factor} \log({q})", slope


def _asymmetric(at: _Place) -> tuple[str, ...]:
    if at.yes:
        return (rf"-(1 - {_q(at)})^{{{at.option('gamma_positive')}}} \log({_q(at)})",)
    m = latex_number(max(at.p - at.options["clip"], 0.0), 4)
    shifted = rf"m = \max({latex_number(at.p, 4)} - {at.option('clip')},\ 0) = {m}"
    return (rf"-m^{{{at.option('gamma_negative')}}} \log(1 - m),\quad {shifted},\quad \ell",)


def _hinge(at: _Place) -> tuple[str, ...]:
    margin = at.option("margin")
    return rf"\max(0,\ {margin} - {_z(at)})", rf"{at.sign}[\,{latex_number(at.z, 4)} < {margin}\,]"


def _squared_score(at: _Place) -> tuple[str, ...]:
    return rf"(1 - {_z(at)})^2", rf"{at.sign}2\,(1 - {_z(at)})"


def _squared(at: _Place) -> tuple[str, ...]:
    return rf"(1 - {_q(at)})^2", rf"{at.sign}2\,(1 - {_q(at)}) \cdot {_q(at)}\,(1 - {_q(at)})"


def _absolute(at: _Place) -> tuple[str, ...]:
    return rf"1 - {_q(at)}", rf"{at.sign}{_q(at)}\,(1 - {_q(at)})"


def _q(at: _Place) -> str:
    return latex_number(at.q, 4)


def _z(at: _Place) -> str:
    latex = latex_number(at.z, 4)
    return f"({latex})" if latex.startswith("-") else latex


_FORMULAS: Final[dict[str, Callable[[_Place], tuple[str, ...]]]] = {
    "binary_cross_entropy": _cross_entropy,
    "focal": _focal,
    "asymmetric": _asymmetric,
    "hinge": _hinge,
    "mse_score": _squared_score,
    "mse": _squared,
    "mae": _absolute,
}
