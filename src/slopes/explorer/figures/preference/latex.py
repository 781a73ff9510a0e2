"""The formulas of the preference figure, with the present numbers put in."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.preference.entries import PER_TOKEN, YOURS, Line
from slopes.explorer.figures.result import Formula
from slopes.explorer.figures.wording import latex_number

_SLOPE: Final = r"\frac{d\ell}{d\Delta}"


def formulas(lines: list[Line]) -> tuple[Formula, ...]:
    """Return each loss and its slope with the present numbers put in."""
    made = []
    for line in lines:
        if line.entry.name == YOURS:
            continue
        *before, value, slope = _LATEX[line.entry.name](line)
        ends = (f"{latex} = {latex_number(v, 4)}" for latex, v in zip((value, slope), line.under, strict=True))
        hue = line.entry.hue
        made += [Formula(label=line.entry.label, mathml=mathml(latex), hue=hue) for latex in (*before, *ends)]
    return tuple(made) or (Formula(label="Margin", mathml=mathml(r"\Delta = \rho_+ - \rho_-")),)


def _n(value: float) -> str:
    said = latex_number(value, 4)
    return f"({said})" if said.startswith("-") else said


def _product(line: Line) -> str:
    return rf"{_n(line.setting.beta)} \cdot {_n(line.at)}"


def _logistic(line: Line, symbol: str, by: str) -> tuple[str, ...]:
    value = rf"\ell = -\log\sigma({symbol}) = -\log\sigma({_product(line)})"
    slope = rf"{_SLOPE} = -\beta\,\sigma({by}) = -{_n(line.setting.beta)} \cdot \sigma(-{_product(line)})"
    return value, slope


def _dpo(line: Line) -> tuple[str, ...]:
    s = line.setting
    if s.smoothing == 0:
        return _logistic(line, r"\beta\Delta", r"-\beta\Delta")
    product, e, rest = _product(line), _n(s.smoothing), _n(1 - s.smoothing)
    value = rf"\ell = -{rest}\,\log\sigma({product}) - {e}\,\log\sigma(-{product})"
    slope = (
        rf"{_SLOPE} = \beta\left(\epsilon - \sigma(-\beta\Delta)\right) = "
        rf"{_n(s.beta)} \cdot \left({e} - \sigma(-{product})\right)"
    )
    return value, slope


def _ipo(line: Line) -> tuple[str, ...]:
    symbols, numbers = r"\Delta - \frac{1}{2\beta}", f"{_n(line.at)} - {_n(line.setting.goal)}"
    value = rf"\ell = \left({symbols}\right)^2 = \left({numbers}\right)^2"
    slope = rf"{_SLOPE} = 2\left({symbols}\right) = 2 \cdot \left({numbers}\right)"
    return value, slope


def _hinge(line: Line) -> tuple[str, ...]:
    value = rf"\ell = \max(0, 1 - \beta\Delta) = \max(0, 1 - {_product(line)})"
    slope = rf"{_SLOPE} = -\beta \text{{ where }} \Delta < \frac{{1}}{{\beta}}, \text{{ else }} 0; \quad {_SLOPE}"
    return value, slope


def _kto(line: Line) -> tuple[str, ...]:
    s = line.setting
    plus, minus = (latex_number(s.beta * (side - s.kl), 4) for side in s.sides(line.at))
    return (
        rf"z_\pm = \beta\left(\rho_\pm - z_0\right),\quad z_+ = {plus},\quad z_- = {minus}",
        r"\ell = \tfrac12\,\sigma(-z_+) + \tfrac12\,\sigma(z_-)",
        rf"{_SLOPE} = -\tfrac12\,\beta\left(s\,\sigma'(z_+) + (1 - s)\,\sigma'(z_-)\right)",
    )


def _orpo(line: Line) -> tuple[str, ...]:
    s = line.setting
    plus, minus = (latex_number(PER_TOKEN + side / s.tokens, 4) for side in s.sides(line.at))
    return (
        rf"\log p_+ = {plus},\quad \log p_- = {minus},\quad o = \log\frac{{p}}{{1 - p}}",
        r"\ell = -\log\sigma(o_+ - o_-)",
        rf"{_SLOPE} = -\frac{{\sigma(o_- - o_+)}}{{n}}\left(\frac{{s}}{{1 - p_+}} + \frac{{1 - s}}{{1 - p_-}}\right)",
    )


def _bradley_terry(line: Line) -> tuple[str, ...]:
    return _logistic(line, "r_+ - r_-", "r_- - r_+")


_LATEX: Final = {
    "dpo": _dpo,
    "ipo": _ipo,
    "hinge": _hinge,
    "kto": _kto,
    "orpo": _orpo,
    "bradley_terry": _bradley_terry,
}
